//! DateTimeStart is written back after a window, over the value last seen only (rules W5 to W7).

use std::collections::BTreeSet;

use tracing::{info, warn};

use super::{engine::Engine, error::BridgeError, jobs::Done};
use crate::{
    source::{DatabaseError, WriteBack, WriteBackOutcome},
    window::Move,
};

/// Gathers the subscriptions whose DateTimeStart is to be written: one UPDATE at a time serves them all.
#[derive(Debug, Default)]
pub(super) struct WritingBack {
    wanted: BTreeSet<i64>,
    under_way: BTreeSet<i64>,
}

impl Engine {
    pub(super) fn want_write_back(&mut self, num: i64) {
        self.writing_back.wanted.insert(num);
    }

    pub(super) fn start_write_back(&mut self) {
        if !self.writing_back.under_way.is_empty() || self.writing_back.wanted.is_empty() {
            return;
        }
        let wanted = std::mem::take(&mut self.writing_back.wanted);
        let mut writes = Vec::with_capacity(wanted.len());
        for num in wanted {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            let Some(value) = subscriber.pending.clone() else { continue };
            subscriber.own_writes.expect(&value);
            writes.push(WriteBack { num, last_seen: subscriber.last_seen.clone(), value });
            self.writing_back.under_way.insert(num);
        }
        if writes.is_empty() {
            return;
        }
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
        let under_way = std::mem::take(&mut self.writing_back.under_way);
        let outcomes = match result {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // The next window writes a later value; this one needs no retry of its own.
                warn!(%error, subscriptions = under_way.len(), "DateTimeStart could not be written back");
                return Ok(());
            }
        };
        for (WriteBack { num, value, .. }, outcome) in writes.into_iter().zip(outcomes) {
            match outcome {
                WriteBackOutcome::Written => {
                    if let Some(subscriber) = self.subscribers.get_mut(&num) {
                        if subscriber.pending.as_deref() == Some(value.as_str()) {
                            subscriber.pending = None;
                        }
                        subscriber.last_seen = value;
                    }
                }
                WriteBackOutcome::Found(value) => {
                    let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
                    if subscriber.own_writes.recognise(&value) {
                        // An UPDATE of ours whose answer was lost.
                        value.clone_into(&mut subscriber.last_seen);
                    } else {
                        // The log will show the same value; it will have been judged by then.
                        subscriber.own_writes.expect(&value);
                        self.date_time_start_found(num, &value)?;
                    }
                    if self.subscribers.get(&num).is_some_and(|subscriber| subscriber.pending.is_some()) {
                        self.want_write_back(num);
                    }
                }
                // The log will tell of its deletion.
                WriteBackOutcome::Gone => {}
            }
        }
        Ok(())
    }

    /// Judges a value found in DateTimeStart that we did not just write.
    pub(super) fn date_time_start_found(&mut self, num: i64, found: &str) -> Result<(), BridgeError> {
        let now = self.local_now();
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        if subscriber.pending.as_deref() == Some(found) {
            subscriber.pending = None;
            found.clone_into(&mut subscriber.last_seen);
            return Ok(());
        }
        let moved = Move::judge(&subscriber.last_seen, found, &now);
        found.clone_into(&mut subscriber.last_seen);
        let instant = self.zone.instant(found);
        match (moved, instant) {
            (Move::None, _) => return Ok(()),
            (Move::Forward, _) => {
                warn!(
                    subscription = num,
                    date_time_start = found,
                    "another sender moved DateTimeStart forward; ours goes on from its own place"
                );
                return Ok(());
            }
            (_, None) => {
                warn!(subscription = num, "DateTimeStart is no date and time; it is ignored");
                return Ok(());
            }
            (Move::Back, Some(instant)) => {
                info!(
                    subscription = num,
                    date_time_start = found,
                    "DateTimeStart was moved back: sending again from there"
                );
                subscriber.rewind(instant);
            }
            (Move::Future, Some(instant)) => {
                info!(subscription = num, date_time_start = found, "DateTimeStart lies ahead: a pause until then");
                subscriber.paused_until = Some(instant);
                subscriber.restart_window();
                subscriber.pending = None;
            }
        }
        self.stop_attempt(num);
        self.store_then(num, None);
        self.attend(num)
    }
}
