//! `/metrics`: what the bridge does, for Prometheus and whatever else reads its format. `docs/monitoring/` explains each.
//!
//! They are made from the same values as the status page, anew for each request: nothing is registered anywhere.

mod families;

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use prometheus::{TEXT_FORMAT, TextEncoder, proto::MetricFamily};

use self::families::{Families, counter, gauge};
use super::services::Services;
use crate::status::{EngineKind, NoticeKind, Stage, Status, SubscriptionStatus, WindowState};

/// Answers with all metrics.
pub(super) async fn metrics(State(services): State<Services>) -> Response {
    let status = services.board.status().await;
    let is_ready = services.board.health().ready(Utc::now()).is_ok();
    match TextEncoder::new().encode_to_string(&families(&status, is_ready)) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be written: {error}\n")).into_response()
        }
    }
}

/// All metrics of one moment.
fn families(status: &Status, is_ready: bool) -> Vec<MetricFamily> {
    let mut all = Families::default();
    process(&mut all, status, is_ready);
    reading(&mut all, status);
    subscriptions(&mut all, &status.subscriptions);
    delivery(&mut all, status);
    troubles(&mut all, status);
    memory(&mut all, status);
    all.into_inner()
}

fn process(all: &mut Families, status: &Status, is_ready: bool) {
    let engine = engine_name(status.engine);
    let build = gauge(&[("version", status.version), ("engine", engine)], 1.0);
    all.gauges("build_info", "1; the labels tell the program's version and its engine.", vec![build]);
    all.gauge("start_time_seconds", "When the process began, in seconds since 1970.", seconds(status.started));
    all.gauge("status_time_seconds", "When the other values were true, in seconds since 1970.", seconds(status.at));
    all.gauge("ready", "Whether the bridge does its work, as /readyz tells: 1 or 0.", one_if(is_ready));
    all.gauge(
        "running",
        "Whether it is neither starting nor stopping: 1 or 0.",
        one_if(status.stage == Stage::Running),
    );
}

fn reading(all: &mut Families, status: &Status) {
    let reading = &status.reading;
    let last = reading.last.map(seconds);
    all.gauge("last_read_time_seconds", "When the server was last heard of, in seconds since 1970.", last);
    let ahead = reading.clock_ahead_seconds;
    all.gauge("server_clock_offset_seconds", "How far the server's clock is ahead of this machine's.", ahead);
    if status.engine == EngineKind::Polling {
        return;
    }
    all.gauge("reading", "Whether the server's log is being read: 1 or 0.", one_if(reading.since.is_some()));
    let help = "How long ago that was committed which is being read of the log; 0 when nothing is left to read.";
    all.gauge("log_lag_seconds", help, reading.behind_seconds);
    let help = "Bytes of the log that are left to read, by the last look at its end.";
    all.gauge("log_lag_bytes", help, reading.behind_bytes.map(|bytes| bytes as f64));
    let read = &status.read;
    all.counter("log_events_total", "Events of the log that were read, of whatever kind and table.", read.events);
    all.counter("log_read_bytes_total", "Bytes of the log that were read.", read.bytes);
    all.counter("row_changes_total", "Changes of rows of followed tables that were read.", read.changes);
    let help = "Updates of such rows that changed nothing, and were dropped.";
    all.counter("row_changes_dropped_total", help, read.unchanged);
    all.counter("log_connections_lost_total", "Connections to the log that broke.", read.connections_lost);
}

fn subscriptions(all: &mut Families, subscriptions: &[SubscriptionStatus]) {
    let mut states: BTreeMap<&str, f64> = BTreeMap::new();
    for subscription in subscriptions {
        *states.entry(subscription.state.name()).or_default() += 1.0;
    }
    let by_state = states.into_iter().map(|(state, count)| gauge(&[("state", state)], count)).collect();
    all.gauges("subscriptions", "Rows of apisubscription by what they are doing.", by_state);
    let served = || subscriptions.iter().filter(|subscription| subscription.state.is_served());
    let with_windows = || served().filter(|subscription| subscription.state != WindowState::UiEvents);
    let pending = |one: &SubscriptionStatus| one.pending.map(|pending| labelled(one, pending.rows() as f64));
    let pending = with_windows().filter_map(pending).collect();
    all.gauges("subscription_pending_rows", "Rows that wait to be sent, at most.", pending);
    let failures = |one: &SubscriptionStatus| one.trouble.as_ref().map_or(0.0, |trouble| trouble.failures as f64);
    let failing = served().map(|one| labelled(one, failures(one))).collect();
    all.gauges("subscription_failures", "Attempts that failed since the last that did not.", failing);
    let last = |one: &SubscriptionStatus| one.last_event.map(|event| labelled(one, seconds(event.at)));
    let help = "When the last event was accepted, in seconds since 1970.";
    all.gauges("subscription_last_event_time_seconds", help, served().filter_map(last).collect());
}

fn delivery(all: &mut Families, status: &Status) {
    let counts = &status.counts;
    let attempts = counts.attempts.iter().map(|known| {
        let code = known.status.map(|status| status.to_string()).unwrap_or_default();
        counter(&[("outcome", known.outcome), ("status", &code)], known.count as f64)
    });
    all.counters("delivery_attempts_total", "Attempts to send an event, by how they ended.", attempts.collect());
    let help = "How long attempts took, from sending to the answer's status or the failure.";
    all.histogram("delivery_attempt_duration_seconds", help, &counts.attempt_seconds);
    all.counter("delivered_elements_total", "Elements of events that were accepted.", counts.elements);
    all.counter("delivered_bytes_total", "Bytes of the bodies of events that were accepted.", counts.bytes);
    all.counter("events_unmade_total", "Events that could not be made, and are tried again.", counts.unmade);
    if status.engine == EngineKind::Polling {
        return;
    }
    all.counter("windows_total", "Windows that ended, also those without a row.", counts.windows);
    let help = "From the moment when a window was due to the first attempt to send its first event.";
    all.histogram("window_delay_seconds", help, &counts.window_delay_seconds);
}

fn troubles(all: &mut Families, status: &Status) {
    let mut kinds: BTreeMap<&str, f64> = NoticeKind::ALL.iter().map(|kind| (kind.name(), 0.0)).collect();
    for notice in &status.notices {
        *kinds.entry(notice.kind.name()).or_default() += 1.0;
    }
    let by_kind = kinds.into_iter().map(|(kind, count)| gauge(&[("kind", kind)], count)).collect();
    all.gauges("notices", "What the status page tells a person at present, by kind.", by_kind);
    if status.engine == EngineKind::Polling {
        return;
    }
    let counts = &status.counts;
    let help = "Searches of a table for what the log cannot tell.";
    all.counter("catch_ups_total", help, counts.catch_ups);
    all.counter("catch_up_rows_total", "Rows that they found.", counts.catch_up_rows);
    let help = "Stretches of the log that did not tell with certainty what happened.";
    all.counter("doubts_total", help, counts.doubts);
    all.counter("log_losses_total", "How often the log could not be read on.", counts.log_losses);
    all.counter("state_commits_total", "Commits to the state file.", counts.state_commits);
    all.counter("state_commit_failures_total", "Commits to the state file that failed.", counts.state_failures);
    all.counter("write_backs_total", "UPDATEs that wrote DateTimeStart back.", counts.write_backs);
    all.counter("write_back_failures_total", "Such UPDATEs that failed.", counts.write_back_failures);
    let help = "How often another sender moved a DateTimeStart forward.";
    all.counter("other_sender_moves_total", help, counts.other_sender_moves);
    all.counter("audit_rows_total", "Rows that never reached the log, found by an audit.", counts.audit_rows);
}

fn memory(all: &mut Families, status: &Status) {
    if status.engine == EngineKind::Polling {
        return;
    }
    let memory = &status.memory;
    all.gauge("change_log_bytes", "Memory of the changes that are not sent to everybody yet.", memory.bytes as f64);
    let help = "The share of memory.budget for these; beyond it rows are packed to their keys.";
    all.gauge("change_log_budget_bytes", help, memory.budget as f64);
    all.gauge("change_log_rows", "Rows whose changes are not sent to everybody yet, about.", memory.rows as f64);
    all.gauge("change_log_packed_rows", "Those of them that are packed to their keys.", memory.packed as f64);
}

/// A value of one subscription. Neither its endpoint nor its key is told (rule D4).
fn labelled(subscription: &SubscriptionStatus, value: f64) -> prometheus::proto::Metric {
    let num = subscription.num.to_string();
    let events = if subscription.watch_table.is_empty() { &subscription.ui_event } else { &subscription.watch_table };
    gauge(&[("subscription", &num), ("watch_table", events)], value)
}

fn engine_name(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Binlog => "binlog",
        EngineKind::Polling => "polling",
    }
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

fn one_if(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
