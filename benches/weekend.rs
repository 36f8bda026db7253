//! What it takes to catch up with a gigabyte of log that was written while the bridge was off.
//!
//! `cargo bench --bench weekend` prints figures; it asserts nothing. `CDC_BENCH_ROWS` changes are made (2 200 000), by
//! statements of a thousand rows.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod harness;

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{
    load::{Log, Vendor, Workload},
    measure::setting,
    subscription::subscribe,
};
use mysql_async::{Conn, prelude::Queryable};
use opendental_cdc::sandbox::{
    Server,
    receiver::{Behavior, Receiver},
};

#[tokio::main]
async fn main() {
    // `cargo test --benches` passes this; there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let rows = setting("CDC_BENCH_ROWS", 2_200_000);
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let bytes = Arc::new(AtomicUsize::new(0));
    receiver.behave_by({
        let bytes = bytes.clone();
        move |event| {
            bytes.fetch_add(event.body.len(), Ordering::Relaxed);
            Behavior::status(200)
        }
    });
    let url = receiver.url("/");
    let log = Log::fill((Vendor::MariaDb, Workload::Bulk), "NO_LOG", rows, async |server| {
        let mut session = server.connect().await.unwrap();
        subscribe(&mut session, 1, &url, 1).await;
        let mut bridge = start(server, folder.path());
        let first = date_time_start(&mut session).await;
        while date_time_start(&mut session).await == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bridge.kill().unwrap();
        bridge.wait().unwrap();
    })
    .await;
    let mut session = log.server.connect().await.unwrap();
    let before = date_time_start(&mut session).await;
    let began = Instant::now();
    let mut bridge = start(&log.server, folder.path());
    receiver.next().await.unwrap();
    let first = began.elapsed();
    let mut events = 1;
    while date_time_start(&mut session).await == before {
        while receiver.try_next().is_some() {
            events += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = began.elapsed();
    println!(
        "{:.0} MB of log, {rows} changes: read after {:.1} s; {events} events of {:.0} MB delivered after {:.1} s; the \
         bridge had {} resident at most",
        log.megabytes(),
        first.as_secs_f64(),
        bytes.load(Ordering::Relaxed) as f64 / 1e6,
        all.as_secs_f64(),
        most_resident(&bridge)
    );
    bridge.kill().unwrap();
    bridge.wait().unwrap();
}

fn start(server: &Server, folder: &std::path::Path) -> Child {
    let toml = format!(
        "workstation = \"BENCH\"\n[mysql]\nurl = \"{}\"\n[state]\npath = '{}'\n[http]\nlisten = \"\"\n[log]\nlevel = \
         \"warn\"\n",
        server.url("opendental"),
        folder.join("state.db").display()
    );
    let file = folder.join("opendental-cdc.toml");
    std::fs::write(&file, toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.args(["run", "--config"]).arg(file).stdin(Stdio::null()).spawn().unwrap()
}

async fn date_time_start(session: &mut Conn) -> String {
    let query = "SELECT CAST(DateTimeStart AS CHAR) FROM apisubscription WHERE ApiSubscriptionNum=1";
    session.query_first(query).await.unwrap().unwrap()
}

/// VmHWM (proc_pid_status(5)).
fn most_resident(bridge: &Child) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bridge.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "an unknown amount".to_owned(), |amount| amount.trim().to_owned())
}
