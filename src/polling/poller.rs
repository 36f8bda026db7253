//! Rounds over all subscriptions, one after the other.

use std::{collections::HashMap, sync::Arc};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{error::ServeError, lookups::RoundLookups, publishing::Published, window};
use crate::{
    delivery::{Attempt, Event, Outcome, Sender},
    opendental::{Lookups, RenderError, Subscription, Tells, WatchTable, WatchTables},
    row::Row,
    source::{ChangedRows, Database, DatabaseError, TextRow, WriteBack},
    status::{Health, WindowState},
};

/// All columns: releases of Open Dental differ in which they have.
const ALL: [&str; 0] = [];

/// What rounds are made with.
pub(super) struct Poller {
    pub(super) workstation: String,
    /// Elements of one event, and rows of one page.
    pub(super) page: usize,
    pub(super) database: Database,
    pub(super) tables: Arc<WatchTables>,
    pub(super) sender: Sender,
    pub(super) health: Health,
    /// What was last said of a subscription that is not served: said once, not in every round.
    pub(super) said: HashMap<i64, String>,
    pub(super) published: Published,
}

/// The time stamp column of a watch table, and which of its rows belong to it.
struct Polled<'a> {
    watch: &'a WatchTable,
    stamp: &'a str,
}

impl Poller {
    /// Serves each subscription that is due, in the order of the table; a failure of one leaves the others theirs.
    /// Ends early once `stop` is cancelled.
    pub(super) async fn round(&mut self, stop: &CancellationToken) -> Result<(), DatabaseError> {
        let rows = self.database.all_rows(Subscription::TABLE, &ALL).await?;
        let now = self.database.local_now().await?;
        self.answered();
        let mut lookups = RoundLookups::default();
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            if stop.is_cancelled() {
                break;
            }
            match Subscription::from_row(row) {
                Ok(subscription) => {
                    found.push(subscription.num);
                    self.turn(&subscription, now, &mut lookups, stop).await?;
                }
                // Its number may be what cannot be read.
                Err(error) => self.say(0, format!("a row of apisubscription cannot be read: {error}")),
            }
            self.answered();
        }
        self.published.found(&found);
        Ok(())
    }

    fn answered(&mut self) {
        let now = Utc::now();
        self.health.reading(now);
        self.published.answered(now);
    }

    async fn turn(
        &mut self,
        subscription: &Subscription,
        now: NaiveDateTime,
        lookups: &mut RoundLookups,
        stop: &CancellationToken,
    ) -> Result<(), DatabaseError> {
        let num = subscription.num;
        let state = self.state(subscription, now);
        self.published.is(subscription, state);
        if subscription.is_ui() {
            self.say(num, "it is left alone: polling sends no UI events".to_owned());
        }
        if state != WindowState::Gathering {
            return Ok(());
        }
        let tables = self.tables.clone();
        let polled = match polled(&tables, subscription) {
            Ok(polled) => polled,
            Err(why) => {
                self.say(num, format!("it is left alone: {why}"));
                self.published.is(subscription, WindowState::LeftAlone);
                return Ok(());
            }
        };
        match window::due(subscription) {
            Some(due) if due <= now => {}
            Some(due) => {
                self.published.due_in(num, due - now, Utc::now());
                return Ok(());
            }
            None => {
                self.say(num, "it is left alone: DateTimeStart is no date and time".to_owned());
                self.published.is(subscription, WindowState::LeftAlone);
                return Ok(());
            }
        }
        match self.serve(subscription, &polled, lookups, stop).await {
            Ok(()) => {
                self.said.remove(&num);
                self.published.served(num);
                let interval = TimeDelta::from_std(subscription.polling_interval()).unwrap_or_default();
                self.published.due_in(num, interval, Utc::now());
                Ok(())
            }
            // Where the server is away, the others would fare no better; a search that takes too long is its own affair.
            Err(ServeError::Database(error))
                if error.is_connection_lost() && self.database.local_now().await.is_err() =>
            {
                Err(error)
            }
            Err(error) => {
                self.say(num, format!("trying again in the next round: {error}"));
                self.published.failed(num, error.to_string(), Utc::now());
                Ok(())
            }
        }
    }

    /// What a subscription is doing, as far as its row tells.
    fn state(&self, subscription: &Subscription, now: NaiveDateTime) -> WindowState {
        if subscription.is_ui() {
            WindowState::LeftAlone
        } else if !subscription.belongs_to(&self.workstation) {
            WindowState::OtherWorkstation
        } else if subscription.is_expired(&window::text(now)) {
            WindowState::Expired
        } else {
            WindowState::Gathering
        }
    }

    /// Sends one window, page by page, and moves DateTimeStart to its end once every page was accepted.
    async fn serve(
        &mut self,
        subscription: &Subscription,
        polled: &Polled<'_>,
        lookups: &mut RoundLookups,
        stop: &CancellationToken,
    ) -> Result<(), ServeError> {
        let to = self.database.local_now().await?;
        let Some(from) = window::from(subscription, to) else { return Ok(()) };
        let Polled { watch, stamp } = polled;
        let which = ChangedRows { table: watch.table(), stamp, only: watch.only(), from, to };
        for offset in (0..).step_by(self.page) {
            let search = self.database.changed_rows(&which, offset, self.page);
            let Some(rows) = stop.run_until_cancelled(search).await else { return Ok(()) };
            let rows = rows?;
            if !rows.is_empty() {
                let body = body(watch, &rows, lookups.of(watch, &self.database).await?)?;
                let event = event(subscription, watch, body);
                let Some(attempt) = self.sender.attempt_unless(&event, Utc::now(), stop.cancelled()).await else {
                    return Ok(());
                };
                self.published.attempted(&event, watch.name(), rows.len(), &attempt);
                accepted(&event, rows.len(), attempt)?;
            }
            // Where a stop comes between two pages, the window is sent again from its beginning.
            if rows.len() < self.page {
                break;
            }
        }
        // Another sender, or somebody who wants rows again, may have moved it meanwhile: then it stays there.
        let last_seen = subscription.date_time_start.clone();
        self.database.write_back(&[WriteBack { num: subscription.num, last_seen, value: window::text(to) }]).await?;
        Ok(())
    }

    /// Says something of a subscription, unless it is what was said last.
    fn say(&mut self, num: i64, what: String) {
        if self.said.get(&num) != Some(&what) {
            warn!(subscription = num, "{what}");
            self.said.insert(num, what);
        }
    }
}

/// What a subscription watches, if that can be polled.
fn polled<'a>(tables: &'a WatchTables, subscription: &Subscription) -> Result<Polled<'a>, &'static str> {
    let found = tables.find(subscription.watch_table.trim());
    let (_, watch) = found.ok_or("there is no such watch table, neither of the API nor in opendental.tables")?;
    match (watch.tells(), watch.stamp_column()) {
        (Tells::Changes, Some(stamp)) => Ok(Polled { watch, stamp }),
        (Tells::Changes, None) => Err("its table has no time stamp, without which polling finds nothing"),
        (Tells::Deletions, _) => Err("polling cannot see deleted rows; only the binary log tells of them"),
    }
}

/// The rows as one JSON array.
fn body(watch: &WatchTable, rows: &[TextRow], lookups: &Lookups) -> Result<Vec<u8>, RenderError> {
    let mut body = Vec::with_capacity(rows.len() * 1024 + 2);
    body.push(b'[');
    if let Some(first) = rows.first() {
        let binding = watch.bind(first.columns());
        for row in rows {
            if body.len() > 1 {
                body.push(b',');
            }
            binding.render(row, lookups, &mut body)?;
        }
    }
    body.push(b']');
    Ok(body)
}

fn event(subscription: &Subscription, watch: &WatchTable, body: Vec<u8>) -> Event {
    Event {
        // What is sent again after a failure is another window, so no two events are the same.
        id: format!("msg_{:032x}", fastrand::u128(..)),
        subscription: subscription.num,
        url: subscription.end_point_url.clone(),
        customer_key: subscription.customer_key.clone(),
        workstation: None,
        event_type: format!("WatchTable: {}", watch.name()),
        body: body.into(),
        troubled: false,
    }
}

fn accepted(event: &Event, elements: usize, attempt: Attempt) -> Result<(), ServeError> {
    match attempt.outcome {
        Outcome::Accepted { status } => {
            let (subscription, millis) = (event.subscription, attempt.took.as_millis());
            info!(subscription, event = %event.event_type, elements, id = %event.id, status, millis, "event accepted");
            Ok(())
        }
        Outcome::Failed(failure) => Err(ServeError::Refused(failure.reason)),
    }
}
