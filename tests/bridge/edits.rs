//! W7 and W8: rows of `apisubscription` are edited while a window is being retried, while the bridge is down, and while
//! old log is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
};

use crate::office::{Event, Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn edit(office: &Office, what: &str) {
    office.exec(&format!("UPDATE apisubscription SET {what} WHERE ApiSubscriptionNum=1")).await;
}

async fn move_to(office: &Office, path: i64) {
    edit(office, &format!("EndPointUrl='{}'", office.receiver.url(&format!("/{path}/")))).await;
}

/// The next event that is sent to `path`.
async fn event_at(office: &mut Office, path: i64) -> Event {
    loop {
        let event = office.event().await;
        if event.subscription() == path {
            return event;
        }
    }
}

/// The next event that holds appointment `num`.
async fn event_with(office: &mut Office, num: i64) -> Event {
    loop {
        let event = office.event().await;
        if event.field("AptNum").contains(&num.to_string()) {
            return event;
        }
    }
}

/// An office whose only endpoint refuses appointment 1.
async fn refusing(office: &mut Office) -> Event {
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Patient", 1).await;
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    event_with(office, 1).await
}

/// Waits until the edits before this have been read: the other subscription's windows are closed in order with them.
async fn read(office: &Office) {
    office.ticking(2).await;
    office.ticking(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_edits_in_old_log_that_is_read_again_send_nothing_to_an_old_endpoint() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    let mut ids = vec![event_at(&mut office, 1).await.id()];
    for path in [2, 3] {
        move_to(&office, path).await;
        ids.push(event_at(&mut office, path).await.id());
    }
    bridge.kill();
    for path in [4, 5] {
        move_to(&office, path).await;
    }
    office.exec(&insert(2)).await;
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let mut missing = BTreeSet::from(["1".to_owned(), "2".to_owned()]);
    while !missing.is_empty() {
        let event = office.event().await;
        assert_eq!(event.subscription(), 5, "an endpoint that was left long ago");
        assert!(!ids.contains(&event.id()), "another endpoint's window");
        missing.retain(|num| !event.field("AptNum").contains(num));
    }
    bridge.kill();
}

/// What each edit does to a window that is being retried.
async fn while_a_window_is_retried(mut office: Office) {
    let office = &mut office;
    office.configure("[delivery]\nretry_max_seconds = 1\n");
    let bridge = office.process();
    let first = refusing(office).await;

    // These change nothing about the window.
    for what in ["PollingSeconds=3600", "Workstation='cdc-test'", "Workstation='All Workstations'", "Note='n'"] {
        edit(office, what).await;
        read(office).await;
        assert_eq!(event_at(office, 1).await.id(), first.id(), "{what}");
    }
    edit(office, "CustomerKey='other', PollingSeconds=1").await;
    while event_at(office, 1).await.received.header("authorization") != "other" {}

    // Another endpoint: the window starts again there.
    move_to(office, 3).await;
    let moved = event_at(office, 3).await;
    assert_eq!((moved.field("AptNum"), moved.id() == first.id()), (vec!["1".to_owned()], false));

    // Not ours any more, or not any more at all: nothing is sent; then it begins where DateTimeStart stands.
    for (what, undone) in [
        ("Workstation='FRONTDESK'", "Workstation=''"),
        ("DateTimeStop=NOW() - INTERVAL 1 MINUTE", "DateTimeStop='0001-01-01'"),
        ("WatchTable='Provider'", "WatchTable='Appointment', DateTimeStart=DateTimeStart - INTERVAL 1 HOUR"),
    ] {
        edit(office, what).await;
        read(office).await;
        while office.receiver.try_next().is_some() {}
        read(office).await;
        assert!(office.receiver.try_next().is_none(), "{what}");
        edit(office, undone).await;
        let event = event_at(office, 3).await;
        assert_eq!(event.field("AptNum"), ["1"], "{what}");
        assert_ne!(event.id(), moved.id(), "{what}");
    }

    // DateTimeStart: back, to nothing, to nonsense, ahead, and away from there.
    let before = event_at(office, 3).await;
    edit(office, "DateTimeStart=NOW() - INTERVAL 2 HOUR").await;
    while event_at(office, 3).await.id() == before.id() {}
    let before = event_at(office, 3).await;
    edit(office, "DateTimeStart='0000-00-00 00:00:00'").await;
    while event_at(office, 3).await.id() == before.id() {}
    let before = event_at(office, 3).await;
    edit(office, "DateTimeStart='2026-00-00 00:00:00'").await;
    read(office).await;
    assert_eq!(event_at(office, 3).await.id(), before.id(), "nonsense changes nothing");
    edit(office, "DateTimeStart=NOW() + INTERVAL 1 DAY").await;
    read(office).await;
    while office.receiver.try_next().is_some() {}
    read(office).await;
    assert!(office.receiver.try_next().is_none(), "a pause");
    edit(office, "DateTimeStart=NOW()").await;
    office.receiver.behave(Behavior::status(200));
    assert_eq!(event_with(office, 1).await.subscription(), 3);
    office.ticking(1).await;

    // Deleted, and another made under its number.
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(2)).await;
    let last = event_with(office, 2).await;
    let row = subscription_row(1, &office.receiver.url("/4/"), "Appointment", 1, "NOW()");
    office.exec(&format!("DELETE FROM apisubscription WHERE ApiSubscriptionNum=1; {row}")).await;
    office.receiver.behave(Behavior::status(200));
    office.ticking(1).await;
    while office.receiver.try_next().is_some() {}
    office.exec(&insert(3)).await;
    let event = event_with(office, 3).await;
    assert_eq!(event.subscription(), 4);
    assert_ne!(event.id(), last.id());
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_subscription_is_edited_while_its_window_is_retried() {
    while_a_window_is_retried(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_subscription_is_edited_where_rows_are_logged_in_part() {
    let options = Options::default().zone("America/New_York").arg("--sql-mode=").arg("--binlog-row-image=MINIMAL");
    let server = Arc::new(MariaDb::start(options).await.unwrap());
    while_a_window_is_retried(Office::on(server, Engine::InnoDb).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_an_edit_that_is_rolled_back_is_none() {
    use mysql_async::prelude::Queryable;
    let mut office = Office::open_innodb().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    let mut session = office.connect().await;
    let elsewhere = format!("UPDATE apisubscription SET EndPointUrl='{}'", office.receiver.url("/9/"));
    session.query_drop(format!("START TRANSACTION; {elsewhere}; ROLLBACK")).await.unwrap();
    let part = format!("START TRANSACTION; {}; SAVEPOINT s; {elsewhere}; ROLLBACK TO SAVEPOINT s; COMMIT", insert(1));
    session.query_drop(part).await.unwrap();
    assert_eq!(event_with(&mut office, 1).await.subscription(), 1);
    bridge.kill();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w6_a_state_file_from_a_backup_repeats_rows_and_loses_none_and_uses_no_id_for_others() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let stop = |bridge: crate::office::Process| async move {
        assert_eq!(tokio::task::spawn_blocking(move || bridge.terminate()).await.unwrap(), Some(0));
    };
    let bridge = office.process();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    let first = office.event().await;
    stop(bridge).await;
    let backup = office.state().with_file_name("backup.db");
    std::fs::copy(office.state(), &backup).unwrap();

    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for num in 1..=4 {
        if num > 1 {
            office.exec(&insert(num)).await;
        }
        let event = event_with(&mut office, num).await;
        sent.insert(event.id(), event.field("AptNum"));
    }
    assert!(sent.contains_key(&first.id()));
    office.ticking(1).await;
    let start = office.date_time_start(1).await;
    stop(bridge).await;

    std::fs::copy(&backup, office.state()).unwrap();
    office.exec(&insert(5)).await;
    let bridge = office.process();
    let mut again = BTreeSet::new();
    while again.len() < 5 {
        let event = office.event().await;
        let rows = event.field("AptNum");
        if let Some(before) = sent.get(&event.id()) {
            assert_eq!(*before, rows, "an id that stood for other rows");
        }
        again.extend(rows);
    }
    assert!(office.date_time_start_after(1, &start).await > start, "DateTimeStart is not taken back");
    assert_eq!(office.told("sending again from there"), 0);
    bridge.kill();
}
