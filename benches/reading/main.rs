//! How fast a log is read, beside the limit (the same dump thrown away) and beside other programs.
//!
//! `cargo bench --bench reading` prints a table for each server and workload; it asserts nothing. All modes of a table
//! take turns, round by round; wall times are medians and CPU times the least of the rounds. `CDC_BENCH_ROWS` (1500000)
//! and `CDC_BENCH_ROUNDS` (5) make it longer or shorter; `CDC_BENCH_ONLY` takes only what its text is part of, such as
//! `MariaDb Bulk` (vendor, workload and mode, as they are called below). `CDC_BENCH_BUDGET` (256 MB) is the bridge's
//! `memory.budget`: the bulk log has more images than that, which are packed away.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "../harness/mod.rs"]
mod harness;
mod library;
mod own;
mod peers;
mod socket;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use harness::{
    load::{Log, Vendor, Workload},
    measure::{Cost, Timer, setting, summary},
};
use opendental_cdc::sandbox::receiver::Receiver;
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Names of state files.
const BEFORE: &str = "before.db";
const BEHIND: &str = "behind.db";

/// What is done with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Socket,
    Limit,
    Typed,
    Walked,
    Unwatched,
    Watched,
    BridgeIdle,
    Bridge,
    Copied,
    CdcRows,
    LibraryRows,
}

use Mode::*;

impl Mode {
    const ALL: [Self; 11] =
        [Socket, Limit, Typed, Walked, Unwatched, Watched, BridgeIdle, Bridge, Copied, CdcRows, LibraryRows];

    fn name(self) -> &'static str {
        match self {
            Socket => "bare socket, packets counted",
            Limit => "the limit: mysql_async, thrown away",
            Typed => "+ checksums verified, events typed",
            Walked => "+ every row walked, images compared",
            Unwatched => "reader, table not watched",
            Watched => "reader, table watched",
            BridgeIdle => "bridge, start and stop alone",
            Bridge => "bridge, change log included",
            Copied => "mariadb-binlog or mysqlbinlog -R --raw",
            CdcRows => "mysql_cdc's own rows",
            LibraryRows => "mysql_async's own rows",
        }
    }

    /// Too slow to take part in every round.
    fn is_slow(self) -> bool {
        self == LibraryRows
    }
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` passes this; there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let only = std::env::var("CDC_BENCH_ONLY").unwrap_or_default();
    for vendor in Vendor::all() {
        for workload in Workload::ALL {
            let modes =
                Mode::ALL.into_iter().filter(|mode| format!("{vendor:?} {workload:?} {mode:?}").contains(&only));
            let modes: Vec<Mode> = modes.collect();
            if !modes.is_empty() {
                Comparison::new(vendor, workload).await.run(modes).await;
            }
        }
    }
}

/// One log, read in all ways.
struct Comparison {
    log: Arc<Log>,
    workload: Workload,
    receiver: Arc<Mutex<Receiver>>,
    /// State files of the bridge: one that stands before the log, one that stands behind it.
    states: TempDir,
}

impl Comparison {
    async fn new(vendor: Vendor, workload: Workload) -> Self {
        let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
        let states = tempfile::tempdir().unwrap();
        // The servers' defaults: no names, and of MySQL's table maps signs and character sets alone.
        let rows = setting("CDC_BENCH_ROWS", 1_500_000);
        let log = Log::fill((vendor, workload), "MINIMAL", rows, async |server: &_| {
            server.exec(peers::ACCOUNT).await.unwrap();
            own::subscribe(server, &receiver).await;
            own::take_places(server, &states.path().join(BEFORE)).await;
        })
        .await;
        own::mark_end(&log.server, 1).await;
        own::take_places(&log.server, &states.path().join(BEHIND)).await;
        own::mark_end(&log.server, 2).await;
        Self { log: Arc::new(log), workload, receiver: Arc::new(Mutex::new(receiver)), states }
    }

    async fn run(self, modes: Vec<Mode>) {
        let rounds = setting("CDC_BENCH_ROUNDS", 5);
        let mut results: Vec<(Mode, u64, Vec<Cost>)> = modes.into_iter().map(|mode| (mode, 0, Vec::new())).collect();
        for round in 0..rounds {
            for (mode, count, costs) in &mut results {
                if round == 0 || !mode.is_slow() {
                    let cost;
                    (*count, cost) = self.take(*mode).await;
                    costs.push(cost);
                }
            }
        }
        self.print(&results);
    }

    async fn take(&self, mode: Mode) -> (u64, Cost) {
        let state = self.state(if mode == BridgeIdle { BEHIND } else { BEFORE });
        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().to_owned();
        let (log, receiver) = (self.log.clone(), self.receiver.clone());
        let timer = Timer::start(Some(&self.log.server)).await;
        // In a task, as the program does it: the main thread is none of the runtime's workers.
        let count = tokio::spawn(async move {
            match mode {
                Socket => socket::read(&log),
                Limit => library::limit(&log).await,
                Typed => library::decoded(&log, false).await,
                Walked => library::decoded(&log, true).await,
                CdcRows => peers::rows_by_mysql_cdc(&log),
                LibraryRows => library::rows(&log).await,
                Unwatched => own::reader(&log, &["patient"]).await,
                Watched => own::reader(&log, &["appointment"]).await,
                BridgeIdle | Bridge => own::bridge(&log.server, &state, &mut *receiver.lock().await).await,
                Copied => peers::copied(&log, &copy),
            }
        })
        .await
        .unwrap();
        (count, timer.stop())
    }

    /// A copy of a state file, so that every run begins alike.
    fn state(&self, name: &str) -> PathBuf {
        let copy = self.states.path().join("running");
        for end in ["", "-wal", "-shm"] {
            let with = |path: &Path| format!("{}{end}", path.display());
            let _ = fs::remove_file(with(&copy));
            let _ = fs::copy(with(&self.states.path().join(name)), with(&copy));
        }
        copy
    }

    fn print(&self, results: &[(Mode, u64, Vec<Cost>)]) {
        let of = |wanted| results.iter().find(|(mode, ..)| *mode == wanted);
        let cost = |wanted| of(wanted).map(|(.., costs)| summary(costs)).unwrap_or_default();
        let rows = of(Watched).map_or(0, |(_, rows, _)| *rows) as f64;
        let megabytes = of(Socket).map_or(0, |(_, bytes, _)| *bytes) as f64 / 1e6;
        let (limit, idle) = (cost(Limit), cost(BridgeIdle));
        println!("\n{}, {}: {rows} changes, {megabytes:.0} MB", self.log.vendor.name(), self.workload.name());
        println!(
            "{:<40} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8} {:>6} {:>8} {:>6}",
            "", "wall s", "user s", "sys s", "CPU s", "server s", "rows/s", "MB/s", "of limit", "rounds"
        );
        for (mode, _, costs) in results {
            let mut cost = summary(costs);
            if *mode == Bridge {
                cost = cost.without(idle);
            }
            println!(
                "{:<40} {:>7.2} {:>7.2} {:>7.2} {:>7.2} {:>8.2} {:>7.0}k {:>6.0} {:>8.2} {:>6}",
                mode.name(),
                cost.wall,
                cost.user,
                cost.system,
                cost.cpu(),
                cost.server,
                rows / cost.wall / 1e3,
                megabytes / cost.wall,
                limit.wall / cost.wall,
                costs.len(),
            );
        }
    }
}
