//! Sending again from an earlier time: DateTimeStart is moved back, as anybody may in the database (rule W7).

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use chrono::{Datelike, NaiveDateTime};
use maud::html;
use serde::Deserialize;

use super::{Page, access::Visitor, form, form::Sent, frame, one, row};
use crate::{
    opendental::Subscription,
    source::{ColumnValue, Database, DatabaseError},
    status::SubscriptionStatus,
};

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// What the status page says when it is done.
pub(super) const DONE: &str = "DateTimeStart was moved back. What has changed since then is sent again.";

#[derive(Deserialize)]
pub(super) struct Fields {
    /// As `<input type="datetime-local">` sends it, in the server's zone.
    from: String,
}

/// Why DateTimeStart was not moved.
#[derive(Debug, thiserror::Error)]
enum NotRewound {
    #[error("That is no date and time. It must look like 2026-01-31 08:00:00.")]
    NoTime,
    #[error(
        "That does not lie before {0}, where the subscription stands now. To skip events instead, use the command \
             `opendental-cdc subscriptions`."
    )]
    NotBefore(String),
    #[error("There is no such row in apisubscription any more.")]
    Gone,
    #[error("The bridge has not reached the server yet. Please try again in a moment.")]
    NotConnected,
    #[error("The server did not do it: {0}")]
    Database(#[from] DatabaseError),
}

/// The page on which it is confirmed.
pub(super) async fn ask(State(page): State<Page>, visitor: Visitor, Path(num): Path<i64>) -> Response {
    let status = page.board().status().await;
    match one::find(&status, num) {
        Some(subscription) => form(&page, &visitor, subscription, None),
        None => one::unknown(),
    }
}

pub(super) async fn rewind(State(page): State<Page>, Path(num): Path<i64>, sent: Sent<Fields>) -> Response {
    let status = page.board().status().await;
    let Some(subscription) = one::find(&status, num) else { return one::unknown() };
    match move_back(page.database(), num, &sent.fields.from).await {
        Ok(from) => {
            tracing::info!(
                subscription = num,
                date_time_start = from,
                "DateTimeStart is moved back, as the status page was asked to"
            );
            Redirect::to("/?done=rewind").into_response()
        }
        Err(why) => form(&page, &sent.visitor, subscription, Some(&why)),
    }
}

async fn move_back(database: Option<Database>, num: i64, from: &str) -> Result<String, NotRewound> {
    let from = read(from).ok_or(NotRewound::NoTime)?;
    let database = database.ok_or(NotRewound::NotConnected)?;
    let edit = database.edit_subscriptions().await?;
    let rows = edit.rows().iter().filter_map(|row| Subscription::from_row(row).ok());
    let present = rows.into_iter().find(|row| row.num == num).map(|row| row.date_time_start);
    match present {
        // Such texts sort as the times they stand for.
        Some(present) if from < present => {
            let written = edit.update(num, &[("DateTimeStart", ColumnValue::Text(from.clone()))]).await?;
            written.map(|_| from).ok_or(NotRewound::Gone)
        }
        present => {
            edit.give_up().await?;
            Err(present.map_or(NotRewound::Gone, NotRewound::NotBefore))
        }
    }
}

/// The time that a form tells, as the database writes it. Seconds that are 0 may be left out.
fn read(text: &str) -> Option<String> {
    let text = text.trim().replace('T', " ");
    let time = NaiveDateTime::parse_from_str(&text, FORMAT)
        .or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M"))
        .ok()?;
    // What a DATETIME is documented to hold.
    (1000..=9999).contains(&time.year()).then(|| time.format(FORMAT).to_string())
}

fn form(page: &Page, visitor: &Visitor, subscription: &SubscriptionStatus, wrong: Option<&NotRewound>) -> Response {
    let SubscriptionStatus { num, date_time_start, endpoint, .. } = subscription;
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let present = date_time_start.replace(' ', "T");
    let main = html! {
        form.card.narrow method="post" action={ "/subscriptions/" (num) "/rewind" } {
            h1 { "Send again: " (row::name(subscription)) }
            p { "DateTimeStart is moved back to the time that you give. All rows that changed since then are sent again to " span.endpoint { (endpoint) }
                ", under new webhook-ids. They are found by one search of the whole table; rows that were deleted cannot be told again." }
            p { "It stands at " strong { (date_time_start) } " now, by the server’s clock." }
            @if let Some(wrong) = wrong { p.wrong #wrong role="alert" { (wrong) } }
            (form::token_field(&visitor.form_token(page)))
            label for="from" { "Send again from (server’s local time)" }
            input #from type="datetime-local" name="from" step="1" required max=(present) value=(present)
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "wrong")];
            div.actions {
                button.danger type="submit" { "Send again" }
                a.button href="/" { "Cancel" }
            }
        }
    };
    frame::answer(status, "Send again", &main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_browsers_send_them() {
        for (sent, read_as) in [
            ("2026-01-31T08:30", Some("2026-01-31 08:30:00")),
            ("2026-01-31T08:30:15", Some("2026-01-31 08:30:15")),
            (" 2026-01-31 08:30:15 ", Some("2026-01-31 08:30:15")),
            ("2026-02-30T08:30", None),
            ("0001-01-01T00:00", None),
            ("+12026-01-31T08:30", None),
            ("2026-01-31", None),
            ("2026-01-31T08:30:15' OR '1", None),
            ("", None),
        ] {
            assert_eq!(read(sent).as_deref(), read_as, "{sent}");
        }
    }
}
