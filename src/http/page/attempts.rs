//! The last attempts to send an event.

use chrono::{DateTime, FixedOffset, Utc};
use maud::{Markup, html};

use super::words;
use crate::{
    state::Delivery,
    status::{Attempted, Status},
};

/// As many are shown beneath the subscriptions.
const LAST: usize = 15;

/// Those of all subscriptions.
pub(super) fn last(status: &Status, now: DateTime<FixedOffset>) -> Markup {
    let attempts = status.attempts.iter().take(LAST);
    html! {
        div #attempts {
            @if status.attempts.is_empty() {
                div.empty {
                    p { "No event has been sent since " (words::moment(status.started, now)) ". One is when a row of a \
                        watched table changes, at the end of the subscription’s PollingSeconds." }
                }
            } @else {
                (table(attempts.map(Line::from), now, true))
            }
        }
    }
}

/// Those of one subscription, as the state file keeps them.
pub(super) fn of_one(deliveries: &[Delivery], now: DateTime<FixedOffset>) -> Markup {
    html! {
        @if deliveries.is_empty() {
            div.empty { p { "The state file tells of no attempt for this subscription." } }
        } @else {
            (table(deliveries.iter().map(Line::from), now, false))
        }
    }
}

/// What of an attempt is shown.
struct Line<'a> {
    at: DateTime<Utc>,
    subscription: i64,
    event: &'a str,
    elements: u64,
    status: Option<u16>,
    failure: Option<&'a str>,
    millis: u64,
    id: &'a str,
}

impl<'a> From<&'a Attempted> for Line<'a> {
    fn from(attempt: &'a Attempted) -> Self {
        let Attempted { at, subscription, event, elements, status, failure, millis, id } = attempt;
        let elements = u64::try_from(*elements).unwrap_or(u64::MAX);
        let failure = failure.as_deref();
        Self { at: *at, subscription: *subscription, event, elements, status: *status, failure, millis: *millis, id }
    }
}

impl<'a> From<&'a Delivery> for Line<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let Delivery { ended, subscription, watch_table, webhook_id, elements, status, failure, took, .. } = delivery;
        Self {
            at: DateTime::from_timestamp_millis(*ended).unwrap_or_default(),
            subscription: *subscription,
            event: watch_table,
            elements: *elements,
            status: *status,
            failure: failure.as_ref().map(|failure| failure.reason.as_str()),
            millis: *took,
            id: webhook_id,
        }
    }
}

fn table<'a>(lines: impl Iterator<Item = Line<'a>>, now: DateTime<FixedOffset>, of_all: bool) -> Markup {
    html! {
        table.list.attempts role="table" aria-label="Attempts to send an event, the last first" {
            thead role="rowgroup" { tr role="row" {
                th scope="col" role="columnheader" { "When" }
                @if of_all { th scope="col" role="columnheader" { "Subscription" } }
                th scope="col" role="columnheader" { "Outcome" }
                th.number scope="col" role="columnheader" { "Rows" }
                th.number scope="col" role="columnheader" { "Took" }
                th scope="col" role="columnheader" { "webhook-id" }
            } }
            tbody role="rowgroup" { @for line in lines { (one(&line, now, of_all)) } }
        }
    }
}

fn one(line: &Line<'_>, now: DateTime<FixedOffset>, of_all: bool) -> Markup {
    html! {
        tr role="row" {
            td role="cell" data-label="When" { (words::moment(line.at, now)) }
            @if of_all {
                td role="cell" data-label="Subscription" {
                    a href={ "/subscriptions/" (line.subscription) } { "#" (line.subscription) " " (line.event) }
                }
            }
            td role="cell" data-label="Outcome" {
                @match (line.failure, line.status) {
                    (Some(failure), _) => { span.badge.bad { "Not accepted" } small { (failure) } }
                    (None, Some(status)) => span.badge.ok { "Accepted " (status) },
                    (None, None) => span.badge.ok { "Accepted" },
                }
            }
            td.number role="cell" data-label="Rows" { (words::number(line.elements)) }
            td.number role="cell" data-label="Took" { (words::millis(line.millis)) }
            td.id role="cell" data-label="webhook-id" { (line.id) }
        }
    }
}
