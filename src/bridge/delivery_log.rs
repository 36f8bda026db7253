//! The delivery log goes into the state file with whatever else is stored, or by itself before long.

use super::{engine::Engine, jobs::Attempted};
use crate::{
    delivery::Outcome,
    state::{Delivery, DeliveryFailure, ForgetDeliveries},
};

/// Attempts wait so long for something else to be stored; failed ones change nothing else.
const PATIENCE_MILLIS: i64 = 5_000;

/// As many wait at most.
const MOST_WAITING: usize = 500;

/// As many wait at most while the state file cannot be written: some 3 MB.
const MOST_TAKEN_BACK: usize = 10_000;

/// As many are kept: some 40 MB.
const MOST_KEPT: u32 = 200_000;

/// The oldest are removed after so long, or so many new ones.
const FORGET_MILLIS: i64 = 60 * 60 * 1000;
const FORGET_COUNT: usize = 1000;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Attempts on their way to the state file. Times are those of our clock, in milliseconds since 1970.
#[derive(Debug)]
pub(super) struct DeliveryLog {
    days: u32,
    waiting: Vec<Delivery>,
    /// Attempts stored since the oldest were last removed, and when they are removed next.
    stored: usize,
    forget_at: i64,
}

impl DeliveryLog {
    /// Keeps attempts for so many days (`delivery.log_days`); 0: none at all.
    pub(super) fn new(days: u32) -> Self {
        Self { days, waiting: Vec::new(), stored: 0, forget_at: i64::MIN }
    }

    fn push(&mut self, delivery: Delivery) {
        if self.days > 0 {
            self.waiting.push(delivery);
        }
    }

    /// When what waits is stored by itself.
    pub(super) fn wake(&self) -> Option<i64> {
        let oldest = self.waiting.first()?;
        let full = self.waiting.len() >= MOST_WAITING;
        Some(if full { i64::MIN } else { oldest.ended.saturating_add(PATIENCE_MILLIS) })
    }

    /// What is stored with the commit that begins `now`.
    pub(super) fn take(&mut self, now: i64) -> (Vec<Delivery>, Option<ForgetDeliveries>) {
        let deliveries = std::mem::take(&mut self.waiting);
        self.stored += deliveries.len();
        (deliveries, self.forget(now))
    }

    /// Takes back what could not be stored; the oldest are given up where it becomes too much.
    pub(super) fn take_back(&mut self, mut deliveries: Vec<Delivery>) {
        deliveries.append(&mut self.waiting);
        let too_many = deliveries.len().saturating_sub(MOST_TAKEN_BACK);
        deliveries.drain(..too_many);
        self.waiting = deliveries;
    }

    fn forget(&mut self, now: i64) -> Option<ForgetDeliveries> {
        if now < self.forget_at && self.stored < FORGET_COUNT {
            return None;
        }
        self.stored = 0;
        if self.days == 0 {
            // What was kept before it was switched off.
            self.forget_at = i64::MAX;
            return Some(ForgetDeliveries { before: i64::MAX, keep: 0 });
        }
        self.forget_at = now.saturating_add(FORGET_MILLIS);
        let age = i64::from(self.days).saturating_mul(DAY_MILLIS);
        Some(ForgetDeliveries { before: now.saturating_sub(age), keep: MOST_KEPT })
    }
}

impl Engine {
    /// Takes note of an attempt that has just ended.
    pub(super) fn log_delivery(&mut self, attempted: &Attempted) {
        self.log_delivery_at(self.now_millis(), attempted);
    }

    /// Takes note of an attempt that ended at this time of our clock, in milliseconds.
    pub(super) fn log_delivery_at(&mut self, ended: i64, attempted: &Attempted) {
        let (status, failure) = match &attempted.attempt.outcome {
            Outcome::Accepted { status } => (Some(*status), None),
            Outcome::Failed(failure) => {
                let kind = failure.kind.name().to_owned();
                (failure.kind.status(), Some(DeliveryFailure { kind, reason: failure.reason.clone() }))
            }
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.delivery_log.push(Delivery {
            ended,
            subscription: attempted.num,
            watch_table: attempted.watch_table.clone(),
            window: attempted.window,
            webhook_id: attempted.id.clone(),
            elements: count(attempted.elements),
            bytes: count(attempted.bytes),
            status,
            failure,
            took: u64::try_from(attempted.attempt.took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Whether attempts have waited long enough to be stored by themselves.
    pub(super) fn must_store_deliveries(&self) -> bool {
        self.delivery_log.wake().is_some_and(|at| self.stopping || at <= self.now_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(ended: i64) -> Delivery {
        Delivery {
            ended,
            subscription: 1,
            watch_table: "Patient".to_owned(),
            window: 1,
            webhook_id: "msg_1".to_owned(),
            elements: 1,
            bytes: 2,
            status: Some(200),
            failure: None,
            took: 3,
        }
    }

    #[test]
    fn attempts_wait_for_another_commit_but_neither_for_long_nor_many() {
        let mut log = DeliveryLog::new(30);
        assert_eq!(log.wake(), None);
        log.push(delivery(1_000));
        log.push(delivery(3_000));
        assert_eq!(log.wake(), Some(6_000));
        assert_eq!(log.take(2_000).0.len(), 2);
        assert_eq!(log.wake(), None);
        (0..500).for_each(|_| log.push(delivery(1_000)));
        assert_eq!(log.wake(), Some(i64::MIN));
    }

    #[test]
    fn the_oldest_are_removed_at_the_start_each_hour_and_after_a_thousand() {
        let mut log = DeliveryLog::new(2);
        let now = 10 * DAY_MILLIS;
        let forget = Some(ForgetDeliveries { before: 8 * DAY_MILLIS, keep: 200_000 });
        assert_eq!(log.take(now).1, forget);
        assert_eq!(log.take(now).1, None);
        assert!(log.take(now + FORGET_MILLIS).1.is_some());
        (0..1000).for_each(|_| log.push(delivery(now)));
        assert!(log.take(now).1.is_some() && log.take(now).1.is_none());
    }

    #[test]
    fn switched_off_it_keeps_nothing_and_removes_once_what_was_there() {
        let mut log = DeliveryLog::new(0);
        log.push(delivery(1));
        assert_eq!(log.wake(), None);
        assert_eq!(log.take(5), (vec![], Some(ForgetDeliveries { before: i64::MAX, keep: 0 })));
        assert_eq!(log.take(i64::MAX - 1), (vec![], None));
    }
}
