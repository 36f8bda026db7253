//! The server's clock is set while the bridge runs, and the office's clocks change: windows go on, and nothing is lost.
//!
//! The server is a real one; `libfaketime` (Debian's package of that name) tells it the time.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
};

use crate::office::{Event, Office};

const DAY: i64 = 24 * 60 * 60;

/// An office whose server's clock can be set.
struct Clocked {
    office: Office,
    file: tempfile::NamedTempFile,
}

/// `None`, and a line that says so, where `libfaketime` is not installed.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: libfaketime is not installed");
    }
    found
}

/// What a process must have in its environment to take its time from `file`; see [`set`].
fn environment(file: &tempfile::NamedTempFile) -> Option<[(&'static str, String); 4]> {
    let library = library()?;
    set(file, 0);
    Some([
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAKETIME_TIMESTAMP_FILE", file.path().to_string_lossy().into_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}

/// Lets a server take its time from `file`.
pub(crate) fn clocked(options: Options, file: &tempfile::NamedTempFile) -> Option<Options> {
    let environment = environment(file)?;
    Some(environment.into_iter().fold(options, |options, (name, value)| options.environment(name, value)))
}

impl Clocked {
    /// In New York, at `utc`.
    async fn open(utc: Option<&str>) -> Option<Self> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = clocked(Options::default().zone("America/New_York").arg("--sql-mode="), &file)?;
        set(&file, utc.map_or(0, seconds_until));
        let server = Arc::new(MariaDb::start(options).await.unwrap());
        let office = Office::on(server, Engine::MyIsam).await;
        Some(Self { office, file })
    }

    /// Sets the server's clock so many seconds ahead of ours.
    fn set(&self, ahead: i64) {
        set(&self.file, ahead);
    }

    /// Sets the server's clock to `utc`.
    fn set_to(&self, utc: &str) {
        set(&self.file, seconds_until(utc));
    }

    async fn insert(&self, num: i64) {
        let sql = format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())");
        self.office.exec(&sql).await;
    }

    /// Events until that of appointment `num`; all that they hold, in order.
    async fn events_until(&mut self, num: i64) -> Vec<String> {
        let mut all = Vec::new();
        while all.last() != Some(&num.to_string()) {
            let event = self.office.event().await;
            if event.subscription() == 1 {
                all.extend(event.field("AptNum"));
            }
        }
        all
    }

    /// Whether DateTimeStart is of the last minute, by the server's clock.
    async fn date_time_start_is_present(&self, num: i64) -> bool {
        let sql = format!(
            "SELECT CAST(DateTimeStart BETWEEN NOW() - INTERVAL 1 MINUTE AND NOW() AS CHAR) FROM apisubscription \
             WHERE ApiSubscriptionNum={num}"
        );
        self.office.value(&sql).await.as_deref() == Some("1")
    }

    async fn until_date_time_start_is_present(&self, num: i64) {
        let looks = async || self.date_time_start_is_present(num).await.then_some(());
        self.office.until("DateTimeStart follows the server's clock", looks).await;
    }
}

/// Sets the clock of the servers that take their time from `file` so many seconds ahead of ours.
pub(crate) fn set(file: &tempfile::NamedTempFile, ahead: i64) {
    // In one step: the server reads it all the time.
    let new = file.path().with_extension("new");
    std::fs::write(&new, format!("{ahead:+}")).unwrap();
    std::fs::rename(new, file.path()).unwrap();
}

fn seconds_until(utc: &str) -> i64 {
    (DateTime::parse_from_rfc3339(utc).unwrap().to_utc() - Utc::now()).num_seconds()
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_the_servers_clock_is_set_a_day_ahead_and_back_and_windows_go_on() {
    let Some(mut clocked) = Clocked::open(None).await else { return };
    clocked.office.subscribe(1, "Appointment", 1).await;
    // This one's window is not due for as long as the test lasts.
    clocked.office.subscribe(2, "Appointment", 3600).await;
    let bridge = clocked.office.process();
    clocked.office.ticking(1).await;
    clocked.insert(1).await;
    clocked.events_until(1).await;
    for (num, ahead) in [(2, DAY), (3, 0), (4, -DAY), (5, 0)] {
        clocked.set(ahead);
        clocked.insert(num).await;
        let told = clocked.events_until(num).await;
        assert!(told.iter().all(|told| *told >= (num - 1).to_string()), "{told:?} after the step to {ahead}");
        clocked.until_date_time_start_is_present(1).await;
        clocked.office.ticking(1).await;
    }
    assert_eq!(clocked.office.told("a pause until then"), 0);
    assert_eq!(clocked.office.told("sending again from there"), 0);
    assert_eq!(clocked.office.told("the server's clock was set"), 4);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_this_machines_clock_is_set_a_day_ahead_and_back_and_windows_go_on_with_ids_of_their_own() {
    let mut office = Office::open().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let Some(environment) = environment(&file) else { return };
    let start = |office: &Office| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        command.envs(environment.clone());
        office.process_by(command)
    };
    office.subscribe(1, "Appointment", 1).await;
    let mut bridge = Some(start(&office));
    office.ticking(1).await;
    let mut ids = BTreeSet::new();
    // While it runs, and while it is off.
    for (num, (ahead, off)) in
        (1..).zip([(DAY, false), (0, false), (-DAY, false), (DAY, true), (-DAY, true), (0, true)])
    {
        if off {
            drop(bridge.take());
        }
        set(&file, ahead);
        bridge.get_or_insert_with(|| start(&office));
        office.ticking(1).await;
        let sql = format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())");
        office.exec(&sql).await;
        let event = office.event().await;
        assert_eq!(event.field("AptNum"), [num.to_string()], "after the step to {ahead}");
        assert!(ids.insert(event.id()), "an id came twice");
        office.ticking(1).await;
        let present = "SELECT 1 FROM apisubscription WHERE DateTimeStart BETWEEN NOW() - INTERVAL 1 MINUTE AND NOW()";
        office.until("DateTimeStart follows the server's clock", async || office.value(present).await).await;
    }
    for line in ["sending again from there", "a pause until then", "catch-up"] {
        assert_eq!(office.told(line), usize::from(line == "catch-up"), "{line}");
    }
    drop(bridge);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_the_clock_is_set_back_while_the_bridge_is_down_and_its_own_write_is_no_pause() {
    let Some(mut clocked) = Clocked::open(None).await else { return };
    clocked.set(DAY);
    clocked.office.subscribe(1, "Appointment", 1).await;
    let bridge = clocked.office.process();
    clocked.office.ticking(1).await;
    clocked.insert(1).await;
    let first = clocked.office.event().await;
    clocked.office.ticking(1).await;
    clocked.office.receiver.behave(Behavior::status(503));
    clocked.insert(2).await;
    clocked.office.event().await;
    bridge.kill();
    clocked.set(0);
    clocked.insert(3).await;
    clocked.office.receiver.behave(Behavior::status(200));
    let bridge = clocked.office.process();
    let told = clocked.events_until(3).await;
    assert!(!told.contains(&first.field("AptNum")[0]), "{told:?}");
    clocked.until_date_time_start_is_present(1).await;
    clocked.office.ticking(1).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_the_clock_is_set_back_while_the_bridge_is_down_and_the_log_is_lost_with_it() {
    let Some(mut clocked) = Clocked::open(None).await else { return };
    let own = tempfile::NamedTempFile::new().unwrap();
    let Some(environment) = environment(&own) else { return };
    let start = |office: &Office| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        command.envs(environment.clone());
        office.process_by(command)
    };
    clocked.office.configure("[delivery]\ncatch_up_overlap = \"1s\"\n");
    clocked.set(1800);
    clocked.office.subscribe(1, "Appointment", 1).await;
    let bridge = start(&clocked.office);
    clocked.office.ticking(1).await;
    clocked.insert(1).await;
    clocked.events_until(1).await;
    clocked.office.ticking(1).await;
    bridge.kill();
    clocked.set(0);
    clocked.insert(2).await;
    // An hour passes, by the clock of this machine too: nothing shows that the last window lies ahead of row 2.
    clocked.set(3600);
    set(&own, 3600);
    clocked.office.exec("RESET MASTER").await;
    clocked.insert(3).await;
    let bridge = start(&clocked.office);
    let mut told = Vec::new();
    while !["2", "3"].iter().all(|num| told.contains(&(*num).to_owned())) {
        told.extend(clocked.office.event().await.field("AptNum"));
    }
    clocked.until_date_time_start_is_present(1).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_another_sender_that_follows_the_clock_as_it_is_set_neither_pauses_nor_rewinds_us() {
    let Some(mut clocked) = Clocked::open(None).await else { return };
    // Nothing but this long interval makes us look at the clock.
    clocked.office.subscribe(1, "Appointment", 1).await;
    let bridge = clocked.office.process();
    clocked.office.ticking(1).await;
    clocked.insert(1).await;
    clocked.events_until(1).await;
    for (num, ahead) in [(2, DAY), (3, 0)] {
        clocked.office.exec("UPDATE apisubscription SET PollingSeconds=3600").await;
        clocked.set(ahead);
        clocked.office.exec("UPDATE apisubscription SET DateTimeStart=NOW()").await;
        clocked.office.exec("UPDATE apisubscription SET PollingSeconds=1").await;
        clocked.insert(num).await;
        let told = clocked.events_until(num).await;
        assert_eq!(told, [num.to_string()], "after the step to {ahead}");
        clocked.office.ticking(1).await;
    }
    assert_eq!(clocked.office.told("a pause until then"), 0);
    assert_eq!(clocked.office.told("sending again from there"), 0);
    bridge.kill();
}

/// Rows before, at and after the change, with another sender and a restart in between: each arrives once.
async fn a_night(before: &str, first_hour: &str, second_hour: &str) {
    let Some(mut clocked) = Clocked::open(Some(before)).await else { return };
    clocked.office.subscribe(1, "Appointment", 1).await;
    clocked.set_to(before);
    let bridge = clocked.office.process();
    clocked.office.ticking(1).await;
    let mut rows = 0;
    let mut seen = Vec::new();
    // Until the clocks have changed, and some seconds more.
    while seen.last().is_none_or(|start: &String| start.as_str() < second_hour || start.starts_with(first_hour)) {
        rows += 1;
        clocked.insert(rows).await;
        clocked.office.exec("UPDATE apisubscription SET DateTimeStart=NOW()").await;
        clocked.office.ticking(1).await;
        seen.push(clocked.office.date_time_start(1).await);
    }
    assert!(seen[0].starts_with(first_hour), "{seen:?}");
    let mut told = clocked.events_until(rows).await;
    clocked.office.ticking(1).await;
    bridge.kill();
    clocked.insert(rows + 1).await;
    let bridge = clocked.office.process();
    told.extend(clocked.events_until(rows + 1).await);
    clocked.office.ticking(1).await;
    assert_eq!(told, (1..=rows + 1).map(|num| num.to_string()).collect::<Vec<_>>(), "DateTimeStart went {seen:?}");
    assert!(clocked.office.receiver.try_next().map(Event::new).is_none());
    for line in ["sending again from there", "a pause until then", "the server's clock was set"] {
        assert_eq!(clocked.office.told(line), 0, "{line}");
    }
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_the_night_on_which_an_hour_comes_twice() {
    a_night("2026-11-01T05:59:55Z", "2026-11-01 01:5", "2026-11-01 01:00:03").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_the_night_on_which_an_hour_is_left_out() {
    a_night("2026-03-08T06:59:55Z", "2026-03-08 01:5", "2026-03-08 03:00:03").await;
}
