//! What survives a restart is stored before anything is done that relies on it.

use std::collections::BTreeSet;

use super::{
    engine::Engine,
    error::BridgeError,
    jobs::Done,
    restore::{saved, saved_layout},
};
use crate::{
    binlog::LogPoint,
    source::KnownLayout,
    state::{Changes, ForgetLayouts, State, StateError},
};

/// What is done once a subscription's present place is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Send the event whose range was fixed.
    Send { num: i64, epoch: u64 },
    /// Write DateTimeStart back.
    WriteBack { num: i64, value: String },
}

/// Gathers what is to be stored: everything that changes while one commit is under way shares the next.
#[derive(Debug, Default)]
pub(super) struct Storing {
    changed: BTreeSet<i64>,
    removed: BTreeSet<i64>,
    layouts: Vec<KnownLayout>,
    then: Vec<Then>,
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

    /// Stores what was learned of layouts, no later than any place in the log behind it.
    pub(super) fn store_layouts(&mut self, layouts: Vec<KnownLayout>) {
        self.storing.layouts.extend(layouts);
    }

    pub(super) fn start_commit(&mut self) {
        let places = !self.storing.changed.is_empty() || !self.storing.removed.is_empty();
        if !places && self.storing.layouts.is_empty() && !self.must_store_deliveries() {
            return;
        }
        // It is away while a commit is under way.
        let Some(mut state) = self.state.take() else { return };
        let changed = std::mem::take(&mut self.storing.changed);
        let (deliveries, forget_deliveries) = self.delivery_log.take(self.now_millis());
        let layouts: Vec<_> = std::mem::take(&mut self.storing.layouts).iter().map(saved_layout).collect();
        let changes = Changes {
            forget_layouts: (!layouts.is_empty()).then(|| ForgetLayouts::Before(self.oldest_resume())),
            layouts,
            upsert: changed.iter().filter_map(|num| self.subscribers.get(num)).map(saved).collect(),
            remove: std::mem::take(&mut self.storing.removed).into_iter().collect(),
            deliveries,
            forget_deliveries,
            ..Changes::default()
        };
        let then = std::mem::take(&mut self.storing.then);
        self.jobs.spawn(async move {
            let result = state.commit(&changes).await;
            Done::Stored { state, result, then }
        });
    }

    /// Where reading would begin after a restart.
    fn oldest_resume(&self) -> LogPoint {
        let cursors = self.subscribers.values().filter_map(|subscriber| subscriber.cursor.as_ref());
        let read = self.boundary.resume.point();
        cursors.map(|cursor| cursor.resume.point()).min().map_or(read, |oldest| oldest.min(read))
    }

    pub(super) fn stored(
        &mut self,
        state: State,
        result: Result<(), StateError>,
        then: Vec<Then>,
    ) -> Result<(), BridgeError> {
        self.state = Some(state);
        result?;
        for then in then {
            match then {
                Then::WriteBack { num, value } => self.want_write_back(num, value),
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
