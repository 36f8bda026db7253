//! Our own reader, and the whole bridge behind it.

use std::{path::Path, time::Duration};

use opendental_cdc::{
    bridge::Bridge,
    config::Config,
    sandbox::{Server, receiver::Receiver},
    source::{Database, Message, Reader, ReaderConfig, Step},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::harness::load::{self, Log};

/// As many messages as the bridge lets wait.
const MESSAGES: usize = 64;

/// The reader, following these tables, its messages taken and dropped; the changes in them.
pub async fn reader(log: &Log, tables: &[&str]) -> u64 {
    let mysql = load::mysql(&log.server);
    let database = Database::connect(&mysql).await.unwrap();
    let config = ReaderConfig {
        mysql,
        tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        keep_before: |_| false,
        transaction_bytes: usize::MAX,
        // A server makes a replica wait while it ends an earlier connection of the same id.
        seed: fastrand::u64(..).to_string(),
        reconnect_max: Duration::from_secs(1),
    };
    let (sender, mut messages) = mpsc::channel(MESSAGES);
    let stop = CancellationToken::new();
    let reader = tokio::spawn(Reader::new(config, log.start.clone(), database, sender, stop.clone()).run());
    let mut changes = 0;
    while let Some(message) = messages.recv().await {
        let Message::Transactions { transactions, boundary } = message else { continue };
        let steps = transactions.iter().flat_map(|transaction| &transaction.steps);
        changes +=
            steps.map(|step| if let Step::Changes(changes) = step { changes.len() as u64 } else { 0 }).sum::<u64>();
        if boundary.position.point() >= log.end.point() {
            stop.cancel();
        }
    }
    reader.await.unwrap().unwrap();
    changes
}

/// Two subscriptions: to the appointments, and to a quiet table.
pub async fn subscribe(server: &Server, receiver: &Receiver) {
    for (num, table) in [(1, "Appointment"), (2, "Provider")] {
        let url = receiver.url("/");
        let insert = format!(
            "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
             PollingSeconds, UiEventType, DateTimeStart, Note) VALUES ({num}, '{url}', '', 'k', '{table}', 1, '', \
             NOW(), '')"
        );
        server.exec(&insert).await.unwrap();
    }
}

/// Runs the bridge until both subscriptions have places in the log, which its state file holds then. From then on the
/// one to the appointments is never due, and the other one always is.
pub async fn take_places(server: &Server, state: &Path) {
    // Past the second of the last change, so that there is nothing to catch up.
    let start = "SET @start = NOW() + INTERVAL 1 SECOND; DO SLEEP(1.1); \
                 UPDATE apisubscription SET PollingSeconds = 1, DateTimeStart = @start";
    server.exec(start).await.unwrap();
    let since = server.value("SELECT MAX(DateTimeStart) FROM apisubscription").await.unwrap().unwrap();
    let running = Running::start(server, state);
    let moved = format!("SELECT COUNT(*) = 2 FROM apisubscription WHERE DateTimeStart > '{since}'");
    while server.value(&moved).await.unwrap().as_deref() != Some("1") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    server.exec("UPDATE apisubscription SET PollingSeconds = 1000000 WHERE ApiSubscriptionNum = 1").await.unwrap();
}

/// Puts a change of the quiet table at the log's end.
pub async fn mark_end(server: &Server, number: u32) {
    server.exec(&format!("INSERT INTO provider (ProvNum, Abbr) VALUES ({number}, 'END')")).await.unwrap();
}

/// Runs the bridge from the places in its state file until it has read the log: then it sends the change at the end.
pub async fn bridge(server: &Server, state: &Path, receiver: &mut Receiver) -> u64 {
    let running = Running::start(server, state);
    receiver.next().await.unwrap();
    running.stop().await;
    0
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(server: &Server, state: &Path) -> Self {
        let budget = std::env::var("CDC_BENCH_BUDGET").unwrap_or_else(|_| "256 MB".to_owned());
        let toml = format!(
            "workstation = \"BENCH\"\n[mysql]\nurl = \"{}\"\ntls = \"disabled\"\n[state]\npath = '{}'\n\
             [http]\nlisten = \"\"\n[memory]\nbudget = \"{budget}\"\n",
            server.url("opendental"),
            state.display()
        );
        let stop = CancellationToken::new();
        let bridge = Bridge::new(Config::from_toml(&toml).unwrap()).run(stop.clone());
        Self { stop, task: tokio::spawn(async move { bridge.await.unwrap() }) }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
