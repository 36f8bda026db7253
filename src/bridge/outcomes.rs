//! What becomes of an attempt: on to the next event, or the same one again after a pause (rules W6 and D2).

use std::time::Duration;

use tracing::{debug, info, warn};

use super::{engine::Engine, error::BridgeError, jobs::Attempted, troubles::Setback};
use crate::{
    delivery::{Outcome, retry_pause},
    failpoint::Failpoint,
    window::Phase,
};

impl Engine {
    pub(super) fn attempted(&mut self, attempted: Attempted) -> Result<(), BridgeError> {
        self.log_delivery(&attempted);
        self.published.attempted(&attempted, self.own_clock.now());
        let Attempted { num, epoch, watch_table, window, id, elements, attempt, .. } = attempted;
        if self.subscribers.get(&num).is_none_or(|subscriber| subscriber.epoch != epoch) {
            return Ok(());
        }
        self.attempts.remove(&num);
        let millis = attempt.took.as_millis();
        match attempt.outcome {
            Outcome::Accepted { status } => {
                info!(subscription = num, window, id, watch_table, elements, status, millis, "event accepted");
                Failpoint::EventAccepted.pass();
                self.accepted(num)
            }
            Outcome::Failed(failure) => {
                let reason = failure.reason.clone();
                if self.retry_later(num, failure.into()) {
                    warn!(subscription = num, window, id, watch_table, elements, reason, millis, "event not accepted");
                } else {
                    debug!(subscription = num, window, id, watch_table, elements, reason, millis, "event not accepted");
                }
                Ok(())
            }
        }
    }

    fn accepted(&mut self, num: i64) -> Result<(), BridgeError> {
        if let Some(over) = self.troubles.accepted(num) {
            info!(subscription = num, failures = over.failures, "the subscription's events are accepted again");
        }
        self.event_over(num)
    }

    /// The event is the subscriber's, or nothing of it was left to send.
    pub(super) fn event_over(&mut self, num: i64) -> Result<(), BridgeError> {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        subscriber.failures = 0;
        if let Some(window) = &mut subscriber.window {
            window.progress = window.event_end.take();
        }
        self.next_event(num)
    }

    /// The event's body cannot be made at present.
    pub(super) fn cannot_be_made(&mut self, num: i64, reason: String) {
        self.published.counts.unmade += 1;
        if self.retry_later(num, Setback::of_rows(reason.clone())) {
            warn!(subscription = num, reason, "an event cannot be made; trying until it can");
        } else {
            debug!(subscription = num, reason, "an event cannot be made");
        }
    }

    /// The event is tried again after a pause. Returns whether our log should say why: not each time.
    fn retry_later(&mut self, num: i64, setback: Setback) -> bool {
        let max = Duration::from_secs(self.delivery.retry_max_seconds);
        let now = self.now_millis();
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return false };
        subscriber.failures = subscriber.failures.saturating_add(1);
        let pause = retry_pause(subscriber.failures, setback.retry_after, max, fastrand::f64());
        let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let at = now.saturating_add(millis);
        subscriber.phase = Phase::Retrying(at);
        self.wake.insert((at, num));
        self.troubles.failed(num, &setback, self.server_now(), self.server_time(at), now)
    }
}
