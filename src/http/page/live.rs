//! The page that moves: what changed is sent once a second, over one connection (server-sent events).

use std::{collections::HashMap, convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::Utc;
use futures_util::stream;
use serde::Serialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};

use super::{
    Page,
    access::Visitor,
    overview::{Overview, Rows},
    row,
    selection::Selection,
    words,
};

/// How often is looked whether something changed.
const PAUSE: Duration = Duration::from_secs(1);

/// After so long the browser has to connect again, and so to show again that it may.
const LONGEST: Duration = Duration::from_secs(15 * 60);

pub(super) async fn follow(State(page): State<Page>, visitor: Visitor, Query(selection): Query<Selection>) -> Response {
    let Some(slot) = page.viewer() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many look at the status page at once\n").into_response();
    };
    let token = visitor.form_token(&page);
    let (seen, look) = (Seen::default(), Instant::now());
    let following = Following { page, selection, token, seen, look, until: look + LONGEST, _slot: slot };
    let events = stream::unfold(following, |mut following| async {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// One browser that shows the page.
struct Following {
    page: Page,
    selection: Selection,
    token: String,
    seen: Seen,
    look: Instant,
    until: Instant,
    /// There are only so many; it is given back when this is dropped.
    _slot: OwnedSemaphorePermit,
}

impl Following {
    /// Waits until something changed; `None`: no more.
    async fn next(&mut self) -> Option<Event> {
        while self.look < self.until {
            tokio::select! {
                () = sleep_until(self.look) => {}
                () = self.page.stopped() => return None,
            }
            self.look = Instant::now() + PAUSE;
            let status = self.page.board().status().await;
            let overview = Overview {
                status: &status,
                health: self.page.board().health(),
                now: words::by_practice(Utc::now(), &status),
                selection: &self.selection,
                token: &self.token,
            };
            let changes = self.seen.changes(&overview);
            if !changes.is_empty() {
                // Texts always have a JSON form.
                return Event::default().json_data(&changes).ok();
            }
        }
        None
    }
}

/// A part of the page that takes its former self's place.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    id: String,
    html: String,
}

/// What a browser shows.
#[derive(Default)]
struct Seen {
    parts: HashMap<&'static str, String>,
    rows: Vec<(i64, String)>,
    /// How many subscriptions there are on all pages.
    found: usize,
}

impl Seen {
    /// What of `overview` the browser does not show yet.
    fn changes(&mut self, overview: &Overview<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, html) in overview.parts() {
            self.part(id, html.into_string(), &mut changes);
        }
        let Rows { found, rows } = overview.rows();
        let rows: Vec<(i64, String)> = rows.into_iter().map(|(num, html)| (num, html.into_string())).collect();
        let nums = |rows: &[(i64, String)]| rows.iter().map(|(num, _)| *num).collect::<Vec<_>>();
        if rows.is_empty() || (found, nums(&rows)) != (self.found, nums(&self.rows)) {
            // Rows that are new have no place yet.
            self.part("subscriptions", overview.table().into_string(), &mut changes);
        } else {
            // The table as a whole is not what was sent last, as soon as one row is not.
            for ((num, html), _) in rows.iter().zip(&self.rows).filter(|(row, before)| row != before) {
                self.parts.remove("subscriptions");
                changes.push(Change { id: row::id(*num), html: html.clone() });
            }
        }
        (self.found, self.rows) = (found, rows);
        changes
    }

    fn part(&mut self, id: &'static str, html: String, changes: &mut Vec<Change>) {
        if self.parts.get(id) != Some(&html) {
            changes.push(Change { id: id.to_owned(), html: html.clone() });
            self.parts.insert(id, html);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::sample, *};
    use crate::status::{Health, Status};

    fn ids(seen: &mut Seen, status: &Status) -> Vec<String> {
        let health = Health::new(Duration::from_secs(30));
        health.reading(sample::now());
        let selection = Selection::default();
        let overview = Overview {
            status,
            health: &health,
            now: sample::now().fixed_offset(),
            selection: &selection,
            token: "token",
        };
        seen.changes(&overview).into_iter().map(|change| change.id).collect()
    }

    #[test]
    fn only_what_changed_is_sent_and_the_table_when_rows_come_or_go() {
        let (mut seen, mut status) = (Seen::default(), sample::status());
        let all = ["state", "notices", "facts", "tabs", "attempts", "subscriptions"];
        assert_eq!(ids(&mut seen, &status), all);
        assert!(ids(&mut seen, &status).is_empty());
        "2023-11-14 17:13:25".clone_into(&mut status.subscriptions[1].date_time_start);
        assert_eq!(ids(&mut seen, &status), ["subscription-2"]);
        status.subscriptions[2].trouble = Some(sample::trouble());
        assert_eq!(ids(&mut seen, &status), ["tabs", "subscriptions"], "it comes first now");
        let gone = status.subscriptions.split_off(0);
        assert_eq!(ids(&mut seen, &status), ["tabs", "subscriptions"]);
        assert!(ids(&mut seen, &status).is_empty());
        status.subscriptions = gone;
        assert_eq!(ids(&mut seen, &status), ["tabs", "subscriptions"]);
    }
}
