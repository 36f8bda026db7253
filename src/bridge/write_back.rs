//! DateTimeStart is written back after a window, over the value last seen only (rules W5 to W7).

use std::collections::BTreeMap;

use tracing::{info, warn};

use super::{backoff::Backoff, engine::Engine, error::BridgeError, jobs::Done, storing::Then};
use crate::{
    failpoint::Failpoint,
    source::{DatabaseError, WriteBack, WriteBackOutcome},
    window::{Met, Move, Now},
};

/// Gathers the subscriptions whose DateTimeStart is to be written: one UPDATE at a time serves them all.
#[derive(Debug, Default)]
pub(super) struct WritingBack {
    /// What is stored as pending, by subscription.
    wanted: BTreeMap<i64, String>,
    under_way: bool,
    backoff: Backoff,
}

impl WritingBack {
    /// When the next UPDATE may be made, if one is wanted.
    pub(super) fn wake(&self) -> Option<i64> {
        (!self.under_way && !self.wanted.is_empty()).then(|| self.backoff.until())
    }
}

impl Engine {
    /// The window's end is stored first, then written back.
    pub(super) fn store_and_write_back(&mut self, num: i64) {
        let pending = self.subscribers.get(&num).and_then(|subscriber| subscriber.start.pending());
        let then = pending.map(|value| Then::WriteBack { num, value: value.to_owned() });
        self.store_then(num, then);
    }

    /// Writes `value`, which is stored as pending.
    pub(super) fn want_write_back(&mut self, num: i64, value: String) {
        self.writing_back.wanted.insert(num, value);
    }

    pub(super) fn start_write_back(&mut self) {
        if self.writing_back.under_way || !self.writing_back.backoff.is_over(self.now_millis()) {
            return;
        }
        let wanted = std::mem::take(&mut self.writing_back.wanted);
        let now = Now { instant: self.server_now(), zone: &self.zone };
        let mut writes = Vec::with_capacity(wanted.len());
        for (num, value) in wanted {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            let Some(last_seen) = subscriber.start.begin(&value, now) else { continue };
            writes.push(WriteBack { num, last_seen, value });
        }
        if writes.is_empty() {
            return;
        }
        self.writing_back.under_way = true;
        let database = self.database.clone();
        self.jobs.spawn(async move {
            let result = database.write_back(&writes).await;
            Done::WrittenBack { writes, result }
        });
    }

    pub(super) fn written_back(
        &mut self,
        writes: Vec<WriteBack>,
        result: Result<Vec<WriteBackOutcome>, DatabaseError>,
    ) -> Result<(), BridgeError> {
        self.writing_back.under_way = false;
        self.published.counts.write_backs += 1;
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(error) => {
                warn!(%error, subscriptions = writes.len(), "DateTimeStart could not be written back");
                self.published.counts.write_back_failures += 1;
                self.writing_back.backoff.failed(self.now_millis());
                if !self.stopping {
                    for WriteBack { num, value, .. } in writes {
                        // A later window may have ended meanwhile.
                        self.writing_back.wanted.entry(num).or_insert(value);
                    }
                }
                return Ok(());
            }
        };
        self.writing_back.backoff.succeeded();
        let zone = self.zone.clone();
        let now = Now { instant: self.server_now(), zone: &zone };
        for (WriteBack { num, value, .. }, outcome) in writes.into_iter().zip(outcomes) {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            match outcome {
                WriteBackOutcome::Written => {
                    Failpoint::WrittenBack.pass();
                    subscriber.start.done(&value);
                }
                WriteBackOutcome::Found(found) => match subscriber.start.met(&value, &found, now) {
                    Met::WriteAgain => self.write_again(num),
                    Met::Wait => {}
                    Met::Moved(moved) => self.moved(num, &found, moved)?,
                },
                // The log will tell of its deletion.
                WriteBackOutcome::Gone => {}
            }
        }
        Ok(())
    }

    /// Writes what is pending over the value that is known now.
    fn write_again(&mut self, num: i64) {
        if self.subscribers.get(&num).is_some_and(|subscriber| subscriber.start.pending().is_some()) {
            self.store_and_write_back(num);
        }
    }

    /// Acts on a move of DateTimeStart to `found`.
    pub(super) fn moved(&mut self, num: i64, found: &str, moved: Move) -> Result<(), BridgeError> {
        let (now, clock) = (self.server_now(), self.now_millis());
        let counts = &mut self.published.counts;
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        match moved {
            Move::None => {
                self.write_again(num);
                return Ok(());
            }
            Move::Unreadable => {
                warn!(subscription = num, "DateTimeStart is no date and time; it is ignored");
                return Ok(());
            }
            Move::Future(until) if until > now => {
                info!(subscription = num, date_time_start = found, "DateTimeStart lies ahead: a pause until then");
                subscriber.pause(until);
                // Only the server's clock tells how long that is.
                self.look_at_clock = i64::MIN;
            }
            // A pause that is over by the time that we hear of it ends as one that was ended.
            Move::Forward | Move::Future(_) => {
                if subscriber.paused_until.take_if(|until| *until > now).is_some() {
                    info!(subscription = num, date_time_start = found, "the pause was ended");
                } else {
                    counts.other_sender_moves += 1;
                    if subscriber.another_sender(clock) {
                        warn!(
                            subscription = num,
                            date_time_start = found,
                            "another sender moves DateTimeStart forward; ours goes on from its own place, and its \
                             receiver may get events of both. This is told again after an hour without it"
                        );
                    }
                }
                self.write_again(num);
                return self.attend(num);
            }
            Move::Back(start) => {
                info!(
                    subscription = num,
                    date_time_start = found,
                    "DateTimeStart was moved back: sending again from there"
                );
                subscriber.rewind(start);
            }
        }
        self.trim = true;
        self.stop_attempt(num);
        self.store_then(num, None);
        self.attend(num)
    }
}
