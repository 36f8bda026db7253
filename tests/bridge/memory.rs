//! What `memory.budget` promises: however much there is to tell, all of it arrives.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Server, receiver::Behavior},
};

use crate::office::{Event, Office, subscription_row};

/// The smallest budget. An event's body then has at most [`EVENT`] bytes.
const SMALL: &str = "[memory]\nbudget = \"16 MB\"\n[delivery]\nretry_max_seconds = 1\n";
const EVENT: usize = 250_000;

/// A practice with a table of scanned documents, which are large.
async fn with_documents() -> Office {
    let mut office = Office::open_innodb().await;
    office.configure(SMALL);
    office.configure("[opendental]\ntables = [\"scanned\"]\n");
    let columns = "id BIGINT PRIMARY KEY, text LONGTEXT, changed TIMESTAMP DEFAULT NOW() ON UPDATE NOW()";
    office.exec(&format!("CREATE TABLE scanned ({columns}) ENGINE=InnoDB")).await;
    office
}

/// Refuses each event once.
fn refuse_once(office: &Office) {
    let seen = Mutex::new(HashSet::new());
    office.receiver.behave_by(move |event| {
        let is_new = seen.lock().unwrap().insert(event.header("webhook-id").to_owned());
        Behavior::status(if is_new { 503 } else { 200 })
    });
}

/// The next event that is taken, behind the same one that was refused.
async fn refused_and_taken(office: &mut Office) -> Event {
    let (refused, taken) = (office.event().await, office.event().await);
    assert_eq!((refused.id(), refused.received.body), (taken.id(), taken.received.body.clone()));
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_an_event_ends_before_it_becomes_too_large_and_the_rest_is_in_the_next() {
    let mut office = with_documents().await;
    refuse_once(&office);
    let rows = "SELECT seq, REPEAT('x', 60000) FROM seq_1_to_9 UNION SELECT 10, REPEAT('y', 700000)";
    office.exec(&format!("INSERT INTO scanned (id, text) {rows}")).await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "scanned", 1, "'2020-01-01'")).await;
    let bridge = office.bridge();
    for read in ["by their keys, as a catch-up found them", "in the log"] {
        let (mut arrived, mut ids) = (Vec::new(), BTreeSet::new());
        while arrived.len() < 10 {
            let event = refused_and_taken(&mut office).await;
            let bytes = event.received.body.len();
            assert!(bytes <= EVENT || event.elements.len() == 1, "{bytes} bytes, read {read}");
            assert!(ids.insert(event.id()));
            arrived.extend(event.field("id"));
        }
        assert_eq!(arrived, (1..=10).map(|id| id.to_string()).collect::<Vec<_>>(), "read {read}");
        assert_eq!(ids.len(), 4, "read {read}: no smaller events than need be");
        office.ticking(1).await;
        office.exec("UPDATE scanned SET text=REVERSE(CONCAT(text, 'z'))").await;
    }
    bridge.stop().await;
}

/// What subscribers know of the rows of `scanned`: by subscription and row, the last element's text.
#[derive(Default)]
struct Known {
    rows: HashMap<(i64, i64), Option<String>>,
    /// The ids of the events that were not refused.
    taken: Arc<Mutex<HashSet<String>>>,
}

impl Known {
    /// Refuses all events of these subscriptions.
    fn refuse(&self, office: &Office, refused: &'static [&'static str]) {
        let taken = self.taken.clone();
        office.receiver.behave_by(move |event| {
            if refused.contains(&&*event.path) {
                return Behavior::status(503);
            }
            taken.lock().unwrap().insert(event.header("webhook-id").to_owned());
            Behavior::status(200)
        });
    }

    fn learn(&mut self, event: &Event) {
        if !self.taken.lock().unwrap().contains(&event.id()) {
            return;
        }
        for element in &event.elements {
            let text = element["text"].as_str().map(str::to_owned);
            self.rows.insert((event.subscription(), element["id"].as_i64().unwrap()), text);
        }
    }

    /// Receives until the subscription knows all that is `wanted`.
    async fn until(&mut self, office: &mut Office, subscription: i64, wanted: &HashMap<i64, Option<String>>) {
        let mut missing: HashSet<i64> = wanted.keys().copied().collect();
        loop {
            missing.retain(|id| self.rows.get(&(subscription, *id)) != wanted.get(id));
            if missing.is_empty() {
                return;
            }
            let event = office.event().await;
            self.learn(&event);
        }
    }
}

async fn rows(office: &Office) -> HashMap<i64, Option<String>> {
    let mut session = office.connect().await;
    let rows: Vec<(i64, String)> = session.query("SELECT id, text FROM scanned").await.unwrap();
    rows.into_iter().map(|(id, text)| (id, Some(text))).collect()
}

/// Writes `rows` rows in small transactions and one of all, changes and deletes some, while two endpoints are
/// down; then they take everything.
async fn nothing_is_lost(mut office: Office, rows_written: i64, most_megabytes: u64) {
    office.configure("[log]\nlevel = \"debug\"\n");
    office.subscribe(1, "scanned", 1).await;
    office.subscribe(2, "scanned", 1).await;
    office.subscribe(3, "scannedDeleted", 1).await;
    let mut known = Known::default();
    known.refuse(&office, &["/1/", "/3/"]);
    let bridge = office.process();
    office.ticking(3).await;
    for start in (0..rows_written).step_by(500) {
        let insert = "INSERT INTO scanned (id, text) SELECT";
        office.exec(&format!("{insert} {start}+seq, REPEAT(CHAR(65+seq%26), 900) FROM seq_1_to_500")).await;
    }
    // In the window that cannot be sent, and behind it.
    office.exec("UPDATE scanned SET text=CONCAT(text, 'b') WHERE id % 7 = 0").await;
    for start in (0..rows_written).step_by(1500) {
        office.exec(&format!("DELETE FROM scanned WHERE id % 3 = 0 AND id > {start} AND id <= {start}+1500")).await;
    }
    office.exec("INSERT INTO scanned (id, text) SELECT id-1, 'again' FROM scanned WHERE id % 30 = 1").await;
    office
        .exec(
            "START TRANSACTION; UPDATE scanned SET text=CONCAT(text, 'c'); SAVEPOINT s; \
                 UPDATE scanned SET text='no'; ROLLBACK TO s; DELETE FROM scanned WHERE id % 5 = 0; COMMIT",
        )
        .await;
    let wanted = rows(&office).await;
    known.until(&mut office, 2, &wanted).await;
    known.refuse(&office, &[]);
    known.until(&mut office, 1, &wanted).await;
    let deleted: HashSet<i64> = (1..=rows_written).filter(|id| !wanted.contains_key(id)).collect();
    while !deleted.iter().all(|id| known.rows.contains_key(&(3, *id))) {
        let event = office.event().await;
        known.learn(&event);
    }
    let told_wrongly = known.rows.keys().filter(|(num, id)| *num == 3 && wanted.contains_key(id)).count();
    assert_eq!(told_wrongly, 0, "rows that are there were told as deleted");
    if let Some(peak) = bridge.peak_megabytes() {
        println!("{rows_written} rows: {peak} MB at most");
        assert!(peak < most_megabytes, "{peak} MB");
    }
    bridge.kill();
    let log = std::fs::read_to_string(office.log()).unwrap();
    for said in ["memory is short: rows are packed", "only the keys are kept"] {
        let short: Vec<_> = log.lines().filter(|line| line.contains("memory is short")).collect();
        assert!(log.contains(said), "the budget was never reached: {said}\n{}", short.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_what_there_is_no_memory_for_is_read_by_key_and_nothing_is_lost() {
    nothing_is_lost(with_documents().await, 24_000, 120).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --test bridge memory -- --ignored --nocapture --test-threads=1"]
async fn r6_three_hundred_thousand_rows_while_endpoints_are_down() {
    nothing_is_lost(with_documents().await, 300_000, 120).await;
}

/// One transaction changes all of a table; `CDC_MEMORY_ROWS` says how many rows it has.
async fn a_transaction_of_millions(server: Server) {
    let rows = std::env::var("CDC_MEMORY_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let mut office = Office::on(Arc::new(server), Engine::InnoDb).await;
    office.read_with("direct");
    office.configure("[opendental]\ntables = [\"balance\"]\n");
    office.exec("CREATE TABLE balance (id BIGINT PRIMARY KEY, v INT, note VARCHAR(100), changed TIMESTAMP DEFAULT NOW() ON UPDATE NOW()) ENGINE=InnoDB").await;
    office.exec("INSERT INTO balance (id, v, note) VALUES (1, 1, REPEAT('n', 100))").await;
    let mut made = 1;
    while made < rows {
        let more = made.min(rows - made);
        office
            .exec(&format!("INSERT INTO balance (id, v, note) SELECT id+{made}, v, note FROM balance LIMIT {more}"))
            .await;
        made += more;
    }
    office.subscribe(1, "balance", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("UPDATE balance SET v=v+1").await;
    let mut missing = vec![true; rows + 1];
    let mut left = rows;
    while left > 0 {
        for element in office.event().await.elements {
            let id = element["id"].as_u64().unwrap() as usize;
            if element["v"] == 2 && std::mem::replace(&mut missing[id], false) {
                left -= 1;
            }
        }
    }
    println!("{rows} rows in one transaction: {:?} MB at most", bridge.peak_megabytes());
    if let Some(peak) = bridge.peak_megabytes() {
        assert!(peak < 300, "{peak} MB");
    }
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --test bridge memory -- --ignored --nocapture --test-threads=1"]
async fn r6_a_transaction_of_millions_of_rows_on_mariadb() {
    a_transaction_of_millions(MariaDb::start(large()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --test bridge memory -- --ignored --nocapture --test-threads=1"]
async fn r6_a_transaction_of_millions_of_rows_on_mysql() {
    a_transaction_of_millions(MySql::start(large()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --test bridge memory -- --ignored --nocapture --test-threads=1"]
async fn r6_forty_rows_of_thirty_megabytes() {
    let mut office = Office::on(Arc::new(MariaDb::start(large()).await.unwrap()), Engine::InnoDb).await;
    // As bridges do that are not told otherwise.
    office.read_with("direct");
    office.configure("[opendental]\ntables = [\"scanned\"]\n");
    office.exec("CREATE TABLE scanned (id BIGINT PRIMARY KEY, text LONGTEXT) ENGINE=InnoDB").await;
    office.subscribe(1, "scanned", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    for id in 1..=40 {
        office.exec(&format!("INSERT INTO scanned VALUES ({id}, REPEAT('0123456789', 3000000))")).await;
    }
    let mut arrived = BTreeSet::new();
    while arrived.len() < 40 {
        for element in office.event().await.elements {
            assert_eq!(element["text"].as_str().unwrap().len(), 30_000_000);
            arrived.insert(element["id"].as_i64().unwrap());
        }
    }
    println!("40 rows of 30 MB: {:?} MB at most", bridge.peak_megabytes());
    bridge.kill();
}

fn large() -> Options {
    Options::default().arg("--sql-mode=").arg("--max-allowed-packet=256M").arg("--max-binlog-size=1G")
}
