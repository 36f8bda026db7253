//! Subscriptions whose endpoint does not take events: what is said of them in our log and in `apisubscription`.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{delivery::Failure, window::Instant};

/// Why an event is tried again.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) kind: &'static str,
    pub(super) status: Option<u16>,
    /// For a person; holds no key and no row value (rule D4).
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
}

impl Setback {
    /// The event's rows could not be read or rendered.
    pub(super) fn of_rows(reason: String) -> Self {
        Self { kind: "rows", status: None, reason, retry_after: None }
    }
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        let Failure { kind, reason, retry_after } = failure;
        Self { kind: kind.name(), status: kind.status(), reason, retry_after }
    }
}

/// A subscription's failures since its last success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// How many; goes on from what `apisubscription` tells after a restart.
    pub(super) failures: u64,
    /// Of the last one, what it was, when it was, and when the next attempt is made.
    pub(super) reason: String,
    pub(super) last: Instant,
    pub(super) next: Instant,
    /// When the first of them was; `None`: before a restart.
    pub(super) first: Option<Instant>,
    kind: &'static str,
    status: Option<u16>,
    /// When our log last said so, by our clock in milliseconds.
    said: Option<i64>,
}

/// A failure that goes on like the one before is said so often.
const SAID_AGAIN_MILLIS: i64 = 60 * 60 * 1000;

/// All subscriptions in trouble.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    known: HashMap<i64, Trouble>,
    /// Subscriptions whose row in `apisubscription` does not tell what is so.
    stale: BTreeSet<i64>,
}

impl Troubles {
    /// The table tells of so many failures.
    pub(super) fn found(&mut self, num: i64, failures: u64) {
        if failures > 0 {
            let trouble = Trouble {
                failures,
                reason: String::new(),
                last: 0,
                next: 0,
                first: None,
                kind: "",
                status: None,
                said: None,
            };
            self.known.entry(num).or_insert(trouble);
        }
    }

    /// An attempt failed at `last` and the next is made at `next`, by the server's clock. Returns whether our log should
    /// say so: for the first, for another kind than before, and once in a while. `clock` is ours, in milliseconds.
    pub(super) fn failed(&mut self, num: i64, setback: &Setback, last: Instant, next: Instant, clock: i64) -> bool {
        let before = self.known.remove(&num);
        let is_news = before.as_ref().is_none_or(|before| {
            (before.kind, before.status) != (setback.kind, setback.status)
                || before.said.is_none_or(|said| said.saturating_add(SAID_AGAIN_MILLIS) <= clock)
        });
        let said = if is_news { Some(clock) } else { before.as_ref().and_then(|before| before.said) };
        let first = before.as_ref().map_or(Some(last), |before| before.first);
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let (kind, status, reason) = (setback.kind, setback.status, setback.reason.clone());
        self.known.insert(num, Trouble { failures, reason, last, next, first, kind, status, said });
        self.stale.insert(num);
        is_news
    }

    /// An event was accepted; returns what is over now.
    pub(super) fn accepted(&mut self, num: i64) -> Option<Trouble> {
        let over = self.known.remove(&num)?;
        self.stale.insert(num);
        Some(over)
    }

    /// It is not served any more.
    pub(super) fn forget(&mut self, num: i64) {
        self.known.remove(&num);
        self.stale.remove(&num);
    }

    pub(super) fn get(&self, num: i64) -> Option<&Trouble> {
        self.known.get(&num)
    }

    pub(super) fn has_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// The subscriptions whose row must be written; from now on their rows count as written.
    pub(super) fn take_stale(&mut self) -> BTreeSet<i64> {
        std::mem::take(&mut self.stale)
    }

    /// They were not written after all.
    pub(super) fn not_written(&mut self, nums: impl IntoIterator<Item = i64>) {
        self.stale.extend(nums);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn setback(kind: &'static str) -> Setback {
        Setback { kind, status: None, reason: kind.to_owned(), retry_after: None }
    }

    #[test]
    fn a_failure_is_said_when_it_begins_when_it_changes_and_once_an_hour() {
        let mut troubles = Troubles::default();
        let mut said = |kind, clock| troubles.failed(1, &setback(kind), 0, 0, clock);
        assert!(said("connect", 0) && !said("connect", 1) && !said("connect", SAID_AGAIN_MILLIS - 1));
        assert!(said("connect", SAID_AGAIN_MILLIS) && !said("connect", SAID_AGAIN_MILLIS + 1));
        assert!(said("tls", SAID_AGAIN_MILLIS + 2) && said("connect", SAID_AGAIN_MILLIS + 3));
        assert_eq!(troubles.accepted(1).unwrap().failures, 7);
        assert!(troubles.failed(1, &setback("connect"), 0, 0, SAID_AGAIN_MILLIS + 4));
    }

    #[test]
    fn what_the_table_tells_is_counted_on_from_and_taken_back_with_the_first_success() {
        let mut troubles = Troubles::default();
        troubles.found(1, 0);
        troubles.found(2, 5);
        troubles.found(3, 5);
        assert!(!troubles.has_stale());
        assert!(troubles.accepted(1).is_none());
        assert!(troubles.failed(2, &setback("connect"), 10, 20, 0));
        assert_eq!(troubles.get(2).unwrap().failures, 6);
        assert_eq!(troubles.accepted(3).unwrap().failures, 5);
        assert_eq!(troubles.take_stale(), BTreeSet::from([2, 3]));
        troubles.not_written([2, 3]);
        troubles.forget(3);
        assert_eq!(troubles.take_stale(), BTreeSet::from([2]));
    }
}
