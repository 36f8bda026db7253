//! One subscription, in words.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::{form, words};
use crate::status::{EngineKind, SubscriptionStatus, Trouble, WindowState};

/// A row of the list. Roles are named since on a phone the style makes cards of rows, by which browsers forget them.
pub(super) fn show(
    subscription: &SubscriptionStatus,
    engine: EngineKind,
    now: DateTime<FixedOffset>,
    token: &str,
    back: &str,
) -> Markup {
    let num = subscription.num;
    html! {
        tr id=(id(num)) role="row" {
            th scope="row" role="rowheader" {
                a href={ "/subscriptions/" (num) } { (name(subscription)) }
                span.endpoint { (subscription.endpoint) }
                small { (how(subscription)) }
            }
            td role="cell" data-label="State" { (state(subscription, engine, now)) }
            td.number role="cell" data-label="Rows waiting" { (pending(subscription)) }
            td role="cell" data-label="DateTimeStart" { span.moves data-moves { (subscription.date_time_start) } }
            td role="cell" data-label="Last event" { (last_event(subscription, now)) }
            td role="cell" { div.actions { (actions(subscription, engine, token, back)) } }
        }
    }
}

/// The id of a row.
pub(super) fn id(num: i64) -> String {
    format!("subscription-{num}")
}

/// Its number and what it is about.
pub(super) fn name(subscription: &SubscriptionStatus) -> Markup {
    let SubscriptionStatus { num, watch_table, ui_event, .. } = subscription;
    let about = if watch_table.trim().is_empty() { ui_event } else { watch_table };
    html! { "#" (num) " " strong { (about) } }
}

/// How often, for whom, and by which machine.
pub(super) fn how(subscription: &SubscriptionStatus) -> String {
    let SubscriptionStatus { polling_seconds, customer_key, workstation, state, .. } = subscription;
    let every = match state {
        WindowState::UiEvents => "at once".to_owned(),
        _ => format!("every {polling_seconds} s"),
    };
    let workstation = if workstation.trim().is_empty() { "any workstation" } else { workstation };
    format!("{every} · key {customer_key} · {workstation}")
}

/// What it is doing, and what is wrong.
pub(super) fn state(subscription: &SubscriptionStatus, engine: EngineKind, now: DateTime<FixedOffset>) -> Markup {
    let (tone, said) = said(subscription.state, engine);
    html! {
        span class={ "badge " (tone) } { (said) }
        (detail(subscription, engine, now))
        @if let Some(trouble) = &subscription.trouble { (failing(trouble, engine, now)) }
        @if let Some(at) = subscription.other_sender {
            p.trouble.warn { "Another sender moved DateTimeStart at " (words::moment(at, now)) "." }
        }
    }
}

fn said(state: WindowState, engine: EngineKind) -> (&'static str, &'static str) {
    match state {
        WindowState::Gathering if engine == EngineKind::Polling => ("ok", "Waiting for its search"),
        WindowState::Gathering => ("ok", "Gathering changes"),
        WindowState::Closing => ("busy", "Closing a window"),
        WindowState::Sending => ("busy", "Sending"),
        WindowState::Retrying => ("bad", "Waiting to try again"),
        WindowState::Paused { .. } => ("warn", "Paused"),
        WindowState::CatchingUp => ("busy", "Catching up"),
        WindowState::Rereading => ("busy", "Reading the log for it"),
        WindowState::Expired => ("quiet", "Expired"),
        WindowState::UiEvents => ("ok", "Ready"),
        WindowState::OtherWorkstation => ("quiet", "Another workstation’s"),
        WindowState::LeftAlone => ("bad", "Cannot be served"),
    }
}

fn detail(subscription: &SubscriptionStatus, engine: EngineKind, now: DateTime<FixedOffset>) -> Markup {
    let next = if engine == EngineKind::Polling { "next search at " } else { "next window at " };
    let stop = subscription.date_time_stop.as_deref().unwrap_or_default();
    html! {
        @match (subscription.state, subscription.due) {
            (WindowState::Gathering, Some(due)) => small { (next) (words::moment(due, now)) },
            (WindowState::Paused { until }, _) => small { "DateTimeStart lies ahead: until " (words::moment(until, now)) },
            (WindowState::CatchingUp, _) => small { "its table is searched for what the log cannot tell" },
            (WindowState::Rereading, _) => small { "it is far behind the others" },
            (WindowState::Expired, _) => small { "DateTimeStop was " (stop) },
            (WindowState::LeftAlone, _) if engine == EngineKind::Polling => small {
                "polling sends no UI events and no deletions, and needs a WatchTable with a time stamp that is known here, \
                 and a DateTimeStart that is a date"
            },
            (WindowState::LeftAlone, _) => small { "its WatchTable is not known here, or its DateTimeStart is no date" },
            _ => {}
        }
    }
}

fn failing(trouble: &Trouble, engine: EngineKind, now: DateTime<FixedOffset>) -> Markup {
    html! {
        p.trouble.bad {
            (trouble.reason)
            small {
                (words::counted(trouble.failures, "failure"))
                @if let Some(since) = trouble.since { " since " (words::moment(since, now)) }
                @if let Some(next) = trouble.next { ", next attempt at " (words::moment(next, now)) }
                @if engine == EngineKind::Polling { ", tried again in the next round" }
            }
        }
    }
}

/// Rows that wait to be sent.
pub(super) fn pending(subscription: &SubscriptionStatus) -> Markup {
    let with_windows = subscription.state.is_served() && subscription.state != WindowState::UiEvents;
    html! {
        @match subscription.pending {
            _ if !with_windows => span.quiet { "–" },
            None => span.quiet { "not known" },
            Some(pending) => {
                (words::number(pending.rows()))
                @if pending.in_window > 0 && pending.behind > 0 {
                    small { (words::number(pending.in_window)) " in the window" }
                }
            }
        }
    }
}

pub(super) fn last_event(subscription: &SubscriptionStatus, now: DateTime<FixedOffset>) -> Markup {
    html! {
        @match subscription.last_event {
            Some(event) => {
                (words::moment(event.at, now))
                small { (words::counted(event.elements.try_into().unwrap_or(u64::MAX), "row")) " · " (event.status) }
            }
            None => span.quiet { "none yet" },
        }
    }
}

/// What can be done about it; `back` is the page to come back to.
pub(super) fn actions(subscription: &SubscriptionStatus, engine: EngineKind, token: &str, back: &str) -> Markup {
    let SubscriptionStatus { num, state, .. } = subscription;
    html! {
        // Polling tries again each second by itself, and takes no orders.
        @if *state == WindowState::Retrying && engine == EngineKind::Binlog {
            form method="post" action={ "/subscriptions/" (num) "/retry" } {
                (form::token_field(token))
                input type="hidden" name="back" value=(back);
                button id={ "retry-" (num) } type="submit" { "Retry now" span.unseen { ": subscription " (num) } }
            }
        }
        @if state.is_served() && *state != WindowState::UiEvents {
            a.button id={ "rewind-" (num) } href={ "/subscriptions/" (num) "/rewind" } {
                "Rewind…" span.unseen { " subscription " (num) }
            }
        }
    }
}
