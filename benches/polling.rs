//! What polling costs the practice's server, and what the bridge does, with the same subscriptions and the same load.
//!
//! `cargo bench --bench polling` prints figures and ratios; it asserts nothing. `SUBSCRIPTIONS`, `ROWS` and `SECONDS`
//! of the environment change what is measured.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod harness;

use std::time::{Duration, Instant};

use harness::{
    measure::{Timer, setting},
    subscription::subscribe,
};
use mysql_async::{Conn, prelude::Queryable};
use opendental_cdc::{
    bridge::Bridge,
    config::{Config, Engine},
    opendental::schema,
    polling::Polling,
    sandbox::{MariaDb, Options, Server, receiver::Receiver},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// As in Open Dental's own example.
const POLLING_SECONDS: u64 = 5;

/// Changes of single rows in a second, while all is measured.
const LOAD: u64 = 20;

/// What a stretch of time cost the server.
#[derive(Clone, Copy)]
struct Cost {
    /// CPU seconds in a second.
    cpu: f64,
    /// Rows that the storage engines read in a second.
    rows: f64,
    /// How far DateTimeStart went on, in seconds and for each subscription, in a second.
    progress: f64,
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` passes this; there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let (subscriptions, rows) = (setting("SUBSCRIPTIONS", 50), setting("ROWS", 1_000_000));
    let long = Duration::from_secs(setting("SECONDS", 60));
    let server = MariaDb::start(Options::default().arg("--sql-mode=").arg("--key-buffer-size=256M")).await.unwrap();
    let mut session = server.connect().await.unwrap();
    fill(&mut session, rows).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    println!(
        "{subscriptions} subscriptions, every {POLLING_SECONDS} s, on a table of {rows} rows; {LOAD} changes a second"
    );
    let idle = measured(&server, &mut session, long).await;
    print("the load alone", idle, None);
    let mut costs = Vec::new();
    for engine in [Engine::Polling, Engine::Binlog] {
        subscribe_all(&mut session, subscriptions, &receiver.url("/")).await;
        let running = Running::start(&server, engine);
        first_window(&mut session, subscriptions).await;
        let cost = measured(&server, &mut session, long).await;
        print(if engine == Engine::Polling { "polling" } else { "the bridge" }, cost, Some(idle));
        costs.push(cost);
        running.stop().await;
    }
    if let [polling, bridge] = costs[..] {
        println!(
            "the bridge costs the server 1/{:.0} of polling's CPU time and 1/{:.0} of its rows read",
            (polling.cpu - idle.cpu) / (bridge.cpu - idle.cpu),
            (polling.rows - idle.rows) / (bridge.rows - idle.rows),
        );
    }
}

fn print(what: &str, cost: Cost, idle: Option<Cost>) {
    let Cost { cpu, rows, progress } = cost;
    let (idle_cpu, idle_rows) = idle.map_or((0.0, 0.0), |idle| (idle.cpu, idle.rows));
    println!(
        "{what}: {:.2} % of a CPU, {:.0} rows read a second{}; DateTimeStart went on by {progress:.2} s a second",
        (cpu - idle_cpu) * 100.0,
        rows - idle_rows,
        if idle.is_some() { " beyond the load's own" } else { "" },
    );
}

/// Fills the table as an office of many years has it; not through the log.
async fn fill(session: &mut Conn, rows: u64) {
    for statement in schema::statements(schema::Engine::MyIsam) {
        session.query_drop(statement).await.unwrap();
    }
    let insert = format!(
        "INSERT INTO appointment (AptNum, PatNum, AptStatus, Pattern, Op, Note, ProvNum, AptDateTime, ProcDescript, \
         DateTStamp) SELECT seq, seq % 9973, 2, '//XXXXXXXX//', seq % 7, REPEAT('a call ', seq % 9), seq % 5, \
         NOW() - INTERVAL seq MINUTE, '2BWX, PerEx, Pro', NOW() - INTERVAL 30 DAY FROM seq_1_to_{rows}"
    );
    let statements = ["SET sql_log_bin = 0", "ALTER TABLE appointment DISABLE KEYS", &insert];
    for statement in statements.into_iter().chain(["ALTER TABLE appointment ENABLE KEYS", "SET sql_log_bin = 1"]) {
        session.query_drop(statement).await.unwrap();
    }
}

async fn subscribe_all(session: &mut Conn, subscriptions: u64, url: &str) {
    session.query_drop("DELETE FROM apisubscription").await.unwrap();
    for num in 1..=subscriptions {
        subscribe(session, num, url, POLLING_SECONDS).await;
    }
}

/// Waits until the first window of the last subscription is over.
async fn first_window(session: &mut Conn, subscription: u64) {
    let start =
        format!("SELECT CAST(DateTimeStart AS CHAR) FROM apisubscription WHERE ApiSubscriptionNum={subscription}");
    let before: Option<String> = session.query_first(start.as_str()).await.unwrap();
    while session.query_first::<String, _>(start.as_str()).await.unwrap() == before {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Changes rows for so long, and takes what the server spends meanwhile.
async fn measured(server: &Server, session: &mut Conn, long: Duration) -> Cost {
    let (rows, start) = (rows_read(session).await, date_time_start(session).await);
    let (timer, began) = (Timer::start(Some(server)).await, Instant::now());
    for change in 0.. {
        let due = Duration::from_millis(change * 1000 / LOAD);
        if due >= long {
            break;
        }
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let update = format!("UPDATE appointment SET Confirmed = Confirmed + 1 WHERE AptNum = {}", 1 + change * 7919);
        session.query_drop(update).await.unwrap();
    }
    let (cost, seconds) = (timer.stop(), began.elapsed().as_secs_f64());
    Cost {
        cpu: cost.server / seconds,
        rows: (rows_read(session).await - rows) / seconds,
        progress: (date_time_start(session).await - start) / seconds,
    }
}

/// What the storage engines were asked for so far, in whatever way.
async fn rows_read(session: &mut Conn) -> f64 {
    let status: Vec<(String, f64)> = session.query("SHOW GLOBAL STATUS LIKE 'Handler_read%'").await.unwrap();
    status.into_iter().map(|(_, count)| count).sum()
}

/// The mean of all subscriptions, in seconds since 1970.
async fn date_time_start(session: &mut Conn) -> f64 {
    let mean = "SELECT COALESCE(AVG(UNIX_TIMESTAMP(DateTimeStart)), 0) FROM apisubscription";
    session.query_first(mean).await.unwrap().unwrap()
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn start(server: &Server, engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let toml = format!(
            "workstation = \"BENCH\"\n[mysql]\nurl = \"{}\"\n[state]\npath = '{}'\n[http]\nlisten = \"\"\n",
            server.url("opendental"),
            folder.path().join("state.db").display()
        );
        let config = Config::from_toml(&toml).unwrap();
        let stop = CancellationToken::new();
        let task = match engine {
            Engine::Binlog => {
                let bridge = Bridge::new(config).run(stop.clone());
                tokio::spawn(async move { bridge.await.unwrap() })
            }
            Engine::Polling => {
                let polling = Polling::new(config).run(stop.clone());
                tokio::spawn(async move { polling.await.unwrap() })
            }
        };
        Self { stop, task, _folder: folder }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
