//! Heartbeats of MySQL's second version, which tell positions beyond 4 GB.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use opendental_cdc::{
    sandbox::{MySql, Options},
    source::Database,
};

use crate::{
    following::{Following, config},
    rewriting::{proxy, types},
};

const COM_BINLOG_DUMP: u8 = 0x12;
const COM_BINLOG_DUMP_GTID: u8 = 0x1e;
/// The request's flag that asks for them (MySQL source, `USE_HEARTBEAT_EVENT_V2`).
const ASK: u8 = 2;
const HEARTBEAT_V2: u8 = 41;

#[tokio::test]
async fn r7_heartbeats_of_the_second_version_are_read() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    for gtid in [true, false] {
        let options = if gtid { Options::default().gtid() } else { Options::default() };
        let server = MySql::start(options).await.unwrap();
        server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
        let beats = Arc::new(AtomicU32::new(0));
        let seen = beats.clone();
        let count = move |bytes: &mut [u8]| {
            let new = types(bytes).into_iter().filter(|kind| **kind == HEARTBEAT_V2).count();
            seen.fetch_add(new as u32, Ordering::SeqCst);
        };
        let port = proxy(server.port(), Arc::new(ask), Arc::new(count)).await;
        let url = server.url("opendental");
        let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
        let questions = Database::connect(&config(&url, "")).await.unwrap();
        let mut following = Following::over(mysql, questions, &["t"], None).await;
        following.connected().await;
        for round in 1..=2 {
            // Each heartbeat of an idle server is told as progress.
            let before = beats.load(Ordering::SeqCst);
            while beats.load(Ordering::SeqCst) < before + 1 {
                following.next().await.unwrap();
            }
            server.exec(&format!("INSERT INTO opendental.t VALUES ({round}); FLUSH BINARY LOGS")).await.unwrap();
            assert_eq!(following.steps().await, [format!("+{round}")], "gtid {gtid}");
        }
        assert_eq!(following.connections, 1);
        following.end().await;
    }
}

/// Asks for such heartbeats, which `mysql_async` cannot.
pub fn ask(packet: &mut [u8]) {
    // Behind a packet's length and number: the command, and its flags, with a position before them or not.
    match packet {
        [_, _, _, 0, COM_BINLOG_DUMP, _, _, _, _, flags, ..] | [_, _, _, 0, COM_BINLOG_DUMP_GTID, flags, ..] => {
            *flags |= ASK;
        }
        _ => {}
    }
}
