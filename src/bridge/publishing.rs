//! What is told of the engine to whoever asks. It is put together only then: nothing here is done for each change.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::{engine::Engine, jobs, notices::Happened};
use crate::{
    binlog::LogPoint,
    delivery::Outcome,
    opendental::Subscription,
    source::{Database, ReadCounts},
    status::{
        ACCEPTED, Attempted, Counts, History, Memory, NoticeKind, Pending, Place, ReadTotals, Reading, ServerFacts,
        Stage, Status, SubscriptionStatus, Trouble, WindowState,
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
    pub(super) counts: Counts,
    pub(super) happened: Happened,
    read: Arc<ReadCounts>,
    /// Since when the log is not being read, or the state file not being written, if it is not.
    unread: Option<DateTime<Utc>>,
    unstored: Option<DateTime<Utc>>,
    /// When each subscription's window is due, or was as long as none of its events was tried; by our clock in
    /// milliseconds.
    due: HashMap<i64, i64>,
    /// The number of each one's window under way, and how many of its elements were accepted.
    sent: HashMap<i64, (u64, usize)>,
}

impl Published {
    /// Goes on from what an engine before this one told, and from what became of events. `version` is the server's, whose log ends at `log_end`; what is
    /// read of it is counted in `read`.
    pub(super) fn begin(
        before: Arc<Status>,
        history: History,
        database: &Database,
        version: String,
        log_end: LogPoint,
        read: Arc<ReadCounts>,
    ) -> Self {
        let (address, name) = (database.server().to_owned(), database.name().to_owned());
        Self {
            server: ServerFacts { address, version, database: name, utc_offset: None },
            since: None,
            last: None,
            log_end: Some(log_end),
            history,
            counts: before.counts.clone(),
            happened: Happened::of(&before.notices),
            read,
            unread: Some(Utc::now()),
            unstored: None,
            due: HashMap::new(),
            sent: HashMap::new(),
            before,
        }
    }

    pub(super) fn connected(&mut self, now: DateTime<Utc>) {
        (self.since, self.unread) = (Some(now), None);
    }

    pub(super) fn disconnected(&mut self, now: DateTime<Utc>) {
        (self.since, self.unread) = (None, Some(now));
    }

    /// The log could not be read on.
    pub(super) fn log_lost(&mut self, text: String) {
        self.counts.log_losses += 1;
        self.happened.add(NoticeKind::LogLost, text, Utc::now());
    }

    /// Since when the log is not being read.
    pub(super) fn unread_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.unread.unwrap_or(now)
    }

    /// Whether the state file could be written.
    pub(super) fn stored(&mut self, is_stored: bool, now: DateTime<Utc>) {
        self.counts.state_commits += 1;
        if is_stored {
            self.unstored = None;
        } else {
            self.counts.state_failures += 1;
            self.unstored.get_or_insert(now);
        }
    }

    /// Since when the state file cannot be written.
    pub(super) fn unstored_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.unstored.unwrap_or(now)
    }

    /// The subscription's window is waited for until then, by our clock in milliseconds.
    pub(super) fn due_at(&mut self, num: i64, at: i64) {
        self.due.insert(num, at);
    }

    /// It is due, no later than `now` by our clock in milliseconds.
    pub(super) fn is_due(&mut self, num: i64, now: i64) {
        self.due.entry(num).or_insert(now);
    }

    /// An attempt begins.
    pub(super) fn trying(&mut self, num: i64, now: i64) {
        if let Some(due) = self.due.remove(&num) {
            self.counts.window_delay_seconds.add(now.saturating_sub(due) as f64 / 1000.0);
        }
    }

    pub(super) fn read(&mut self, now: DateTime<Utc>) {
        self.last = Some(now);
    }

    /// An attempt has just ended.
    pub(super) fn attempted(&mut self, attempted: &jobs::Attempted, now: DateTime<Utc>) {
        let jobs::Attempted { num, window, elements, bytes, attempt, .. } = attempted;
        let (outcome, status, failure) = match &attempt.outcome {
            Outcome::Accepted { status } => {
                self.counts.accepted(*elements, *bytes);
                let sent = self.sent.entry(*num).or_insert((*window, 0));
                let before = if sent.0 == *window { sent.1 } else { 0 };
                *sent = (*window, before.saturating_add(*elements));
                (ACCEPTED, Some(*status), None)
            }
            Outcome::Failed(failure) => (failure.kind.name(), failure.kind.status(), Some(failure.reason.clone())),
        };
        self.counts.attempted(outcome, status, attempt.took.as_secs_f64());
        self.history.add(Attempted {
            at: now,
            subscription: *num,
            event: attempted.watch_table.clone(),
            elements: *elements,
            status,
            failure,
            millis: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            id: attempted.id.clone(),
        });
    }

    /// The subscription is no longer served.
    pub(super) fn forget(&mut self, num: i64) {
        self.history.forget(num);
        self.due.remove(&num);
        self.sent.remove(&num);
    }
}

impl Engine {
    /// What is so now.
    pub(super) fn status(&self, stage: Stage) -> Status {
        let served = self.subscribers.values().map(|subscriber| self.served_status(subscriber));
        let others = self.unserved.values().map(|subscription| self.unserved_status(subscription));
        let mut subscriptions: Vec<_> = served.chain(others).collect();
        subscriptions.sort_unstable_by_key(|subscription| subscription.num);
        let (before, now) = (&self.published.before, Utc::now());
        Status {
            at: now,
            version: before.version,
            started: before.started,
            engine: before.engine,
            stage,
            workstation: self.workstation.clone(),
            server: Some(ServerFacts {
                utc_offset: Some(self.zone.offset_at(self.server_now())),
                ..self.published.server.clone()
            }),
            reading: self.reading_status(),
            read: self.read_totals(),
            counts: self.published.counts.clone(),
            memory: self.memory_status(),
            subscriptions,
            attempts: self.published.history.attempts(),
            notices: self.notices(now),
        }
    }

    fn reading_status(&self) -> Reading {
        let position = &self.boundary.position;
        let (read, end) = (position.point(), self.published.log_end);
        let is_behind = end.is_some_and(|end| end > read);
        // Heartbeats and the like bring no time; before the first event it is not known how old what follows is.
        let clock = i64::from(self.published.read.clock());
        let age = (clock > 0).then(|| self.server_now().saturating_sub(clock).max(0) as f64);
        Reading {
            since: self.published.since,
            last: self.published.last,
            place: Some(Place {
                file: position.file.clone(),
                offset: position.offset,
                gtids: position.gtids.as_ref().map(ToString::to_string),
            }),
            behind_bytes: end.map(|end| self.telling.bytes_between(read, end)),
            behind_seconds: if is_behind { age } else { Some(0.0) },
            clock_ahead_seconds: self.clock.seconds_ahead(),
        }
    }

    fn read_totals(&self) -> ReadTotals {
        let read = &self.published.read;
        ReadTotals {
            events: read.events(),
            bytes: read.bytes(),
            changes: read.changes(),
            unchanged: read.unchanged(),
            connections_lost: read.connections_lost(),
        }
    }

    fn memory_status(&self) -> Memory {
        let logs = || self.watched.values().map(|watched| &watched.log);
        Memory {
            bytes: self.log_bytes() as u64,
            budget: self.shares.logs as u64,
            rows: logs().map(|log| log.len() as u64).sum(),
            packed: logs().map(|log| log.packed_len() as u64).sum(),
        }
    }

    fn served_status(&self, subscriber: &Subscriber) -> SubscriptionStatus {
        let num = subscriber.subscription.num;
        let state = self.window_state(subscriber);
        let due = (state == WindowState::Gathering).then(|| self.our_time(subscriber.due())).flatten();
        SubscriptionStatus {
            state,
            pending: Some(self.pending(subscriber)),
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
        // UI events are sent without being served in windows.
        let last_event = self.published.history.last_event(subscription.num);
        SubscriptionStatus { last_event, ..SubscriptionStatus::of(subscription, state) }
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

    pub(super) fn pending(&self, subscriber: &Subscriber) -> Pending {
        let in_window = subscriber.window.as_ref().map_or(0, |window| {
            let planned = window.plan.as_ref().map_or(0, |plan| plan.len());
            let sent = self.published.sent.get(&subscriber.subscription.num);
            planned.saturating_sub(sent.filter(|(number, _)| *number == window.number).map_or(0, |(_, sent)| *sent))
        });
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
