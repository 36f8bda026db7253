use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::*;
use crate::status::{Attempted, LastEvent, Memory, Notice, Pending, Reading, Trouble};

/// A bridge that has been through everything.
pub(crate) fn eventful() -> Status {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let subscription = |num, watch_table: &str, state| SubscriptionStatus {
        num,
        endpoint: "https://secret.example/path".to_owned(),
        customer_key: "Vz***".to_owned(),
        workstation: String::new(),
        watch_table: watch_table.to_owned(),
        ui_event: String::new(),
        polling_seconds: 5,
        state,
        pending: Some(Pending { in_window: 40, behind: 2 }),
        due: Some(now),
        last_event: Some(LastEvent { at: now, elements: 3, status: 200 }),
        trouble: Some(Trouble { reason: "no".to_owned(), since: None, last: None, failures: 7, next: None }),
        date_time_start: "2026-01-01 00:00:00".to_owned(),
        date_time_stop: None,
        other_sender: None,
    };
    let mut status = Status::starting(EngineKind::Binlog, "W", now);
    status.reading = Reading {
        since: Some(now),
        last: Some(now),
        place: None,
        behind_bytes: Some(1_000),
        behind_seconds: Some(2.5),
        clock_ahead_seconds: Some(-0.25),
    };
    status.memory = Memory { bytes: 10, budget: 100, rows: 5, packed: 4 };
    status.counts.attempted("accepted", Some(200), 0.02);
    status.counts.attempted("status", Some(503), 0.3);
    status.counts.attempted("connect", None, 400.0);
    status.counts.window_delay_seconds.add(0.004);
    status.subscriptions = vec![
        subscription(1, "Patient", WindowState::Gathering),
        subscription(2, "a \"table\"\\ of\nours", WindowState::Retrying),
        subscription(3, "Patient", WindowState::OtherWorkstation),
    ];
    let notice = |kind| Notice::new(kind, now, "something".to_owned());
    status.notices = vec![notice(NoticeKind::Doubt), notice(NoticeKind::Doubt), notice(NoticeKind::CatchUp)];
    status.attempts = vec![Attempted {
        at: now,
        subscription: 1,
        event: "Patient".to_owned(),
        elements: 3,
        status: Some(200),
        failure: None,
        millis: 20,
        id: "msg_1".to_owned(),
    }];
    status
}

fn text(status: &Status) -> String {
    TextEncoder::new().encode_to_string(&families(status, true)).unwrap()
}

#[test]
fn values_stand_under_their_names_and_labels() {
    let text = text(&eventful());
    for line in [
        "opendental_cdc_ready 1",
        "opendental_cdc_log_lag_seconds 2.5",
        "opendental_cdc_subscriptions{state=\"retrying\"} 1",
        "opendental_cdc_subscription_pending_rows{subscription=\"1\",watch_table=\"Patient\"} 42",
        "opendental_cdc_subscription_failures{subscription=\"2\",watch_table=\"a \\\"table\\\"\\\\ of\\nours\"} 7",
        "opendental_cdc_delivery_attempts_total{outcome=\"status\",status=\"503\"} 1",
        "opendental_cdc_delivery_attempts_total{outcome=\"connect\",status=\"\"} 1",
        "opendental_cdc_delivery_attempt_duration_seconds_bucket{le=\"0.025\"} 1",
        "opendental_cdc_delivery_attempt_duration_seconds_bucket{le=\"300\"} 2",
        "opendental_cdc_delivery_attempt_duration_seconds_bucket{le=\"+Inf\"} 3",
        "opendental_cdc_window_delay_seconds_count 1",
        "opendental_cdc_notices{kind=\"doubt\"} 2",
        "opendental_cdc_notices{kind=\"state\"} 0",
        "opendental_cdc_change_log_packed_rows 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("subscription=\"3\""), "it is not ours");
}

#[test]
fn d4_neither_endpoints_nor_keys_are_told() {
    let text = text(&eventful());
    assert!(!text.contains("secret.example") && !text.contains("Vz***") && !text.contains("something"));
}

#[test]
fn polling_tells_nothing_of_a_log() {
    let text = text(&Status { engine: EngineKind::Polling, ..eventful() });
    assert!(text.contains("opendental_cdc_delivery_attempts_total") && !text.contains("opendental_cdc_log_"));
}

/// The names of all metrics, as they are scraped.
fn names() -> BTreeSet<String> {
    let text = text(&eventful());
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned)).collect()
}

/// Every name of ours in a text.
fn named_in(text: &str) -> BTreeSet<String> {
    let ours = text.match_indices(families::PREFIX).map(|(start, _)| {
        let name = text[start..].split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        name.into_iter().next().unwrap_or_default().to_owned()
    });
    ours.collect()
}

const ALERTS: &str = include_str!("../../../docs/monitoring/alerts.yml");
const DASHBOARD: &str = include_str!("../../../docs/monitoring/dashboard.json");
const EXPLAINED: &str = include_str!("../../../docs/monitoring/README.md");

#[test]
fn what_the_dashboard_and_the_alerts_ask_for_is_there() {
    let names = names();
    for (file, text) in [("alerts.yml", ALERTS), ("dashboard.json", DASHBOARD)] {
        let asked = named_in(text);
        assert!(asked.len() > 5, "{file}");
        let missing: Vec<_> = asked.difference(&names).collect();
        assert!(missing.is_empty(), "{file} asks for what there is not: {missing:?}");
    }
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
}

#[test]
fn every_metric_is_explained_and_no_other() {
    let explained: BTreeSet<String> = EXPLAINED
        .lines()
        .filter(|line| line.starts_with("| `") && line.split('|').nth(2).is_some_and(is_kind))
        .flat_map(|line| line.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2))
        .map(|name| format!("{}{}", families::PREFIX, name.split('{').next().unwrap_or_default()))
        .collect();
    let told: BTreeSet<String> = families(&eventful(), true).iter().map(|family| family.name().to_owned()).collect();
    assert_eq!(explained, told);
}

fn is_kind(cell: &str) -> bool {
    ["gauge", "counter", "histogram"].contains(&cell.trim())
}

/// Runs promtool, and returns what it says if it is not content.
fn promtool(arguments: &[&str], input: &str) -> Result<(), String> {
    let tools = std::env::var_os("CDC_TEST_TOOLS").map_or_else(|| root().join("target/tools"), PathBuf::from);
    let promtool = tools.join("promtool");
    if !promtool.exists() {
        println!("metrics and alerts were NOT checked by promtool: scripts/fetch-promtool has not brought it");
        return Ok(());
    }
    let mut command = Command::new(promtool);
    command.args(arguments).current_dir(root().join("docs/monitoring"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    for engine in [EngineKind::Binlog, EngineKind::Polling] {
        assert_eq!(promtool(&["check", "metrics"], &text(&Status { engine, ..eventful() })), Ok(()));
    }
}

#[test]
fn promtool_takes_the_alerts_and_they_go_off_when_they_should() {
    assert_eq!(promtool(&["check", "rules", "alerts.yml"], ""), Ok(()));
    assert_eq!(promtool(&["test", "rules", "alerts.test.yml"], ""), Ok(()));
}
