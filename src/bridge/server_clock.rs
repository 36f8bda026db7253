//! The server's clock is looked at with each barrier: what it means that it was set, and whether pauses are over.

use tracing::warn;

use super::{engine::Engine, error::BridgeError};
use crate::window::Now;

/// The server's clock is looked at this often, even if no window is due.
const LOOK_EVERY_MILLIS: i64 = 30_000;

impl Engine {
    /// The server's clock was looked at; it was set by so many `seconds` since the last time, if it was.
    pub(super) fn clock_seen(&mut self, seconds: Option<i64>) -> Result<(), BridgeError> {
        self.look_at_clock = self.now_millis().saturating_add(LOOK_EVERY_MILLIS);
        if let Some(seconds) = seconds {
            self.storing.clock_differs();
            self.clock_was_set(seconds)?;
        }
        self.look_at_pauses()
    }

    /// Windows go on at their pace, and DateTimeStart follows the clock, wherever it was set.
    fn clock_was_set(&mut self, seconds: i64) -> Result<(), BridgeError> {
        warn!(seconds, "the server's clock was set, or this machine's stood still: forwards, or below 0 back");
        let zone = self.zone.clone();
        let now = Now { instant: self.server_now(), zone: &zone };
        if seconds < 0 {
            for (_, end) in self.ends.values_mut() {
                end.instant = end.instant.saturating_add(seconds);
                end.local = zone.local_text(end.instant);
            }
        }
        let nums: Vec<i64> = self.subscribers.keys().copied().collect();
        for num in nums {
            if seconds < 0
                && let Some(subscriber) = self.subscribers.get_mut(&num)
            {
                subscriber.clock_set_back(seconds.saturating_neg(), now);
                self.store_and_write_back(num);
            }
            // What was due at a moment of the clock as it was is looked at anew.
            self.attend(num)?;
        }
        // Some may have expired too early, or not expired yet.
        self.reload = true;
        Ok(())
    }

    /// Lets the log go for long pauses, and goes on after those that are over.
    fn look_at_pauses(&mut self) -> Result<(), BridgeError> {
        let (now, overlap) = (self.server_now(), self.overlap());
        let mut over = Vec::new();
        for (&num, subscriber) in &mut self.subscribers {
            if subscriber.paused_until.take_if(|until| *until <= now).is_some() {
                over.push(num);
            } else if subscriber.is_in_a_long_pause(now) {
                subscriber.lose_place(overlap);
                self.trim = true;
                over.push(num);
            }
        }
        for num in over {
            if self.subscribers.get(&num).is_some_and(|subscriber| subscriber.cursor.is_none()) {
                self.leave_second_pass(num);
            }
            self.store_then(num, None);
            self.attend(num)?;
        }
        Ok(())
    }
}
