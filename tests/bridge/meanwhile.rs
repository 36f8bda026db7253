//! What happens while a table is being searched, or a window waits to be put together again: nothing is lost by it.

use mysql_async::prelude::Queryable;
use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Office, subscription_row};

const SEARCHING: &str = "searching the table for a catch-up";

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES ({num}, 1, '', NOW())")
}

async fn polling_seconds(office: &Office, nums: &str, seconds: u32) {
    let set = format!("UPDATE apisubscription SET PollingSeconds={seconds} WHERE ApiSubscriptionNum IN ({nums})");
    office.exec(&set).await;
}

/// Waits until everything that was due before this has met its barrier: subscription 9 shares it, whose table is quiet.
async fn barriers(office: &Office) {
    office.ticking(9).await;
    office.ticking(9).await;
    office.ticking(9).await;
}

/// A session that keeps everybody else out of a table.
async fn locked(office: &Office, table: &str) -> mysql_async::Conn {
    let mut session = office.connect().await;
    session.query_drop(format!("LOCK TABLES {table} WRITE")).await.unwrap();
    session
}

async fn until_told(office: &Office, text: &str, times: usize) {
    office.until(text, async || (office.told(text) >= times).then_some(())).await;
}

/// Reads events until the subscription gets this appointment; returns all appointments that it got.
async fn appointments_until(office: &mut Office, subscription: i64, last: &str) -> Vec<String> {
    let mut got = Vec::new();
    while !got.iter().any(|num| num == last) {
        let event = office.event().await;
        if event.subscription() == subscription {
            got.extend(event.field("AptNum"));
        }
    }
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_windows_that_end_apart_and_share_a_scan_have_each_what_lies_up_to_their_end() {
    let mut office = Office::open().await;
    office.exec(&insert(1)).await;
    for num in [1, 2, 3] {
        office.subscribe(num, "Appointment", 1).await;
    }
    office.subscribe(9, "LabCase", 1).await;
    let bridge = office.process();
    barriers(&office).await;
    office.exec("UPDATE appointment SET Note='all three are in step'").await;
    for _ in 0..3 {
        office.event().await;
    }
    // From here on 2 and 3 have the same place.
    polling_seconds(&office, "2, 3", 3600).await;
    barriers(&office).await;
    let searches = office.told(SEARCHING);
    let mut session = locked(&office, "appointment").await;
    session.query_drop("SET binlog_format=STATEMENT").await.unwrap();
    session.query_drop("UPDATE appointment SET Note='in doubt'").await.unwrap();
    session.query_drop("SET binlog_format=ROW").await.unwrap();
    // 1 has the table searched, which takes long; the others' windows end meanwhile, with row 2 between their ends.
    until_told(&office, SEARCHING, searches + 1).await;
    polling_seconds(&office, "2", 1).await;
    barriers(&office).await;
    session.query_drop(insert(2)).await.unwrap();
    polling_seconds(&office, "3", 1).await;
    barriers(&office).await;
    session.query_drop("UNLOCK TABLES").await.unwrap();
    until_told(&office, "scanned for changes before the subscriptions' place", searches + 1).await;
    barriers(&office).await;
    office.exec(&insert(3)).await;
    let got = appointments_until(&mut office, 3, "3").await;
    assert!(got.contains(&"2".to_owned()), "lost: {got:?}");
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_subscription_that_changes_its_table_before_a_scan_of_the_old_one_gets_the_new_ones_rows() {
    let mut office = Office::open().await;
    office.exec(&format!("{}; INSERT INTO patient (PatNum) VALUES (70)", insert(50))).await;
    office.subscribe(9, "LabCase", 1).await;
    let bridge = office.process();
    office.ticking(9).await;
    let searches = office.told(SEARCHING);
    let mut patients = locked(&office, "patient").await;
    let mut appointments = locked(&office, "appointment").await;
    let subscribe = |num: i64| {
        let url = office.receiver.url(&format!("/{num}/"));
        subscription_row(num, &url, "Patient", 1, "NOW() - INTERVAL 1 HOUR")
    };
    // The second waits until the table has been searched for the first.
    office.exec(&subscribe(1)).await;
    until_told(&office, SEARCHING, searches + 1).await;
    office.exec(&subscribe(2)).await;
    office.exec("UPDATE apisubscription SET WatchTable='Appointment' WHERE ApiSubscriptionNum=2").await;
    until_told(&office, SEARCHING, searches + 2).await;
    patients.query_drop("UNLOCK TABLES").await.unwrap();
    assert_eq!(office.event().await.subscription(), 1);
    barriers(&office).await;
    appointments.query_drop("UNLOCK TABLES").await.unwrap();
    barriers(&office).await;
    office.exec(&insert(51)).await;
    let got = appointments_until(&mut office, 2, "51").await;
    assert!(got.contains(&"50".to_owned()), "lost: {got:?}");
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_window_that_is_in_doubt_only_after_a_restart_loses_nothing() {
    let mut office = Office::open_innodb().await;
    office.exec("CREATE TABLE thing (id BIGINT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20), stamp TIMESTAMP)").await;
    office.configure("[opendental]\ntables = [\"thing\"]\n");
    office.subscribe(1, "thing", 1).await;
    office.receiver.behave(Behavior::status(503));
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("INSERT INTO thing (id, a, b) VALUES (1, 'a', 'b'), (2, 'a', 'b')").await;
    office.event().await;
    bridge.kill();
    while office.receiver.try_next().is_some() {}
    // As in a state file that was made anew.
    office.forget_layouts().await;
    office.exec("ALTER TABLE thing MODIFY a VARCHAR(20) AFTER b, ADD COLUMN c INT AFTER id").await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("INSERT INTO thing (id, a, b) VALUES (3, 'a', 'b')").await;
    let mut got = Vec::new();
    while !got.contains(&"3".to_owned()) {
        got.extend(office.event().await.field("id"));
    }
    assert!(["1", "2"].iter().all(|id| got.contains(&(*id).to_owned())), "lost: {got:?}");
    assert!(office.told("the log is in doubt") > 0, "this is about a doubt");
    bridge.kill();
}
