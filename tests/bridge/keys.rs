//! What `memory.budget` promises where there is no room for the very keys of what is not delivered (rule R6): tables are
//! searched by time stamp, keys of deletions go to the state file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use opendental_cdc::{
    binlog::LogPoint,
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
    state::{WantedKeys, find_deleted},
};

use crate::office::{Event, Office};

/// The smallest budget: 8 MB for logs. Keys of 1500 bytes take the place of millions of short ones.
const SMALL: &str =
    "[memory]\nbudget = \"16 MB\"\n[delivery]\nretry_max_seconds = 1\n[opendental]\ntables = [\"card\"]\n";
pub(crate) const ROWS: i64 = 6400;

/// What fits into the share of a transaction.
const AT_ONCE: i64 = 400;

pub(crate) const LEFT_TO_SCAN: &str = "the table is searched by time stamp for them";
pub(crate) const LEFT_TO_STATE: &str = "the keys of deletions are in the state file";

async fn practice(mut office: Office) -> Office {
    office.configure(SMALL);
    let columns = "id VARCHAR(2000) CHARACTER SET latin1 PRIMARY KEY, n INT, v INT, KEY (n), \
                   changed TIMESTAMP DEFAULT NOW() ON UPDATE NOW()";
    office.exec(&format!("CREATE TABLE card ({columns}) ENGINE=InnoDB")).await;
    office
}

/// A practice whose log is its own.
pub(crate) async fn on_its_own_server() -> Office {
    let server = MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap();
    practice(Office::on(Arc::new(server), Engine::InnoDb).await).await
}

pub(crate) fn insert(first: i64, last: i64) -> String {
    format!(
        "INSERT INTO card (id, n, v) SELECT CONCAT(SHA2(seq, 512), REPEAT('x', 1400)), seq, 1 FROM seq_{first}_to_{last}"
    )
}

pub(crate) fn chunks() -> impl Iterator<Item = (i64, i64)> {
    (1..=ROWS).step_by(AT_ONCE as usize).map(|first| (first, (first + AT_ONCE - 1).min(ROWS)))
}

pub(crate) async fn said(office: &Office, text: &str) {
    office.until(text, async || (office.told(text) > 0).then_some(())).await;
}

/// Refuses what is sent to these paths.
pub(crate) fn refuse(office: &Office, paths: &'static [&'static str]) {
    office.receiver.behave_by(|event| Behavior::status(if paths.contains(&&*event.path) { 503 } else { 200 }));
}

/// By subscription and row, what was told last, once events are taken.
#[derive(Default)]
pub(crate) struct Told(BTreeMap<(i64, i64), i64>);

impl Told {
    fn learn(&mut self, event: &Event) {
        for element in &event.elements {
            let (n, v) = (element["n"].as_i64().unwrap(), element["v"].as_i64().unwrap());
            self.0.insert((event.subscription(), n), v);
        }
    }

    /// Waits until each of the subscriptions was told all rows, the first of them at `v`.
    pub(crate) async fn until_all(&mut self, office: &mut Office, nums: &[i64], (first, v): (i64, i64)) {
        let wanted = |n| if n <= first { v } else { 1 };
        while nums.iter().any(|num| (1..=ROWS).any(|n| self.0.get(&(*num, n)) != Some(&wanted(n)))) {
            let event = office.event().await;
            self.learn(&event);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_log_whose_keys_take_too_much_is_given_up_for_a_search_of_its_table() {
    let mut office = practice(Office::open_innodb().await).await;
    office.subscribe(1, "card", 1).await;
    office.subscribe(2, "card", 1).await;
    refuse(&office, &["/1/"]);
    let bridge = office.process();
    office.ticking(2).await;
    for (first, last) in chunks() {
        office.exec(&insert(first, last)).await;
    }
    said(&office, LEFT_TO_SCAN).await;
    office.exec("UPDATE card SET v=2 WHERE n <= 200").await;
    let mut told = Told::default();
    while let Some(event) = office.receiver.try_next().map(Event::new) {
        // What was refused does not count.
        if event.subscription() == 2 {
            told.learn(&event);
        }
    }
    refuse(&office, &[]);
    told.until_all(&mut office, &[1, 2], (200, 2)).await;
    // Windows go on.
    office.exec("UPDATE card SET v=3 WHERE n <= 10").await;
    while (1..=10).any(|n| told.0.get(&(1, n)) != Some(&3)) {
        told.learn(&office.event().await);
    }
    bridge.kill();
}

/// A window closes while there is room for it, and is read again after a restart with less.
#[tokio::test(flavor = "multi_thread")]
async fn r6_a_window_that_was_closed_with_more_memory_loses_nothing() {
    let mut office = practice(Office::open_innodb().await).await;
    office.subscribe(1, "card", 1).await;
    refuse(&office, &["/1/"]);
    let bridge = office.process();
    office.ticking(1).await;
    bridge.kill();
    for (first, last) in chunks() {
        office.exec(&insert(first, last)).await;
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.env("OPENDENTAL_CDC_MEMORY__BUDGET", "256 MB");
    let bridge = office.process_by(command);
    office.event().await;
    bridge.kill();
    assert_eq!(office.told(LEFT_TO_SCAN), 0);
    let bridge = office.process();
    said(&office, LEFT_TO_SCAN).await;
    while office.receiver.try_next().is_some() {}
    refuse(&office, &[]);
    Told::default().until_all(&mut office, &[1], (0, 1)).await;
    bridge.kill();
}

/// The log is given up behind a window that was open before a restart; the bridge dies when that window ends.
#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn r6_a_window_that_lies_before_all_that_takes_too_much_has_its_rows_before_it_ends() {
    let mut office = practice(Office::open_innodb().await).await;
    office.subscribe(1, "card", 1).await;
    refuse(&office, &["/1/"]);
    let bridge = office.process();
    office.ticking(1).await;
    office.exec(&insert(1, 1)).await;
    office.event().await;
    bridge.kill();
    for (first, last) in chunks() {
        office.exec(&insert(first.max(2), last)).await;
    }
    while office.receiver.try_next().is_some() {}
    refuse(&office, &[]);
    let mut bridge = office.process_dying_at("cursor-stored");
    bridge.ended().await;
    assert!(office.told(LEFT_TO_SCAN) > 0, "there was room for all of it");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.env("OPENDENTAL_CDC_MEMORY__BUDGET", "256 MB");
    let bridge = office.process_by(command);
    Told::default().until_all(&mut office, &[1], (0, 1)).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_transaction_whose_keys_take_too_much_is_searched_for() {
    let mut office = practice(Office::open_innodb().await).await;
    office.subscribe(1, "card", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec(&format!("BEGIN; {}; COMMIT", insert(1, ROWS))).await;
    Told::default().until_all(&mut office, &[1], (0, 1)).await;
    assert!(office.told("one transaction changed more of its rows than there is room for") > 0);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_what_is_prepared_is_told_at_its_commit_though_others_take_too_much_meanwhile() {
    // Other tests would be in doubt about what was prepared before they began.
    let mut office = on_its_own_server().await;
    office.subscribe(1, "card", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    let prepared = ROWS + 1;
    office.exec(&format!("XA START 'x'; {}; XA END 'x'; XA PREPARE 'x'", insert(prepared, prepared))).await;
    office.exec(&format!("BEGIN; {}; COMMIT", insert(1, ROWS))).await;
    Told::default().until_all(&mut office, &[1], (0, 1)).await;
    assert!(office.told("one transaction changed more of its rows than there is room for") > 0);
    office.exec("XA COMMIT 'x'").await;
    while !office.event().await.field("n").contains(&prepared.to_string()) {}
    bridge.kill();
}

/// An office whose subscription to deletions is refused, on a server of its own. All its rows are deleted once the bridge
/// runs.
pub(crate) async fn deleting() -> Office {
    let office = on_its_own_server().await;
    for (first, last) in chunks() {
        office.exec(&insert(first, last)).await;
    }
    office.subscribe(3, "cardDeleted", 1).await;
    office.receiver.behave(Behavior::status(503));
    let bridge = office.process();
    office.ticking(3).await;
    bridge.kill();
    office
}

pub(crate) async fn delete_all(office: &Office) {
    for (first, last) in chunks() {
        office.exec(&format!("DELETE FROM card WHERE n BETWEEN {first} AND {last}")).await;
    }
}

/// The keys that the state file holds.
pub(crate) async fn stored(state: &Path) -> BTreeSet<String> {
    let wanted = WantedKeys {
        watch_table: "cardDeleted".to_owned(),
        from: LogPoint::default(),
        to: LogPoint { file: u64::from(u32::MAX), offset: 0 },
        since: None,
        behind: None,
        at_least: None,
        most: usize::MAX,
    };
    let found = find_deleted(state, &wanted).await.unwrap();
    found
        .marks
        .iter()
        .map(|(_, key)| serde_json::to_value(key).unwrap()["columns"][0]["text"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn ids(event: &Event) -> impl Iterator<Item = String> {
    event.field("id").into_iter()
}

pub(crate) async fn id(office: &Office, n: i64) -> String {
    office.value(&format!("SELECT CONCAT(SHA2({n}, 512), REPEAT('x', 1400))")).await.unwrap()
}

/// The process dies at `failpoint` while keys are stored; all deletions arrive all the same, but for rows that are there
/// again.
#[cfg(debug_assertions)]
async fn dies_at(failpoint: &str) {
    let mut office = deleting().await;
    let mut dying = office.process_dying_at(failpoint);
    delete_all(&office).await;
    dying.ended().await;
    assert_eq!(dying.exit_code(), None, "it ended in another way");
    let before = office.told(LEFT_TO_STATE);
    let bridge = office.process();
    office.until(LEFT_TO_STATE, async || (office.told(LEFT_TO_STATE) > before).then_some(())).await;
    assert!(stored(&office.state()).await.contains(&id(&office, 1).await), "the oldest is stored");
    office.exec(&insert(1, 5)).await;
    let again: BTreeSet<String> = office.column("SELECT id FROM card").await.into_iter().collect();
    // Once it is known that they are there again, all is taken.
    office
        .until("the state file forgets them", async || stored(&office.state()).await.is_disjoint(&again).then_some(()))
        .await;
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    let mut told = BTreeSet::new();
    while told.len() < (ROWS - 5) as usize {
        told.extend(ids(&office.event().await).filter(|id| !again.contains(id)));
    }
    office.ticking(3).await;
    office.until("delivered keys are forgotten", async || stored(&office.state()).await.is_empty().then_some(())).await;
    office.exec("DELETE FROM card WHERE n=1").await;
    let first = id(&office, 1).await;
    while !ids(&office.event().await).any(|id| id == first) {}
    bridge.kill();
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn r6_dies_when_keys_of_deletions_are_stored() {
    dies_at("keys-stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_keys_of_deletions_in_the_state_file_outlive_the_log() {
    let mut office = deleting().await;
    let bridge = office.process();
    delete_all(&office).await;
    said(&office, LEFT_TO_STATE).await;
    bridge.kill();
    let kept = stored(&office.state()).await;
    assert!(kept.len() > 1000, "{} keys are stored", kept.len());
    // While nobody reads, and the log is lost.
    office.exec(&format!("{}; FLUSH BINARY LOGS", insert(1, 5))).await;
    let purged = async || {
        // The server keeps a file that it still sends to the bridge that was killed.
        let mut logs = office.server.query("SHOW BINARY LOGS").await.unwrap();
        let last = logs.pop().unwrap().remove(0).unwrap();
        office.exec(&format!("PURGE BINARY LOGS TO '{last}'")).await;
        logs.is_empty().then_some(())
    };
    office.until("the log is purged", purged).await;
    let again: BTreeSet<String> = office.column("SELECT id FROM card").await.into_iter().collect();
    assert!(!kept.is_disjoint(&again));
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let mut told = BTreeSet::new();
    while !kept.difference(&again).all(|id| told.contains(id)) {
        told.extend(ids(&office.event().await));
    }
    assert!(told.is_disjoint(&again), "rows that are there again were told as deleted");
    assert_eq!(office.told("the server has deleted its log from their place on"), 1);
    office.until("delivered keys are forgotten", async || stored(&office.state()).await.is_empty().then_some(())).await;
    bridge.kill();
}
