//! Keeping within `memory.budget` (rule R6): what takes too much is packed, the logs that hold most first.

use std::{collections::HashSet, sync::Arc};

use tracing::{debug, warn};

use super::{
    deleted_keys::KeptKeys,
    engine::Engine,
    second_pass::SecondPass,
    tables::{Stamps, Watched},
};
use crate::{
    binlog::LogPoint,
    opendental::{Tells, WatchId},
    source::Changes,
};

/// What a change takes in the log beside its image, about.
const CHANGE_BYTES: usize = 100;

/// A log of which less than this part of the share is not packed is left alone: it would not help.
const WORTHWHILE: usize = 16;

impl Engine {
    /// Takes note of changes that were recorded, and looks at the memory when enough has come together.
    pub(super) fn grown_by(&mut self, changes: &Changes) {
        self.grown += CHANGE_BYTES * changes.len() + changes.image_bytes();
        if self.grown > self.shares.logs / WORTHWHILE {
            self.grown = 0;
            self.keep_within_budget();
        }
    }

    /// Packs what must be packed, of what the second reader has read too.
    pub(super) fn keep_within_budget(&mut self) {
        let room = self.room_for_logs();
        if self.log_bytes() <= room {
            return;
        }
        self.pack_what_can_be(room);
        // What the second reader has read is given up for the main reader's sake, too, and not the other way round: its
        // place in the log lies before that of the others.
        if !self.rereading && self.second_pass.is_some() {
            self.with_second_logs(|engine| {
                engine.pack_what_can_be(room);
                engine.fall_back(room);
            });
        }
        self.fall_back(room);
    }

    /// Deletions come last: their images are nowhere else, and of what is packed the event tells the key alone.
    fn pack_what_can_be(&mut self, room: usize) {
        for tells in [Tells::Changes, Tells::Deletions] {
            // With some room to spare, so that this is not done again at once.
            while self.log_bytes() > room / 4 * 3 {
                let logs = self.watched.iter().filter(|(_, watched)| watched.watch.tells() == tells);
                let largest = logs.map(|(watch, watched)| (watched.log.unpacked_bytes(), *watch)).max();
                match largest {
                    Some((bytes, watch)) if bytes > self.shares.logs / WORTHWHILE => self.pack(watch),
                    _ => break,
                }
            }
        }
    }

    /// Gives up logs whose very keys take too much, the largest first: tables are caught up by stamp, and keys of
    /// deletions, which no scan finds, go to the state file.
    fn fall_back(&mut self, room: usize) {
        // What windows hold is not set free by this.
        let room = room.saturating_sub(self.plan_bytes).max(room / 4);
        for tells in [Tells::Changes, Tells::Deletions] {
            while self.logs_alone() > room {
                let logs = self.watched.iter().filter(|(_, watched)| watched.watch.tells() == tells);
                let largest = logs.map(|(watch, watched)| (watched.log.packed_bytes(), *watch)).max();
                let Some((_, watch)) = largest.filter(|(bytes, _)| *bytes > self.shares.logs / WORTHWHILE) else {
                    break;
                };
                match tells {
                    Tells::Changes => self.give_up_log(watch),
                    Tells::Deletions if self.rereading => {
                        self.second_pass_is_too_large();
                        break;
                    }
                    Tells::Deletions if self.move_keys_out(watch) => {}
                    Tells::Deletions => break,
                }
            }
        }
    }

    /// Forgets all changes of a watch table; every window that would have had them takes what a scan finds instead.
    fn give_up_log(&mut self, watch: WatchId) {
        let Some(watched) = self.watched.get_mut(&watch) else { return };
        let stamps = Stamps::new(&watched.watch, &self.zone);
        let oldest = watched.log.oldest_stamp(|entry| stamps.of(entry));
        warn!(
            watch_table = watched.watch.name(),
            rows = watched.log.len(),
            "memory is short even for the keys of undelivered rows: the table is searched by time stamp for them, once \
             they can be sent. Raise memory.budget"
        );
        watched.log.clear();
        let point = self.taking.map_or(self.boundary.position.point(), |(point, _)| point);
        self.windows_elsewhere(watch);
        if let Some(oldest) = oldest {
            // What lies before it is gone from the log as well.
            self.catch_up_table(watch, oldest, (LogPoint::default(), point));
        }
    }

    /// What the lookups leave, of which those of a chain's schedules are the largest; at least a quarter.
    fn room_for_logs(&self) -> usize {
        self.shares.logs.saturating_sub(self.lookups.bytes()).max(self.shares.logs / 4)
    }

    pub(super) fn log_bytes(&self) -> usize {
        self.plan_bytes + self.logs_alone()
    }

    fn logs_alone(&self) -> usize {
        let kept = |watched: &Watched| watched.kept_keys.as_ref().map_or(0, KeptKeys::bytes);
        let logs = self.watched.values().chain(self.second_pass.iter().flat_map(SecondPass::watched));
        logs.map(|watched| watched.log.bytes() + kept(watched)).sum()
    }

    fn pack(&mut self, watch: WatchId) {
        let cuts = self.cuts(watch);
        let Some(watched) = self.watched.get_mut(&watch) else { return };
        let (table, before) = (watched.watch.clone(), watched.log.bytes());
        let stamps = Stamps::new(&table, &self.zone);
        watched.log.pack(&cuts, |entry| stamps.of(entry));
        let (rows, after) = (watched.log.len(), watched.log.bytes());
        match table.tells() {
            Tells::Changes => {
                debug!(watch_table = table.name(), rows, before, after, "memory is short: rows are packed")
            }
            Tells::Deletions => warn!(
                watch_table = table.name(),
                rows, "memory is short: of the older deletions only the keys are kept. Raise memory.budget"
            ),
        }
    }

    /// All points of the watch table's log that matter to a subscription, in ascending order.
    fn cuts(&self, watch: WatchId) -> Vec<LogPoint> {
        let mut cuts = Vec::new();
        for (num, subscriber) in self.subscribers.iter().filter(|(_, subscriber)| subscriber.watch == watch) {
            cuts.extend(subscriber.cursor.as_ref().map(|cursor| cursor.point));
            cuts.extend(subscriber.window.iter().flat_map(|window| [window.from, window.to.point]));
            cuts.extend(self.ends.get(num).map(|(_, end)| end.to.point));
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Counts anew what the order of rows in open windows takes, and what scans found.
    pub(super) fn weigh_plans(&mut self) {
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for subscriber in self.subscribers.values() {
            if let Some(plan) = subscriber.window.as_ref().and_then(|window| window.plan.as_ref())
                && seen.insert(Arc::as_ptr(plan).addr())
            {
                bytes += plan.bytes();
            }
            if let Some(backlog) = &subscriber.backlog
                && seen.insert(Arc::as_ptr(backlog).addr())
            {
                bytes += backlog.bytes();
            }
        }
        self.plan_bytes = bytes;
    }
}
