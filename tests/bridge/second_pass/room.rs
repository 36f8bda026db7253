//! A second reader for which there is too little memory (rules R6 and W9).

use std::collections::BTreeSet;

use super::{BEGUN, DONE, start, start_with};
use crate::{
    keys::{self, LEFT_TO_SCAN, LEFT_TO_STATE, ROWS, Told},
    office::Office,
};

const TOO_LARGE: &str = "memory is short for the keys of deletions that a second reader has read";

/// An office whose subscription 1 to all rows was left behind, with the bridge off.
async fn left_behind() -> Office {
    let mut office = keys::on_its_own_server().await;
    for num in [1, 2] {
        office.subscribe(num, "card", 1).await;
    }
    keys::refuse(&office, &["/1/"]);
    let bridge = start(&office);
    office.ticking(2).await;
    office.exec(&keys::insert(1, 1)).await;
    while office.event().await.subscription() != 1 {}
    office.ticking(2).await;
    for (first, last) in keys::chunks() {
        office.exec(&keys::insert(first.max(2), last)).await;
    }
    keys::said(&office, LEFT_TO_SCAN).await;
    office.ticking(2).await;
    office.ticking(2).await;
    bridge.kill();
    while office.receiver.try_next().is_some() {}
    keys::refuse(&office, &[]);
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_what_a_second_reader_reads_beyond_the_budget_is_searched_for() {
    let mut office = left_behind().await;
    let before = office.told(LEFT_TO_SCAN);
    let bridge = start(&office);
    office.exec("UPDATE card SET v=2 WHERE n <= 200").await;
    let mut told = Told::default();
    told.until_all(&mut office, &[1], (200, 2)).await;
    assert_eq!((office.told(BEGUN), office.told(DONE)), (1, 1));
    assert!(office.told(LEFT_TO_SCAN) > before, "there was room for all");
    bridge.kill();
}

/// An office whose subscription to deletions was left behind by another, with the bridge off and keys in the state file.
async fn deletions_left_behind() -> Office {
    let mut office = keys::deleting().await;
    office.subscribe(2, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(2).await;
    keys::delete_all(&office).await;
    keys::said(&office, LEFT_TO_STATE).await;
    office.ticking(2).await;
    office.ticking(2).await;
    bridge.kill();
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(opendental_cdc::sandbox::receiver::Behavior::status(200));
    office
}

/// All deletions arrive, but for those of rows that are there again; then nothing is kept any more.
async fn all_arrive(office: &mut Office) {
    office.exec(&keys::insert(1, 5)).await;
    let again: BTreeSet<String> = office.column("SELECT id FROM card").await.into_iter().collect();
    let mut told = BTreeSet::new();
    while told.len() < ROWS as usize - 5 {
        let event = office.event().await;
        if event.subscription() == 3 {
            told.extend(keys::ids(&event).filter(|id| !again.contains(id)));
        }
    }
    office.ticking(3).await;
    let stored = async || keys::stored(&office.state()).await.is_empty().then_some(());
    office.until("delivered keys are forgotten", stored).await;
    office.exec("DELETE FROM card WHERE n=1").await;
    let first = keys::id(office, 1).await;
    while !keys::ids(&office.event().await).any(|id| id == first) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_deletions_for_which_a_second_reader_has_no_room_are_read_without_it() {
    let mut office = deletions_left_behind().await;
    let bridge = start(&office);
    all_arrive(&mut office).await;
    assert_eq!((office.told(BEGUN), office.told(TOO_LARGE), office.told(DONE)), (1, 1, 0));
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_keys_in_the_state_file_and_what_a_second_reader_reads_go_together() {
    let mut office = deletions_left_behind().await;
    assert!(keys::stored(&office.state()).await.len() > 1000);
    // There is room for all of them now.
    let bridge = start_with(&office, &[("OPENDENTAL_CDC_MEMORY__BUDGET", "256 MB")]);
    all_arrive(&mut office).await;
    assert_eq!((office.told(BEGUN), office.told(TOO_LARGE), office.told(DONE)), (1, 0, 1));
    bridge.kill();
}
