//! W2 to W6: when a window closes, what is in it, and in which order it is sent.

use crate::office::Office;

fn insert(num: i64, note: &str) -> String {
    format!(
        "INSERT INTO appointment (AptNum, PatNum, AptStatus, Note, DateTStamp) VALUES ({num}, 1, 1, '{note}', NOW())"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_changes_of_one_window_are_one_event_with_each_row_once_in_its_last_state() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 3).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1, "first")).await;
    office.exec(&insert(2, "other")).await;
    office.exec("UPDATE appointment SET Note='last' WHERE AptNum=1").await;
    office.exec(&insert(3, "deleted again")).await;
    office.exec("DELETE FROM appointment WHERE AptNum=3").await;
    let event = office.event().await;
    let mut notes = event.field("Note");
    notes.sort();
    assert_eq!(notes, ["last", "other"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_noop_update_is_no_change_and_an_update_back_and_forth_is_one() {
    let mut office = Office::open().await;
    office.exec(&insert(1, "same")).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    while office.receiver.try_next().is_some() {}
    // Row images are equal: the server logs it only where a column's value is written anew.
    office.exec("UPDATE appointment SET Note='same' WHERE AptNum=1").await;
    office.exec("UPDATE appointment SET Note='x', DateTStamp=DateTStamp WHERE AptNum=1").await;
    office.exec("UPDATE appointment SET Note='same', DateTStamp=DateTStamp WHERE AptNum=1").await;
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["1"]);
    assert_eq!(event.field("Note").len(), 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_changed_key_is_a_delete_and_an_insert_and_truncate_empties_the_log() {
    let mut office = Office::open().await;
    office.exec(&insert(1, "a")).await;
    office.subscribe(1, "Appointment", 2).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("UPDATE appointment SET AptNum=7 WHERE AptNum=1").await;
    let mut event = office.event().await;
    if event.field("AptNum") == ["1"] {
        // The row's insert fell into the second before the subscription's DateTimeStart.
        event = office.event().await;
    }
    assert_eq!(event.field("AptNum"), ["7"]);
    office.exec(&insert(8, "gone")).await;
    office.exec("TRUNCATE TABLE appointment").await;
    office.exec(&insert(9, "after")).await;
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["9"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_elements_are_ordered_by_stamp_then_key_and_split_at_the_limit() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 4\n");
    office.subscribe(1, "Appointment", 3).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let rows: Vec<String> = [(1, 5), (2, 3), (10, 3), (3, 9), (4, 1), (5, 3), (6, 2)]
        .iter()
        .map(|(num, second)| format!("({num}, 1, '2030-01-01 00:00:0{second}')"))
        .collect();
    office.exec(&format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES {}", rows.join(","))).await;
    let first = office.event().await;
    assert_eq!(first.field("AptNum"), ["4", "6", "2", "5"]);
    let second = office.event().await;
    assert_eq!(second.field("AptNum"), ["10", "1", "3"]);
    assert_ne!(first.id(), second.id());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_an_empty_window_sends_nothing_and_date_time_start_ticks() {
    let mut office = Office::open().await;
    office.subscribe(1, "Patient", 1).await;
    let bridge = office.bridge();
    let mut last = office.date_time_start(1).await;
    for _ in 0..3 {
        let next = office.date_time_start_after(1, &last).await;
        assert!(next > last);
        last = next;
    }
    assert!(office.receiver.try_next().is_none());
    let now = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
    assert!(last <= now, "DateTimeStart {last} is ahead of the server's clock {now}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_windows_due_together_share_one_update() {
    let office = Office::open().await;
    for num in 1..=20 {
        office.subscribe(num, "Patient", 1).await;
    }
    let bridge = office.bridge();
    office.ticking(20).await;
    // All of them were written by the same statement: no two differ for longer than that takes.
    office
        .until("all DateTimeStart are equal", async || {
            let distinct =
                office.value("SELECT CAST(COUNT(DISTINCT DateTimeStart) AS CHAR) FROM apisubscription").await;
            (distinct.as_deref() == Some("1")).then_some(())
        })
        .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_rows_of_an_open_transaction_wait_for_its_commit() {
    use mysql_async::prelude::Queryable;
    let mut office = Office::open_innodb().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let mut session = office.connect().await;
    session.query_drop("START TRANSACTION").await.unwrap();
    session.query_drop(insert(1, "late")).await.unwrap();
    // Polling misses this row: its stamp is older than windows that close before its commit.
    office.ticking(1).await;
    office.ticking(1).await;
    office.exec(&insert(2, "early")).await;
    assert_eq!(office.event().await.field("Note"), ["early"]);
    session.query_drop("COMMIT").await.unwrap();
    assert_eq!(office.event().await.field("Note"), ["late"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_after_an_outage_the_window_and_what_came_since_are_two_events() {
    use opendental_cdc::sandbox::receiver::Behavior;
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1, "first")).await;
    let failed = office.event().await;
    let stuck = office.date_time_start(1).await;
    office.exec(&insert(2, "second")).await;
    let again = office.event().await;
    assert_eq!(again.id(), failed.id(), "a retry has the same id");
    assert_eq!(again.field("AptNum"), ["1"], "what was committed later is not in the window");
    assert_eq!(office.date_time_start(1).await, stuck, "DateTimeStart waits for the 2xx");
    office.receiver.behave(Behavior::status(200));
    let mut event = office.event().await;
    while event.id() == failed.id() {
        event = office.event().await;
    }
    assert_eq!(event.field("AptNum"), ["2"]);
    office.date_time_start_after(1, &stuck).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_row_that_changed_again_leaves_a_window_that_is_being_retried() {
    use opendental_cdc::sandbox::receiver::Behavior;
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(500));
    office.exec(&format!("{}; {}", insert(1, "stays"), insert(2, "old"))).await;
    let mut failed = office.event().await;
    while failed.elements.len() < 2 {
        // The two inserts fell into two windows; let the first pass.
        office.receiver.behave(Behavior::status(200));
        failed = office.event().await;
        office.receiver.behave(Behavior::status(500));
        office.exec("UPDATE appointment SET Note=CONCAT(Note, '.')").await;
    }
    office.exec("UPDATE appointment SET Note='new' WHERE AptNum=2").await;
    office.receiver.behave(Behavior::status(200));
    let mut notes = Vec::new();
    while notes.last().map(String::as_str) != Some("new") {
        notes.extend(office.event().await.field("Note"));
    }
    assert!(notes.iter().any(|note| note.starts_with("stays")));
    bridge.stop().await;
}
