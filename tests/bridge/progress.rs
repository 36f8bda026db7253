//! W10: a catch-up that takes long says how far it is, on a terminal and in the log.

use mysql_async::prelude::Queryable;

use crate::office::{Office, subscription_row};

/// A subscription that catches up with one appointment, once `session` unlocks the table that is searched for it.
async fn locked(session: &mut mysql_async::Conn, office: &Office) {
    office.ticking(2).await;
    session.query_drop("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW())").await.unwrap();
    session.query_drop("LOCK TABLES appointment WRITE").await.unwrap();
    office.exec(&subscription_row(1, &office.receiver.url("/1/"), "Appointment", 1, "'2020-01-01'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_search_is_told_when_it_begins_while_it_goes_on_and_when_it_ends() {
    let mut office = Office::open().await;
    let mut session = office.connect().await;
    office.subscribe(2, "Patient", 1).await;
    let bridge = office.process();
    locked(&mut session, &office).await;
    let told = async |text: &str| {
        office.until(text, async || (office.told(text) > 0).then_some(())).await;
    };
    told("searching the table for a catch-up table=\"appointment\"").await;
    told("searching a table for changes before the subscriptions' place").await;
    session.query_drop("UNLOCK TABLES").await.unwrap();
    told("place in the log table=\"appointment\" rows=1 millis=").await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.kill();
}

/// What stands on a terminal's lines, as far as they were written at one go.
#[cfg(target_os = "linux")]
fn pieces(written: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => {
                let last = characters.find(char::is_ascii_alphabetic);
                // All but colours move the cursor or wipe something out.
                if last != Some('m') {
                    pieces.push(String::new());
                }
            }
            '\r' | '\n' => pieces.push(String::new()),
            other => pieces.last_mut().unwrap().push(other),
        }
    }
    pieces
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn w10_a_search_is_shown_on_a_terminal_and_runs_into_no_line_of_the_log() {
    let mut office = Office::open().await;
    let mut session = office.connect().await;
    office.subscribe(2, "Patient", 1).await;
    let screen = tempfile::NamedTempFile::new().unwrap();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "exec script -qefc \"$0 $*\" \"$SCREEN\"", env!("CARGO_BIN_EXE_opendental-cdc")]);
    command.env("SCREEN", screen.path()).env("TERM", "xterm");
    let bridge = office.process_by(command);
    locked(&mut session, &office).await;
    let written = || String::from_utf8_lossy(&std::fs::read(screen.path()).unwrap()).into_owned();
    let shown = async |text: &str| {
        office.until(text, async || written().contains(text).then_some(())).await;
    };
    shown("searching appointment: 0 rows found of about 1 in the table").await;
    // Something to tell in the log meanwhile.
    office.subscribe(3, "Provider", 1).await;
    office.ticking(3).await;
    session.query_drop("UNLOCK TABLES").await.unwrap();
    shown("scanned for changes").await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    let pieces = pieces(&written());
    let lines: Vec<&String> = pieces.iter().filter(|piece| piece.contains("opendental_cdc::")).collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line.starts_with("20")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("searching appointment:")), "{lines:#?}");
    bridge.kill();
}
