//! What becomes of a bridge whose state file fails it, and of one that is given an old or damaged file.

use std::collections::HashMap;

use crate::office::{Office, Process};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

fn log(office: &Office) -> String {
    std::fs::read_to_string(office.log()).unwrap()
}

async fn said(office: &Office, text: &str) {
    office.until(text, async || log(office).contains(text).then_some(())).await;
}

/// Takes in events until these rows have arrived.
async fn arrive(office: &mut Office, field: &str, nums: &[i64]) {
    let mut missing: Vec<String> = nums.iter().map(i64::to_string).collect();
    while !missing.is_empty() {
        let arrived = office.event().await.field(field);
        missing.retain(|num| !arrived.contains(num));
    }
}

async fn served() -> (Office, Process) {
    let office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    (office, bridge)
}

/// A disk that takes no more: no file of the process may grow beyond its limit.
#[cfg(target_os = "linux")]
mod full_disk {
    use std::{net::TcpListener, process::Command};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// A bridge that a write beyond the limit does not kill, and the port of its health check.
    fn start(office: &Office) -> (Process, u16) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_opendental-cdc")]);
        command.env("OPENDENTAL_CDC_HTTP__LISTEN", format!("127.0.0.1:{port}"));
        (office.process_by(command), port)
    }

    fn limit(bridge: &Process, bytes: &str) {
        let arguments = ["--pid", &bridge.id().to_string(), &format!("--fsize={bytes}:")];
        assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
    }

    /// From now on the disk is full: neither the database nor its `-wal` has room for what a commit changes, but the log
    /// has some.
    fn fill(bridge: &Process) {
        limit(bridge, "8192");
    }

    async fn ready(port: u16) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn w6_a_full_disk_is_said_waited_out_and_loses_nothing() {
        let mut office = Office::open().await;
        office.subscribe(1, "Appointment", 1).await;
        let (mut bridge, port) = start(&office);
        office.ticking(1).await;
        for killed in [false, true] {
            fill(&bridge);
            let num = if killed { 2 } else { 1 };
            office.exec(&insert(num)).await;
            office
                .until("it is not ready", async || {
                    ready(port).await.contains("the state file cannot be written at present").then_some(())
                })
                .await;
            said(&office, "windows that close wait until it can be written").await;
            // What was stored before may still be told.
            office.exec("DO SLEEP(2)").await;
            let stuck = office.date_time_start(1).await;
            office.exec("DO SLEEP(2)").await;
            assert_eq!(office.date_time_start(1).await, stuck, "what is not stored is not told");
            assert!(office.receiver.try_next().is_none(), "no event whose range is not stored");
            assert_eq!(bridge.exit_code(), None);
            if killed {
                break;
            }
            limit(&bridge, "unlimited");
            arrive(&mut office, "AptNum", &[1]).await;
            office.ticking(1).await;
            assert!(ready(port).await.starts_with("HTTP/1.1 200"));
        }
        bridge.kill();
        let bridge = office.process();
        arrive(&mut office, "AptNum", &[2]).await;
        bridge.kill();
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w6_a_state_file_that_vanishes_while_the_bridge_runs_is_made_anew_with_all_places() {
    let (mut office, bridge) = served().await;
    office.exec("INSERT INTO labcase (LabCaseNum, Instructions) VALUES (5, '')").await;
    office.subscribe(2, "LabCaseDeleted", 1).await;
    office.ticking(2).await;
    std::fs::remove_file(office.state()).unwrap();
    said(&office, "the state file was made anew").await;
    office.ticking(2).await;
    bridge.kill();
    // Only the log can tell of it, from the place that was kept.
    office.exec("DELETE FROM labcase").await;
    let bridge = office.process();
    arrive(&mut office, "LabCaseNum", &[5]).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_state_file_that_is_damaged_or_missing_is_named_and_made_up_for_by_a_catch_up() {
    for damaged in [true, false] {
        let (mut office, bridge) = served().await;
        bridge.kill();
        // As a long transaction leaves it: its stamp is older than what was last delivered.
        office
            .exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW() - INTERVAL 5 MINUTE)")
            .await;
        office.exec(&insert(2)).await;
        if damaged {
            let size = std::fs::metadata(office.state()).unwrap().len();
            std::fs::write(office.state(), vec![0; usize::try_from(size).unwrap()]).unwrap();
        } else {
            std::fs::remove_file(office.state()).unwrap();
        }
        let bridge = office.process();
        arrive(&mut office, "AptNum", &[1, 2]).await;
        bridge.kill();
        let log = log(&office);
        assert!(log.contains(if damaged { "the state file was damaged" } else { "the state file is gone" }), "{log}");
        let folder = std::fs::read_dir(office.state().parent().unwrap()).unwrap();
        let names: Vec<String> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.iter().any(|name| name.starts_with("state.db.damaged-")), damaged, "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_state_file_from_a_backup_repeats_rows_loses_none_and_uses_no_id_for_anything_else() {
    let (mut office, bridge) = served().await;
    office.exec(&insert(1)).await;
    let mut known = HashMap::new();
    learn(&mut office, &mut known, &[1]).await;
    bridge.kill();
    let parts = ["", "-wal"].map(|ending| {
        let mut path = office.state();
        path.as_mut_os_string().push(ending);
        path
    });
    let backup = parts.clone().map(|part| std::fs::read(part).unwrap());
    for round in 0..2 {
        let bridge = office.process();
        let first = 10 * (round + 1);
        for num in first..first + 3 {
            office.exec(&insert(num)).await;
            learn(&mut office, &mut known, &[num]).await;
        }
        office.ticking(1).await;
        bridge.kill();
        for (part, bytes) in parts.iter().zip(&backup) {
            std::fs::write(part, bytes).unwrap();
        }
        office.exec(&insert(first + 5)).await;
        let bridge = office.process();
        learn(&mut office, &mut known, &[first, first + 1, first + 2, first + 5]).await;
        bridge.kill();
        for (part, bytes) in parts.iter().zip(&backup) {
            std::fs::write(part, bytes).unwrap();
        }
    }
}

/// Takes in events until these rows have arrived; the same id must always come with the same rows.
async fn learn(office: &mut Office, known: &mut HashMap<String, Vec<String>>, nums: &[i64]) {
    let mut missing: Vec<String> = nums.iter().map(i64::to_string).collect();
    while !missing.is_empty() {
        let event = office.event().await;
        let rows = event.field("AptNum");
        missing.retain(|num| !rows.contains(num));
        let before = known.insert(event.id(), rows.clone());
        assert!(before.is_none_or(|before| before == rows), "an id was used for other rows");
    }
}
