//! What survives a restart is stored before anything is done that relies on it.

use std::collections::BTreeSet;

use super::{engine::Engine, error::BridgeError, jobs::Done};
use crate::{
    opendental::Subscription,
    state::{Changes, SavedCursor, SavedSubscription, SavedWindow, StateError},
    window::{Cursor, Subscriber},
};

/// What is done once a subscription's present place is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Send the event whose range was fixed.
    Send { num: i64, epoch: u64 },
    /// Write DateTimeStart back.
    WriteBack(i64),
}

/// Gathers what is to be stored: everything that changes while one commit is under way shares the next.
#[derive(Debug, Default)]
pub(super) struct Storing {
    changed: BTreeSet<i64>,
    removed: BTreeSet<i64>,
    then: Vec<Then>,
    under_way: bool,
}

impl Engine {
    /// Stores the subscription's place with the next commit, then does `then`.
    pub(super) fn store_then(&mut self, num: i64, then: Option<Then>) {
        self.storing.removed.remove(&num);
        self.storing.changed.insert(num);
        self.storing.then.extend(then);
    }

    /// Forgets the subscription's place with the next commit.
    pub(super) fn store_removal(&mut self, num: i64) {
        self.storing.changed.remove(&num);
        self.storing.removed.insert(num);
    }

    pub(super) fn start_commit(&mut self) {
        let Storing { changed, removed, under_way, .. } = &self.storing;
        if *under_way || (changed.is_empty() && removed.is_empty()) {
            return;
        }
        let changed = std::mem::take(&mut self.storing.changed);
        let changes = Changes {
            upsert: changed.iter().filter_map(|num| self.subscribers.get(num)).map(saved).collect(),
            remove: std::mem::take(&mut self.storing.removed).into_iter().collect(),
            ..Changes::default()
        };
        let then = std::mem::take(&mut self.storing.then);
        self.storing.under_way = true;
        let state = self.state.clone();
        self.jobs.spawn(async move { Done::Stored { result: state.commit(&changes).await, then } });
    }

    pub(super) fn stored(&mut self, result: Result<(), StateError>, then: Vec<Then>) -> Result<(), BridgeError> {
        self.storing.under_way = false;
        result?;
        for then in then {
            match then {
                Then::WriteBack(num) => self.want_write_back(num),
                Then::Send { num, epoch } => {
                    let current = self.subscribers.get(&num).is_some_and(|subscriber| subscriber.epoch == epoch);
                    if current && !self.stopping {
                        self.send(num)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn saved(subscriber: &Subscriber) -> SavedSubscription {
    SavedSubscription {
        num: subscriber.subscription.num,
        fingerprint: fingerprint(&subscriber.subscription),
        cursor: subscriber.cursor.as_ref().map(saved_cursor),
        last_instant: subscriber.last,
        last_seen: subscriber.last_seen.clone(),
        pending: subscriber.pending.clone(),
        window_number: subscriber.windows,
        window: subscriber.window.as_ref().map(|window| SavedWindow {
            number: window.number,
            from: window.from,
            to: saved_cursor(&window.to),
            instant: window.instant,
            local: window.local.clone(),
            progress: window.progress.clone(),
            event_end: window.event_end.clone(),
            catch_up: window.caught_up_from,
        }),
        catch_up: subscriber.catch_up,
    }
}

fn saved_cursor(cursor: &Cursor) -> SavedCursor {
    SavedCursor { point: cursor.point, resume: cursor.resume.clone() }
}

/// What must be the same after a restart for a subscription to keep its place (rule W8).
pub(super) fn fingerprint(subscription: &Subscription) -> String {
    format!("{} for {}", subscription.watch_table, subscription.workstation)
}
