//! One subscription and what became of its events.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, FixedOffset, Utc};
use maud::{Markup, html};

use super::{Page, access::Visitor, attempts, frame, row, words};
use crate::{
    state::DeliveryLog,
    status::{EngineKind, Status, SubscriptionStatus},
};

/// As many attempts are shown.
const ATTEMPTS: u32 = 50;

pub(super) async fn show(State(page): State<Page>, visitor: Visitor, Path(num): Path<i64>) -> Response {
    let status = page.board().status().await;
    let now = words::by_practice(Utc::now(), &status);
    let Some(subscription) = find(&status, num) else { return unknown() };
    let token = visitor.form_token(&page);
    let main = html! {
        nav.up aria-label="Up" { a href="/" { "← All subscriptions" } }
        section.card.stack {
            h1 { (row::name(subscription)) }
            p.endpoint { (subscription.endpoint) }
            p.quiet { (row::how(subscription)) }
            div { (row::state(subscription, status.engine, now)) }
            dl.facts {
                div { dt { "Rows waiting" } dd { (row::pending(subscription)) } }
                div { dt { "DateTimeStart" } dd { (subscription.date_time_start) } }
                div { dt { "DateTimeStop" } dd { (subscription.date_time_stop.as_deref().unwrap_or("never")) } }
                div { dt { "Last event" } dd { (row::last_event(subscription, now)) } }
            }
            div.actions { (row::actions(subscription, status.engine, &token, &format!("/subscriptions/{num}"))) }
            p.quiet { "As of " (words::moment(now.to_utc(), now)) ". " a href={ "/subscriptions/" (num) } { "Look again" } }
        }
        section.card aria-labelledby="attempts-title" {
            h2 #attempts-title { "Its last deliveries" }
            (attempts(&page, status.engine, num, now).await)
        }
    };
    frame::answer(StatusCode::OK, &format!("Subscription {num}"), &main)
}

pub(super) fn find(status: &Status, num: i64) -> Option<&SubscriptionStatus> {
    status.subscriptions.iter().find(|subscription| subscription.num == num)
}

pub(super) fn unknown() -> Response {
    let text = html! { "The bridge knows no subscription of that number. It may have been deleted." };
    frame::message(StatusCode::NOT_FOUND, "No such subscription", text)
}

async fn attempts(page: &Page, engine: EngineKind, num: i64, now: DateTime<FixedOffset>) -> Markup {
    let Some(path) = page.delivery_log() else {
        return html! {
            div.empty {
                @match engine {
                    EngineKind::Polling => p { "Polling keeps no log of deliveries. " a href="/" { "All subscriptions" } " tells of the last ones." },
                    EngineKind::Binlog => p { "No log of deliveries is kept: " code { "delivery.log_days" } " is 0." },
                }
            }
        };
    };
    let read = async { DeliveryLog::open(path).await?.last(num, ATTEMPTS).await };
    match read.await {
        Ok(deliveries) => attempts::of_one(&deliveries, now),
        Err(error) => html! { div.empty { p { "The log of deliveries cannot be read: " (error) } } },
    }
}
