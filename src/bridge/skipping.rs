//! Skipping ahead on purpose (rule W7): what a subscription has not been sent is left out, and it goes on from the next
//! barrier.

use std::collections::HashMap;

use tracing::info;

use super::{doubts::WindowEnd, engine::Engine, storing::Then};
use crate::{
    opendental::WatchId,
    status::{Answer, Refused, Skipped},
    window::Instant,
};

/// What was asked for and is not done yet.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// By subscription: it is done at the next barrier.
    wanted: HashMap<i64, Skip>,
    /// Done, and answered once it is stored.
    done: HashMap<i64, Vec<(Answer<Skipped>, Skipped)>>,
}

#[derive(Debug)]
struct Skip {
    /// Rows stamped since are sent all the same.
    to: Option<Instant>,
    answers: Vec<Answer<Skipped>>,
}

impl Engine {
    /// Gives up the subscription's window, and has it go on from the next barrier; rows stamped since `to` are sent
    /// all the same.
    pub(super) fn skip(&mut self, num: i64, to: Option<Instant>, answer: Answer<Skipped>) {
        let refused = match self.subscribers.get_mut(&num) {
            _ if self.stopping => Some(Refused::Busy),
            None => Some(Refused::NotServed),
            Some(subscriber) if to.is_some_and(|to| to <= subscriber.last) => Some(Refused::NotAhead),
            Some(subscriber) => {
                subscriber.restart_window();
                None
            }
        };
        if let Some(refused) = refused {
            // Whoever asked may be gone, here as below: nobody else needs the answer.
            let _ = answer.send(Err(refused));
            return;
        }
        self.stop_attempt(num);
        let skip = self.skips.wanted.entry(num).or_insert(Skip { to, answers: Vec::new() });
        // Of two who ask, the later one means it.
        skip.to = to;
        skip.answers.push(answer);
        self.want_barrier(num);
    }

    /// Whether the subscription's window, which is to close at `end`, is skipped instead.
    pub(super) fn skip_at(&mut self, num: i64, end: &WindowEnd) -> bool {
        let Some(skip) = self.skips.wanted.remove(&num) else { return false };
        let to = skip.to.filter(|to| *to < end.instant);
        let local = to.map_or_else(|| end.local.clone(), |to| self.zone.local_text(to));
        let changes = self.unsent(num);
        let Some(subscriber) = self.subscribers.get_mut(&num) else {
            for answer in skip.answers {
                let _ = answer.send(Err(Refused::NotServed));
            }
            return true;
        };
        let (watch, had_place) = (subscriber.watch, subscriber.cursor.is_some());
        subscriber.skip(end.to.clone(), end.instant, to, local.clone());
        info!(subscription = num, changes, date_time_start = local, "skipped ahead, as was asked");
        let answers = skip.answers.into_iter().map(|answer| {
            let skipped = Skipped { changes, date_time_start: local.clone() };
            (answer, skipped)
        });
        self.skips.done.entry(num).or_default().extend(answers);
        self.troubles.accepted(num);
        self.hold_place(num, watch, had_place);
        self.store_and_write_back(num);
        self.store_then(num, Some(Then::TellSkipped { num }));
        true
    }

    /// It is stored that these were skipped.
    pub(super) fn tell_skipped(&mut self, num: i64) {
        for (answer, skipped) in self.skips.done.remove(&num).unwrap_or_default() {
            let _ = answer.send(Ok(skipped));
        }
    }

    /// Rows that waited to be sent; `None`: a search that was not made would have told.
    fn unsent(&self, num: i64) -> Option<u64> {
        let subscriber = self.subscribers.get(&num)?;
        let unknown = subscriber.catch_up.is_some() && subscriber.backlog.is_none();
        (!unknown && !self.awaits_second_pass(num)).then(|| self.pending(subscriber).rows())
    }

    /// The log is kept from its place on.
    fn hold_place(&mut self, num: i64, watch: WatchId, had_place: bool) {
        self.leave_second_pass(num);
        // Counted anew when the logs are trimmed; what follows in the log must be recorded now.
        if !had_place && let Some(watched) = self.watched.get_mut(&watch) {
            watched.cursors += 1;
        }
        self.trim = true;
    }
}
