//! What became of the last events, as far as it is told.

use std::collections::{HashMap, VecDeque};

use super::{Attempted, LastEvent, Status};

/// The last attempts of all subscriptions, and each one's last success.
#[derive(Debug)]
pub struct History {
    /// The newest first.
    attempts: VecDeque<Attempted>,
    last_events: HashMap<i64, LastEvent>,
}

impl History {
    /// So many attempts are told.
    pub const ATTEMPTS: u32 = 50;

    /// Goes on from what was told before.
    pub fn of(before: &Status) -> Self {
        let last_event = |told: &super::SubscriptionStatus| Some((told.num, told.last_event?));
        Self {
            attempts: before.attempts.iter().cloned().collect(),
            last_events: before.subscriptions.iter().filter_map(last_event).collect(),
        }
    }

    /// Goes on from `attempts`, the newest first, and from the last of each subscription that were `accepted`.
    pub fn after(attempts: impl IntoIterator<Item = Attempted>, accepted: impl IntoIterator<Item = Attempted>) -> Self {
        let mut history = Self { attempts: attempts.into_iter().collect(), last_events: HashMap::new() };
        accepted.into_iter().for_each(|attempted| history.note(&attempted));
        history
    }

    fn note(&mut self, attempted: &Attempted) {
        if let (Some(status), None) = (attempted.status, &attempted.failure) {
            let event = LastEvent { at: attempted.at, elements: attempted.elements, status };
            self.last_events.insert(attempted.subscription, event);
        }
    }

    /// An attempt has ended.
    pub fn add(&mut self, attempted: Attempted) {
        self.note(&attempted);
        self.attempts.truncate(Self::ATTEMPTS as usize - 1);
        self.attempts.push_front(attempted);
    }

    /// The subscription is no longer served; another may come to have its number.
    pub fn forget(&mut self, subscription: i64) {
        self.last_events.remove(&subscription);
    }

    /// The last event of the subscription that was accepted.
    pub fn last_event(&self, subscription: i64) -> Option<LastEvent> {
        self.last_events.get(&subscription).copied()
    }

    /// The last attempts, the newest first.
    pub fn attempts(&self) -> Vec<Attempted> {
        self.attempts.iter().cloned().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::status::EngineKind;

    fn attempted(subscription: i64, elements: usize, status: Option<u16>) -> Attempted {
        let failure = (status != Some(200)).then(|| "refused".to_owned());
        let (event, id) = ("Patient".to_owned(), "msg_1".to_owned());
        Attempted { at: Utc::now(), subscription, event, elements, status, failure, millis: 1, id }
    }

    #[test]
    fn the_last_success_outlives_failures_and_the_attempts_that_are_told() {
        let mut history = History::of(&Status::starting(EngineKind::Binlog, "W", Utc::now()));
        history.add(attempted(1, 7, Some(200)));
        (0..100).for_each(|_| history.add(attempted(2, 1, Some(503))));
        history.add(attempted(1, 9, None));
        assert_eq!(history.last_event(1).unwrap().elements, 7);
        assert_eq!(history.last_event(2), None);
        let attempts = history.attempts();
        assert_eq!((attempts.len(), attempts[0].elements, attempts[1].subscription), (50, 9, 2));
        history.forget(1);
        assert_eq!(history.last_event(1), None);
    }
}
