//! What is told of polling to whoever asks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::poller::Poller;
use crate::{
    delivery::{Attempt, Event, Outcome},
    opendental::Subscription,
    source::{Database, TimeZone},
    status::{
        ACCEPTED, Asked, Attempted, Counts, Desk, History, Reading, Refused, Request, ServerFacts, Stage, Status,
        SubscriptionStatus, Trouble, WindowState,
    },
};

/// What must be noted as it happens to be told later.
pub(super) struct Published {
    /// What was told before.
    before: Arc<Status>,
    server: ServerFacts,
    zone: TimeZone,
    /// When the server last answered.
    last: Option<DateTime<Utc>>,
    /// As the last round found them.
    subscriptions: BTreeMap<i64, SubscriptionStatus>,
    troubles: HashMap<i64, Trouble>,
    history: History,
    counts: Counts,
}

impl Published {
    /// `version` is the server's, and `zone` where its clock hangs.
    pub(super) fn begin(before: Arc<Status>, database: &Database, version: String, zone: TimeZone) -> Self {
        let (address, name) = (database.server().to_owned(), database.name().to_owned());
        Self {
            server: ServerFacts { address, version, database: name, utc_offset: None },
            zone,
            last: None,
            subscriptions: BTreeMap::new(),
            troubles: HashMap::new(),
            history: History::of(&before),
            counts: before.counts.clone(),
            before,
        }
    }

    /// The server answered.
    pub(super) fn answered(&mut self, now: DateTime<Utc>) {
        self.last = Some(now);
    }

    /// A round found these subscriptions, and no others.
    pub(super) fn found(&mut self, nums: &[i64]) {
        self.subscriptions.retain(|num, _| nums.contains(num));
        self.troubles.retain(|num, _| nums.contains(num));
    }

    /// A subscription is doing this.
    pub(super) fn is(&mut self, subscription: &Subscription, state: WindowState) {
        self.subscriptions.insert(subscription.num, SubscriptionStatus::of(subscription, state));
    }

    /// It is due after so long.
    pub(super) fn due_in(&mut self, num: i64, wait: TimeDelta, now: DateTime<Utc>) {
        if let Some(subscription) = self.subscriptions.get_mut(&num) {
            subscription.due = now.checked_add_signed(wait);
        }
    }

    /// It could not be served in this round.
    pub(super) fn failed(&mut self, num: i64, reason: String, now: DateTime<Utc>) {
        let before = self.troubles.remove(&num);
        let failures = before.as_ref().map_or(0, |before| before.failures).saturating_add(1);
        let since = before.map_or(Some(now), |before| before.since);
        self.troubles.insert(num, Trouble { reason, since, last: Some(now), failures, next: None });
        if let Some(subscription) = self.subscriptions.get_mut(&num) {
            subscription.state = WindowState::Retrying;
        }
    }

    /// It was served.
    pub(super) fn served(&mut self, num: i64) {
        self.troubles.remove(&num);
    }

    /// An event was tried.
    pub(super) fn attempted(&mut self, event: &Event, name: &str, elements: usize, attempt: &Attempt) {
        let (outcome, status, failure) = match &attempt.outcome {
            Outcome::Accepted { status } => {
                self.counts.accepted(elements, event.body.len());
                (ACCEPTED, Some(*status), None)
            }
            Outcome::Failed(failure) => (failure.kind.name(), failure.kind.status(), Some(failure.reason.clone())),
        };
        self.counts.attempted(outcome, status, attempt.took.as_secs_f64());
        self.history.add(Attempted {
            at: Utc::now(),
            subscription: event.subscription,
            event: name.to_owned(),
            elements,
            status,
            failure,
            millis: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            id: event.id.clone(),
        });
    }
}

impl Poller {
    /// What is so now, as far as polling knows.
    pub(super) fn status(&self, stage: Stage) -> Status {
        let Published { before, server, zone, last, subscriptions, troubles, history, counts } = &self.published;
        let subscription = |told: &SubscriptionStatus| SubscriptionStatus {
            last_event: history.last_event(told.num),
            trouble: troubles.get(&told.num).cloned(),
            ..told.clone()
        };
        let now = Utc::now();
        Status {
            at: now,
            stage,
            server: Some(ServerFacts { utc_offset: Some(zone.offset_at(now.timestamp())), ..server.clone() }),
            reading: Reading { last: *last, ..Reading::default() },
            counts: counts.clone(),
            subscriptions: subscriptions.values().map(subscription).collect(),
            attempts: history.attempts(),
            ..Status::clone(before)
        }
    }

    /// Answers who asks between two rounds.
    pub(super) fn asked(&self, asked: Asked, desk: &Desk) {
        let refused = Refused::NotByThisEngine("polling");
        // Who asked may not have waited.
        let _gone = match asked {
            Asked::Status => return desk.publish(self.status(Stage::Running)),
            Asked::Request(Request::RetryNow { answer, .. }) => answer.send(Err(refused)).is_err(),
            Asked::Request(Request::Skip { answer, .. }) => answer.send(Err(refused)).is_err(),
            Asked::Request(Request::PatientSelected { answer, .. }) => answer.send(Err(refused.into())).is_err(),
        };
    }
}
