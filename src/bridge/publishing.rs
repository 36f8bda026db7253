//! What is told of the engine to whoever asks. It is put together only then: nothing here is done for each change.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{engine::Engine, jobs};
use crate::{
    binlog::LogPoint,
    delivery::Outcome,
    opendental::Subscription,
    source::Database,
    status::{
        Attempted, History, Pending, Place, Reading, ServerFacts, Stage, Status, SubscriptionStatus, Trouble,
        WindowState,
    },
    window::{Phase, Subscriber},
};

/// What must be noted as it happens to be told later.
pub(super) struct Published {
    /// What was told before this engine began.
    before: Arc<Status>,
    server: ServerFacts,
    /// Since when the log is being read.
    since: Option<DateTime<Utc>>,
    /// When something of it was last read.
    last: Option<DateTime<Utc>>,
    /// Where the log ended when that was last looked at.
    pub(super) log_end: Option<LogPoint>,
    pub(super) history: History,
}

impl Published {
    /// Goes on from what an engine before this one told. `version` is the server's, whose log ends at `log_end`.
    pub(super) fn begin(before: Arc<Status>, database: &Database, version: String, log_end: LogPoint) -> Self {
        let (address, name) = (database.server().to_owned(), database.name().to_owned());
        Self {
            server: ServerFacts { address, version, database: name },
            since: None,
            last: None,
            log_end: Some(log_end),
            history: History::of(&before),
            before,
        }
    }

    pub(super) fn connected(&mut self, now: DateTime<Utc>) {
        self.since = Some(now);
    }

    pub(super) fn disconnected(&mut self) {
        self.since = None;
    }

    pub(super) fn read(&mut self, now: DateTime<Utc>) {
        self.last = Some(now);
    }

    /// An attempt has just ended.
    pub(super) fn attempted(&mut self, attempted: &jobs::Attempted, now: DateTime<Utc>) {
        let (status, failure) = match &attempted.attempt.outcome {
            Outcome::Accepted { status } => (Some(*status), None),
            Outcome::Failed(failure) => (failure.kind.status(), Some(failure.reason.clone())),
        };
        self.history.add(Attempted {
            at: now,
            subscription: attempted.num,
            event: attempted.watch_table.clone(),
            elements: attempted.elements,
            status,
            failure,
            millis: u64::try_from(attempted.attempt.took.as_millis()).unwrap_or(u64::MAX),
            id: attempted.id.clone(),
        });
    }
}

impl Engine {
    /// What is so now.
    pub(super) fn status(&self, stage: Stage) -> Status {
        let served = self.subscribers.values().map(|subscriber| self.served_status(subscriber));
        let others = self.unserved.values().map(|subscription| self.unserved_status(subscription));
        let mut subscriptions: Vec<_> = served.chain(others).collect();
        subscriptions.sort_unstable_by_key(|subscription| subscription.num);
        let before = &self.published.before;
        Status {
            at: Utc::now(),
            version: before.version,
            started: before.started,
            engine: before.engine,
            stage,
            workstation: self.workstation.clone(),
            server: Some(self.published.server.clone()),
            reading: self.reading_status(),
            subscriptions,
            attempts: self.published.history.attempts(),
            notices: Vec::new(),
        }
    }

    fn reading_status(&self) -> Reading {
        let position = &self.boundary.position;
        let (read, end) = (position.point(), self.published.log_end);
        let is_behind = end.is_some_and(|end| end > read);
        // Of files between the two the sizes are not known.
        let bytes = end.filter(|end| end.file == read.file).map(|end| end.offset.saturating_sub(read.offset));
        Reading {
            since: self.published.since,
            last: self.published.last,
            place: Some(Place {
                file: position.file.clone(),
                offset: position.offset,
                gtids: position.gtids.as_ref().map(ToString::to_string),
            }),
            behind_bytes: if is_behind { bytes } else { Some(0) },
            behind_seconds: (!is_behind).then_some(0.0),
        }
    }

    fn served_status(&self, subscriber: &Subscriber) -> SubscriptionStatus {
        let num = subscriber.subscription.num;
        let state = self.window_state(subscriber);
        let due = (state == WindowState::Gathering).then(|| self.our_time(subscriber.due())).flatten();
        SubscriptionStatus {
            state,
            pending: self.pending(subscriber),
            due,
            last_event: self.published.history.last_event(num),
            trouble: self.trouble(num),
            date_time_start: subscriber.start.present().to_owned(),
            other_sender: subscriber.others_moved.and_then(DateTime::from_timestamp_millis),
            ..SubscriptionStatus::of(&subscriber.subscription, state)
        }
    }

    fn unserved_status(&self, subscription: &Subscription) -> SubscriptionStatus {
        let state = if subscription.is_ui() {
            WindowState::UiEvents
        } else if !subscription.belongs_to(&self.workstation) {
            WindowState::OtherWorkstation
        } else if subscription.is_expired(&self.zone.local_text(self.server_now())) {
            WindowState::Expired
        } else {
            WindowState::LeftAlone
        };
        SubscriptionStatus::of(subscription, state)
    }

    fn window_state(&self, subscriber: &Subscriber) -> WindowState {
        let until = subscriber.paused_until.filter(|until| *until > self.server_now());
        if self.awaits_second_pass(subscriber.subscription.num) {
            return WindowState::Rereading;
        }
        match subscriber.phase {
            Phase::Scanning => WindowState::CatchingUp,
            Phase::Closing => WindowState::Closing,
            Phase::Retrying(_) if subscriber.failures > 0 => WindowState::Retrying,
            Phase::Storing | Phase::Sending | Phase::Retrying(_) => WindowState::Sending,
            Phase::Waiting if subscriber.window.is_some() => WindowState::Sending,
            Phase::Waiting => match until.and_then(|until| self.our_time(until)) {
                Some(until) => WindowState::Paused { until },
                None if subscriber.catch_up.is_some() && subscriber.backlog.is_none() => WindowState::CatchingUp,
                None => WindowState::Gathering,
            },
        }
    }

    fn pending(&self, subscriber: &Subscriber) -> Pending {
        let in_window = subscriber.window.as_ref().and_then(|window| window.plan.as_ref()).map_or(0, |plan| plan.len());
        let backlog = subscriber.backlog.as_ref().map_or(0, |backlog| backlog.len());
        let from = match &subscriber.window {
            Some(window) => Some(window.to.point),
            None => subscriber.cursor.as_ref().map(|cursor| cursor.point),
        };
        let log = self.watched.get(&subscriber.watch).map(|watched| &watched.log);
        let logged = log.zip(from).map_or(0, |(log, from)| log.changes_behind(from));
        let rows = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Pending { in_window: rows(in_window), behind: rows(backlog.saturating_add(logged)) }
    }

    fn trouble(&self, num: i64) -> Option<Trouble> {
        let trouble = self.troubles.get(num)?;
        // Of failures before a restart no more is known than how many there were.
        let known = |instant| if trouble.last == 0 { None } else { self.our_time(instant) };
        Some(Trouble {
            reason: trouble.reason.clone(),
            since: trouble.first.and_then(known),
            last: known(trouble.last),
            failures: trouble.failures,
            next: known(trouble.next),
        })
    }

    /// When our clock shows that the server's has reached `instant`.
    fn our_time(&self, instant: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.clock.ours(instant))
    }
}
