//! How fast `decode` prints a binlog file as JSON lines, beside what the server's own program needs to print it.
//!
//! `cargo bench --bench decode` prints a table for each server and workload; it asserts nothing. Both print to
//! `/dev/null`, in turns; wall times are medians and CPU times the least of the rounds. `CDC_BENCH_ROWS` (300000) and
//! `CDC_BENCH_ROUNDS` (5) make it longer or shorter.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod harness;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use harness::{
    load::{Log, Vendor, Workload},
    measure::{Cost, Timer, setting, summary},
    program,
};

#[tokio::main]
async fn main() {
    // `cargo test --benches` passes this; there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let (rows, rounds) = (setting("CDC_BENCH_ROWS", 300_000), setting("CDC_BENCH_ROUNDS", 5));
    for vendor in Vendor::all() {
        for workload in Workload::ALL {
            let mut log = Log::fill((vendor, workload), "FULL", rows, async |_: &_| {}).await;
            let file = log.path().await;
            log.server.stop().await.unwrap();
            println!("\n{}, {}: {:.0} MB of log, {rounds} rounds", vendor.name(), workload.name(), log.megabytes());
            table(vendor, &file, rounds, log.megabytes()).await;
        }
    }
}

async fn table(vendor: Vendor, file: &Path, rounds: u64, megabytes: f64) {
    let Some((name, _)) = program::binlog(vendor) else {
        println!("NOT measured: scripts/fetch-servers has not brought mysqlbinlog");
        return;
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut decode = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        ours.push(run(decode.arg("decode").arg(file)).await);
        if let Some((_, mut program)) = program::binlog(vendor) {
            program.args(["--no-defaults", "-vv", "--base64-output=decode-rows"]);
            theirs.push(run(program.arg(file)).await);
        }
    }
    let (ours, theirs) = (summary(&ours), summary(&theirs));
    println!("{:<30} {:>7} {:>7} {:>7} {:>7} {:>9}", "", "wall s", "user s", "sys s", "MB/s", "times");
    for (name, cost) in [(name, theirs), ("decode", ours)] {
        let (rate, times) = (megabytes / cost.wall, theirs.wall / cost.wall);
        println!("{name:<30} {:>7.2} {:>7.2} {:>7.2} {rate:>7.0} {times:>9.2}", cost.wall, cost.user, cost.system);
    }
}

async fn run(command: &mut Command) -> Cost {
    let timer = Timer::start(None).await;
    let status = command.stdout(Stdio::null()).status().unwrap();
    let cost = timer.stop();
    assert!(status.success());
    cost
}
