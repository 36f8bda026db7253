//! kill -9 in each phase of a window, then a start: nothing is lost, and what was fixed keeps its `webhook-id`.

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Event, Office};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn served(polling_seconds: i64) -> (Office, crate::office::Process) {
    let office = Office::open().await;
    office.subscribe(1, "Appointment", polling_seconds).await;
    let bridge = office.process();
    office.ticking(1).await;
    (office, bridge)
}

/// Events until all `nums` have arrived.
async fn all(office: &mut Office, nums: &[i64]) -> Vec<Event> {
    let mut missing: Vec<String> = nums.iter().map(i64::to_string).collect();
    let mut events = Vec::new();
    while !missing.is_empty() {
        let event = office.event().await;
        missing.retain(|num| !event.field("AptNum").contains(num));
        events.push(event);
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_killed_while_a_window_gathers_changes() {
    let (mut office, bridge) = served(3).await;
    office.exec(&insert(1)).await;
    bridge.kill();
    office.exec(&insert(2)).await;
    let bridge = office.process();
    all(&mut office, &[1, 2]).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_killed_while_an_event_is_under_way() {
    let (mut office, bridge) = served(1).await;
    office.receiver.behave(Behavior::Hang);
    office.exec(&insert(1)).await;
    let first = office.event().await;
    bridge.kill();
    office.exec(&insert(2)).await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let events = all(&mut office, &[1, 2]).await;
    assert_eq!(events[0].id(), first.id());
    assert_eq!(events[0].field("AptNum"), ["1"], "what was committed later is in the next window");
    assert_ne!(events[1].id(), first.id());
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_killed_while_a_failed_event_waits_for_its_next_attempt() {
    let (mut office, bridge) = served(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    let first = office.event().await;
    let second = office.event().await;
    assert_eq!(second.id(), first.id());
    bridge.kill();
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let events = all(&mut office, &[1]).await;
    assert_eq!(events[0].id(), first.id());
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_killed_between_the_events_of_a_window() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 2\n");
    office.subscribe(1, "Appointment", 2).await;
    let bridge = office.process();
    office.ticking(1).await;
    // The second event's first attempt hangs.
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    office.receiver.behave_by(move |event| {
        let mut seen = seen.lock().unwrap();
        seen.insert(event.header("webhook-id").to_owned());
        if seen.len() == 1 { Behavior::status(200) } else { Behavior::Hang }
    });
    office.exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1,1,NOW()),(2,1,NOW()),(3,1,NOW()),(4,1,NOW()),(5,1,NOW())").await;
    let first = office.event().await;
    let second = office.event().await;
    assert_eq!(
        (first.field("AptNum"), second.field("AptNum")),
        (vec!["1".into(), "2".into()], vec!["3".into(), "4".into()])
    );
    bridge.kill();
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let again = office.event().await;
    assert_eq!(again.field("AptNum"), ["3", "4"], "what was accepted is not sent again");
    assert_eq!(again.id(), second.id());
    assert_eq!(office.event().await.field("AptNum"), ["5"]);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_killed_between_the_last_answer_and_the_write_back() {
    // The table is locked: the UPDATE of DateTimeStart waits while everything before it is done.
    use mysql_async::prelude::Queryable;
    let (mut office, bridge) = served(1).await;
    let mut session = office.connect().await;
    session.query_drop("LOCK TABLES apisubscription READ, appointment WRITE").await.unwrap();
    session.query_drop(insert(1)).await.unwrap();
    let first = office.event().await;
    bridge.kill();
    session.query_drop("UNLOCK TABLES").await.unwrap();
    let start = office.date_time_start(1).await;
    let bridge = office.process();
    office.date_time_start_after(1, &start).await;
    office.exec(&insert(2)).await;
    for event in all(&mut office, &[2]).await {
        assert!(event.field("AptNum") == ["2"] || event.id() == first.id(), "sent again under another id");
    }
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_killed_in_the_middle_of_a_catch_up() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 2\n");
    office
        .exec(
            "INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1,1,'2026-01-01'), (2,1,'2026-01-02'), \
             (3,1,'2026-01-03'), (4,1,'2026-01-04'), (5,1,'2026-01-05')",
        )
        .await;
    office.subscribe(1, "Appointment", 1).await;
    office.exec("UPDATE apisubscription SET DateTimeStart='2025-12-31'").await;
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    office.receiver.behave_by(move |event| {
        let mut seen = seen.lock().unwrap();
        seen.insert(event.header("webhook-id").to_owned());
        if seen.len() == 1 { Behavior::status(200) } else { Behavior::Hang }
    });
    let bridge = office.process();
    assert_eq!(office.event().await.field("AptNum"), ["1", "2"]);
    let second = office.event().await;
    bridge.kill();
    office.exec(&insert(6)).await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let again = office.event().await;
    assert_eq!((again.id(), again.field("AptNum")), (second.id(), vec!["3".into(), "4".into()]));
    assert_eq!(office.event().await.field("AptNum"), ["5"]);
    assert_eq!(office.event().await.field("AptNum"), ["6"]);
    bridge.kill();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_lets_the_request_under_way_end_and_exits_with_0() {
    let (mut office, bridge) = served(1).await;
    office.receiver.behave(Behavior::Answer {
        status: 200,
        headers: Vec::new(),
        delay: std::time::Duration::from_secs(2),
    });
    office.exec(&insert(1)).await;
    let first = office.event().await;
    let code = tokio::task::spawn_blocking(move || bridge.terminate()).await.unwrap();
    assert_eq!(code, Some(0));
    // Its answer was heard: a new start does not send it again.
    let start = office.date_time_start(1).await;
    let bridge = office.process();
    office.date_time_start_after(1, &start).await;
    office.exec(&insert(2)).await;
    let event = office.event().await;
    assert_ne!(event.id(), first.id());
    assert_eq!(event.field("AptNum"), ["2"]);
    bridge.kill();
}
