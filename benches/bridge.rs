//! What the whole bridge takes on a private MariaDB: how fresh events are, and what subscriptions cost.
//!
//! `cargo bench --bench bridge` prints figures and ratios; it asserts nothing.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod harness;

use std::time::{Duration, Instant};

use harness::subscription::subscribe;
use mysql_async::prelude::Queryable;
use opendental_cdc::{
    bridge::Bridge,
    config::Config,
    opendental::schema::{self, Engine},
    sandbox::{MariaDb, Options, Server, receiver::Receiver},
};
use tokio_util::sync::CancellationToken;

/// Windows that the freshness is measured over.
const WINDOWS: usize = 60;

/// Rows that are changed while subscriptions watch.
const ROWS: u32 = 100_000;

#[tokio::main]
async fn main() {
    // `cargo test --benches` passes this; there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let server = MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap();
    let mut session = server.connect().await.unwrap();
    for statement in schema::statements(Engine::MyIsam) {
        session.query_drop(statement).await.unwrap();
    }
    freshness(&server, &mut session).await;
    let one = cost(&server, &mut session, 1).await;
    let many = cost(&server, &mut session, 1000).await;
    println!("a change with 1000 subscriptions on its table costs {:.2} times what it costs with one", many / one);
}

async fn freshness(server: &Server, session: &mut mysql_async::Conn) {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    subscribe(session, 1, &receiver.url("/"), 1).await;
    let running = Running::start(server);
    let mut distances = Vec::new();
    let mut from_commit = Vec::new();
    for num in 1..=WINDOWS {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1000))).await;
        session.query_drop(format!("INSERT INTO appointment (AptNum, PatNum) VALUES ({num}, 1)")).await.unwrap();
        let committed = chrono::Utc::now();
        let event = receiver.next().await.unwrap();
        // Windows are due at whole seconds of the server's clock, which is ours too.
        distances.push(f64::from(event.at.timestamp_subsec_micros()) / 1000.0);
        from_commit.push((event.at - committed).num_microseconds().unwrap_or_default() as f64 / 1000.0);
    }
    println!(
        "freshness over {WINDOWS} windows of one second, due time to POST received: median {:.1} ms, p99 {:.1} ms; \
         commit to POST received: median {:.1} ms",
        percentile(&mut distances, 0.5),
        percentile(&mut distances, 0.99),
        percentile(&mut from_commit, 0.5),
    );
    running.stop().await;
    session.query_drop("DELETE FROM apisubscription; TRUNCATE appointment").await.unwrap();
}

/// CPU seconds of this process (the bridge, and a receiver that receives nothing) for [`ROWS`] changes.
async fn cost(server: &Server, session: &mut mysql_async::Conn, subscriptions: u64) -> f64 {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    for num in 1..=subscriptions {
        subscribe(session, num, &receiver.url("/"), 3600).await;
    }
    // Another table's subscription ticks: when its next window closes, the log has been read.
    session
        .query_drop(
            "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
             PollingSeconds, UiEventType, DateTimeStart, Note) VALUES (100000, 'http://127.0.0.1:9/', '', 'k', \
             'Provider', 1, '', NOW(), '')",
        )
        .await
        .unwrap();
    let running = Running::start(server);
    tick(session).await;
    tick(session).await;
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    session
        .query_drop(format!(
            "INSERT INTO appointment (AptNum, PatNum, Note) SELECT seq, 1, 'a note' FROM seq_1_to_{ROWS}"
        ))
        .await
        .unwrap();
    tick(session).await;
    tick(session).await;
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed());
    let resident = resident_megabytes();
    println!(
        "{ROWS} changes, {subscriptions} subscriptions on their table: {cpu:.2} CPU s ({:.1} µs a change), {:.1} s; \
         {resident:.0} MB resident",
        cpu * 1e6 / f64::from(ROWS),
        wall.as_secs_f64()
    );
    running.stop().await;
    session.query_drop("DELETE FROM apisubscription; TRUNCATE appointment").await.unwrap();
    cpu
}

async fn tick(session: &mut mysql_async::Conn) {
    let query = "SELECT CAST(DateTimeStart AS CHAR) FROM apisubscription WHERE ApiSubscriptionNum=100000";
    let before: Option<String> = session.query_first(query).await.unwrap();
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now: Option<String> = session.query_first(query).await.unwrap();
        if now != before {
            return;
        }
    }
}

struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let toml = format!(
            "workstation = \"BENCH\"\n[mysql]\nurl = \"{}\"\n[state]\npath = '{}'\n[http]\nlisten = \"\"\n",
            server.url("opendental"),
            folder.path().join("state.db").display()
        );
        let config = Config::from_toml(&toml).unwrap();
        let stop = CancellationToken::new();
        let bridge = Bridge::new(config).run(stop.clone());
        let task = tokio::spawn(async move { bridge.await.unwrap() });
        Self { stop, task, _folder: folder }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn percentile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() - 1) as f64 * at).round() as usize;
    values[index]
}

/// User and system time of this process so far.
#[cfg(target_os = "linux")]
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// Memory of this process (the bridge, the receiver and the load's connection) at present.
#[cfg(target_os = "linux")]
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> f64 {
    f64::NAN
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
fn resident_megabytes() -> f64 {
    f64::NAN
}
