//! The process dies at each step between reading a commit and storing a cursor, is started again, and has lost nothing.
//!
//! What was promised of ids holds too (rules W6 and D3): a row's state is never sent under two ids, and no id is sent
//! with what did not belong to it the first time.

use std::collections::HashMap;

use crate::office::{Event, Office};

/// Rows of the window at whose steps the process dies: three events.
const ROWS: [i64; 5] = [1, 2, 3, 4, 5];

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

/// An office in which two subscriptions have rows that are in no window yet. No bridge is running.
async fn office() -> Office {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 2\n");
    for num in [1, 2] {
        office.subscribe(num, "Appointment", 1).await;
    }
    let bridge = office.process();
    for num in [1, 2] {
        office.ticking(num).await;
    }
    bridge.kill();
    for num in ROWS {
        office.exec(&insert(num)).await;
    }
    office
}

/// What each subscription was sent under each id.
#[derive(Default)]
struct Sent {
    rows: HashMap<i64, Vec<String>>,
    ids: HashMap<(i64, String), Vec<String>>,
    repeated: usize,
}

impl Sent {
    fn take_note(&mut self, event: &Event) {
        let (num, keys) = (event.subscription(), event.field("AptNum"));
        if let Some(before) = self.ids.insert((num, event.id()), keys.clone()) {
            assert_eq!(before, keys, "an id that was used for other rows");
            self.repeated += 1;
            return;
        }
        let rows = self.rows.entry(num).or_default();
        for key in keys {
            assert!(!rows.contains(&key), "row {key} was sent under two ids");
            rows.push(key);
        }
    }

    fn has(&self, nums: &[i64]) -> bool {
        [1, 2].iter().all(|subscription| {
            let rows = self.rows.get(subscription);
            nums.iter().all(|num| rows.is_some_and(|rows| rows.contains(&num.to_string())))
        })
    }
}

/// The process dies at `failpoint`; in the end all rows have arrived, `repeated` events of them once more.
async fn dies_at(failpoint: &str, repeated: std::ops::RangeInclusive<usize>) {
    let mut office = office().await;
    let mut dying = office.process_dying_at(failpoint);
    dying.ended().await;
    assert_eq!(dying.exit_code(), None, "it ended in another way");
    office.exec(&insert(6)).await;
    let mut sent = Sent::default();
    let bridge = office.process();
    while !sent.has(&ROWS) || !sent.has(&[6]) {
        sent.take_note(&office.event().await);
    }
    // Windows go on.
    office.exec(&insert(7)).await;
    while !sent.has(&[7]) {
        sent.take_note(&office.event().await);
    }
    assert!(repeated.contains(&sent.repeated), "{} events were repeated", sent.repeated);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_dies_when_a_transaction_was_read() {
    dies_at("transaction-read", 0..=0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_a_window_was_closed() {
    dies_at("window-closed", 0..=0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_an_events_range_is_stored() {
    dies_at("range-stored", 0..=0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_an_events_range_is_written_but_not_committed() {
    dies_at("state-written", 0..=0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_the_first_event_was_accepted() {
    // The other subscription's may have been under way.
    dies_at("event-accepted", 1..=2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_the_progress_after_an_event_is_stored() {
    dies_at("range-stored:3", 0..=1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_when_the_last_event_was_accepted() {
    dies_at("event-accepted:6", 1..=1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_dies_when_the_cursor_is_stored_before_date_time_start_is_written() {
    dies_at("cursor-stored", 0..=1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_dies_when_date_time_start_was_written() {
    dies_at("written-back", 0..=1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_dies_in_the_middle_of_later_commits() {
    for commit in [2, 3, 5] {
        dies_at(&format!("state-written:{commit}"), 0..=2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_dies_when_a_catch_up_has_scanned() {
    let mut office = office().await;
    std::fs::remove_file(office.state()).unwrap();
    let mut dying = office.process_dying_at("catch-up-scanned");
    dying.ended().await;
    assert_eq!(dying.exit_code(), None, "it ended in another way");
    let bridge = office.process();
    let mut sent = Sent::default();
    while !sent.has(&ROWS) {
        sent.take_note(&office.event().await);
    }
    assert_eq!(sent.repeated, 0);
    bridge.kill();
}
