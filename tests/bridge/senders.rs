//! W7: other senders of the same subscription, and a death at each step of writing DateTimeStart.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mysql_async::prelude::Queryable;
use opendental_cdc::sandbox::receiver::Behavior;
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::office::{Event, Office};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_sender_that_moves_date_time_start_all_the_time_neither_starves_nor_doubles_us_and_is_told_once() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 2).await;
    let bridge = office.process();
    office.ticking(1).await;
    let mut told = Vec::new();
    let mut before = String::new();
    for num in 1..=8 {
        office.exec(&insert(num)).await;
        // Every second, so that it is not always the value that we write.
        let next = async || office.value("SELECT CAST(NOW() AS CHAR)").await.filter(|now| *now != before);
        let now = office.until("the next second", next).await;
        let stands = office.date_time_start(1).await;
        assert!(stands <= now, "DateTimeStart {stands} lies ahead of {now}");
        before = now;
        office.exec(&format!("UPDATE apisubscription SET DateTimeStart='{before}'")).await;
    }
    while told.len() < 8 {
        told.extend(office.event().await.field("AptNum"));
    }
    assert_eq!(told, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    office.ticking(1).await;
    assert!(office.receiver.try_next().is_none());
    assert_eq!(office.told("another sender moves DateTimeStart"), 1);
    assert_eq!(office.told("sending again from there"), 0);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_two_bridges_of_one_subscription_each_send_every_row_once_and_date_time_start_never_moves_back() {
    let mut office = Office::open().await;
    for num in 1..=3 {
        office.subscribe(num, "Appointment", 1).await;
    }
    let bridges = [office.process(), office.process_on("OTHER")];
    for _ in 0..2 {
        office.ticking(1).await;
    }
    let mut counts: BTreeMap<(String, i64, String), usize> = BTreeMap::new();
    let mut starts: Vec<String> = Vec::new();
    let rows = 10;
    for num in 1..=rows {
        office.exec(&insert(num)).await;
        office.ticking(1 + num % 3).await;
        starts.push(office.date_time_start(1).await);
    }
    let mut take = |event: Event| {
        for num in event.field("AptNum") {
            let sender = event.received.header("workstation").to_owned();
            *counts.entry((sender, event.subscription(), num)).or_default() += 1;
        }
        counts.len() == 2 * 3 * rows as usize
    };
    while !take(office.event().await) {}
    for _ in 0..3 {
        office.ticking(1).await;
    }
    while let Some(more) = office.receiver.try_next() {
        take(Event::new(more));
    }
    assert!(counts.values().all(|&count| count == 1), "sent twice: {counts:?}");
    assert!(starts.is_sorted(), "DateTimeStart went {starts:?}");
    assert_eq!(office.told("sending again from there"), 0);
    assert!(office.told("another sender moves DateTimeStart") <= 2 * 3);
    drop(bridges);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_bridge_whose_events_take_long_writes_no_older_date_time_start_over_anothers() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    // One of them has a slow way to the endpoint.
    office.receiver.behave_by(|event| {
        let delay = Duration::from_secs(if event.header("workstation") == "OTHER" { 3 } else { 0 });
        Behavior::Answer { status: 200, headers: Vec::new(), delay }
    });
    let bridges = [office.process(), office.process_on("OTHER")];
    for _ in 0..3 {
        office.ticking(1).await;
    }
    let (mut num, mut slow, mut starts) = (0, 0, Vec::new());
    while slow < 4 {
        num += 1;
        office.exec(&insert(num)).await;
        let before = office.date_time_start(1).await;
        // Until one of them has moved it, whichever way.
        starts.push(office.date_time_start_after(1, &before).await);
        while let Some(event) = office.receiver.try_next() {
            slow += usize::from(event.header("workstation") == "OTHER");
        }
    }
    assert!(starts.is_sorted(), "DateTimeStart went {starts:?}");
    assert_eq!(office.told("sending again from there"), 0);
    drop(bridges);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_beside_a_polling_sender_of_the_same_subscriptions_every_row_is_sent_once_by_us() {
    let mut office = Office::open().await;
    for num in 1..=3 {
        office.subscribe(num, "Appointment", 1).await;
    }
    // Ours takes its time, or the other would seldom find a window due.
    office.receiver.behave_by(|event| {
        let delay = Duration::from_secs(if event.header("workstation") == "CDC-TEST" { 2 } else { 0 });
        Behavior::Answer { status: 200, headers: Vec::new(), delay }
    });
    let bridge = office.process();
    office.ticking(1).await;
    office.poll();
    let polling = office.process_on("POLLING");
    let mut counts: BTreeMap<(String, i64, String), usize> = BTreeMap::new();
    let mut take = |event: Event| {
        let sender = event.received.header("workstation").to_owned();
        for num in event.field("AptNum") {
            *counts.entry((sender.clone(), event.subscription(), num)).or_default() += 1;
        }
        sender
    };
    let mut starts: Vec<String> = Vec::new();
    let (mut rows, mut theirs) = (0, 0);
    while rows < 12 || theirs < 3 {
        rows += 1;
        office.exec(&insert(rows)).await;
        office.ticking(1 + rows % 3).await;
        starts.push(office.date_time_start(1).await);
        while let Some(event) = office.receiver.try_next() {
            theirs += usize::from(take(Event::new(event)) == "POLLING");
        }
    }
    // A window after the last row's, of each.
    for _ in 0..2 {
        for num in 1..=3 {
            office.ticking(num).await;
        }
    }
    office.receiver.behave(Behavior::status(200));
    office.exec(&insert(rows + 1)).await;
    let last = (rows + 1).to_string();
    let mut missing = BTreeSet::from([1, 2, 3]);
    while !missing.is_empty() {
        let event = office.event().await;
        if event.received.header("workstation") == "CDC-TEST" && event.field("AptNum").contains(&last) {
            missing.remove(&event.subscription());
        }
        take(event);
    }
    let ours: Vec<_> = counts.iter().filter(|((sender, _, _), _)| sender == "CDC-TEST").collect();
    assert!(ours.iter().all(|&(_, &count)| count == 1), "sent twice: {ours:?}");
    assert_eq!(ours.len(), 3 * (rows as usize + 1), "not all was sent: {ours:?}");
    assert!(starts.is_sorted(), "DateTimeStart went {starts:?}");
    assert_eq!(office.told("sending again from there"), 0);
    bridge.kill();
    polling.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_sender_that_writes_what_we_have_passed_is_no_wish_to_have_all_again() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    let mut told = Vec::new();
    for num in 1..=6 {
        // When the other begins its search; its endpoint takes its time.
        let began = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
        office.exec(&insert(num)).await;
        told.extend(office.event().await.field("AptNum"));
        let passed = async || (office.date_time_start(1).await > began).then_some(());
        office.until("we are further", passed).await;
        office.exec(&format!("UPDATE apisubscription SET DateTimeStart='{began}'")).await;
        office.ticking(1).await;
    }
    while !told.contains(&"6".to_owned()) {
        told.extend(office.event().await.field("AptNum"));
    }
    let again = office.told("sending again from there");
    assert!(again <= 1, "taken for a wish {again} times");
    assert!(told.len() <= 7, "{told:?}");
    // A person who wants the last hour again gets it all the same.
    office.exec("UPDATE apisubscription SET DateTimeStart = NOW() - INTERVAL 1 HOUR").await;
    let mut all = office.event().await.field("AptNum");
    while !all.contains(&"6".to_owned()) {
        all.extend(office.event().await.field("AptNum"));
    }
    assert!(all.contains(&"1".to_owned()), "{all:?}");
    assert_eq!(office.told("sending again from there"), again + 1);
    bridge.kill();
}

/// What the state file holds of the subscription's DateTimeStart.
async fn pending(office: &Office) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(office.state()).read_only(true);
    let mut state = SqliteConnection::connect_with(&options).await.unwrap();
    let row = sqlx::query("SELECT pending FROM subscription").fetch_one(&mut state).await.unwrap();
    state.close().await.unwrap();
    row.get(0)
}

/// Kills the bridge once the new DateTimeStart is stored and before it is written; then `meanwhile` happens.
async fn killed_before_the_update(meanwhile: impl AsyncFn(&Office, &str)) {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    let mut session = office.connect().await;
    // Its UPDATE waits, while all before it is done.
    session.query_drop("LOCK TABLES apisubscription READ, appointment WRITE").await.unwrap();
    session.query_drop(insert(1)).await.unwrap();
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    // In that session: others would wait behind the UPDATE.
    let before = "SELECT CAST(DateTimeStart AS CHAR) FROM apisubscription";
    let before: String = session.query_first(before).await.unwrap().unwrap();
    let stored = office.until("DateTimeStart is stored", async || pending(&office).await.filter(|p| *p > before)).await;
    bridge.kill();
    // The server would carry out what a client that is gone had asked for.
    session.query_drop(format!("KILL USER '{}'@'127.0.0.1'", office.database)).await.unwrap();
    session.query_drop("UNLOCK TABLES").await.unwrap();
    meanwhile(&office, &stored).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec(&insert(2)).await;
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["2"], "appointment 1 was accepted before");
    assert_eq!(office.told("sending again from there") + office.told("a pause until then"), 0);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_killed_between_storing_date_time_start_and_its_update() {
    killed_before_the_update(async |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_killed_between_the_update_of_date_time_start_and_its_answer() {
    killed_before_the_update(async |office, stored| {
        office.exec(&format!("UPDATE apisubscription SET DateTimeStart='{stored}'")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_killed_before_the_update_that_another_sender_then_makes_in_vain() {
    killed_before_the_update(async |office, _| {
        office.exec("UPDATE apisubscription SET DateTimeStart=NOW()").await;
    })
    .await;
}
