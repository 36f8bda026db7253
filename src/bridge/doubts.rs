//! What the log does not tell with certainty is caught up from the tables, and the bridge goes on (rule R4).

use std::collections::HashMap;

use chrono::Utc;
use tracing::{debug, error, warn};

use super::{engine::Engine, error::BridgeError, jobs::Done, tables::Role};
use crate::{
    binlog::LogPoint,
    opendental::{Tells, WatchId},
    source::{DatabaseError, Doubt, Misread, TableFacts, TableId},
    state::ForgetDeleted,
    status::NoticeKind,
    window::{Cursor, Instant, Phase},
};

/// A doubt that goes on and on is named again after this time.
const NAMED_AGAIN_MILLIS: i64 = 10 * 60_000;

/// A table that was emptied is taken to be filled anew no later than this.
const EMPTIED_MILLIS: i64 = 60 * 60_000;

/// The stretch of a table's log in which rows may have changed that it does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DoubtfulStretch {
    /// Just behind the first and the last of the commits in doubt.
    first: LogPoint,
    last: LogPoint,
    /// What they changed is stamped no earlier, in microseconds UTC.
    since: i64,
}

impl DoubtfulStretch {
    /// Whether all of it lies at or before `point`.
    pub(super) fn is_past(&self, point: LogPoint) -> bool {
        self.last <= point
    }
}

/// A table was emptied or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Emptied {
    /// What was not sent of it then is stamped no earlier, in microseconds UTC.
    since: i64,
    /// By our clock, in milliseconds since 1970.
    at: i64,
}

/// Where a window ends that waits for its table to be scanned.
#[derive(Clone, Debug)]
pub(super) struct WindowEnd {
    pub(super) to: Cursor,
    pub(super) instant: Instant,
    /// The instant in the server's local time.
    pub(super) local: String,
}

/// When each reason was last named, by our clock in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Named(HashMap<(String, String), i64>);

impl Named {
    /// Whether it is time to name the doubt of this table, and for this reason, again.
    fn again(&mut self, table: &str, reason: &str, now: i64) -> bool {
        self.0.retain(|_, named| now.saturating_sub(*named) < NAMED_AGAIN_MILLIS);
        let key = (table.to_owned(), reason.to_owned());
        let is_new = !self.0.contains_key(&key);
        if is_new {
            self.0.insert(key, now);
        }
        is_new
    }
}

impl Engine {
    /// The reader passed over something that the transaction which ends at `point` did.
    pub(super) fn doubted(&mut self, doubt: &Doubt, point: LogPoint) {
        self.published.counts.doubts += 1;
        if self.named.again(&doubt.table_name, &doubt.reason, self.now_millis()) {
            let text =
                format!("{}: the log did not tell with certainty what happened: {}", doubt.table_name, doubt.reason);
            self.published.happened.add(NoticeKind::Doubt, text, Utc::now());
            error!(
                "the log is in doubt, {doubt}. The rows are searched for by time stamp instead; which of them were \
                 deleted cannot be told"
            );
        } else {
            debug!("the log is in doubt again, {doubt}");
        }
        match doubt.table {
            Some(table) => self.doubted_table(table, doubt, point),
            None => {
                for table in self.followed.ids() {
                    self.doubted_table(table, doubt, point);
                }
            }
        }
    }

    fn doubted_table(&mut self, table: TableId, doubt: &Doubt, point: LogPoint) {
        let Role { watches, lookup, subscriptions, .. } = self.followed.role(table);
        self.reload |= (lookup.is_some() || subscriptions) && self.is_news(point);
        for watch in watches.iter() {
            match self.watched.get_mut(watch) {
                Some(watched) if watched.watch.tells() == Tells::Deletions => match doubt.misread {
                    Misread::Nothing => {}
                    Misread::Values => watched.log.distrust(doubt.from),
                    Misread::Keys => {
                        watched.log.forget_behind(doubt.from);
                        if let Some(kept) = &mut watched.kept_keys {
                            kept.forget_behind(doubt.from);
                            self.storing.forget_keys(watched.watch.name(), ForgetDeleted::Behind(doubt.from));
                        }
                    }
                },
                Some(_) => self.catch_up_table(*watch, doubt.since.timestamp_micros(), (point, point)),
                None => {}
            }
        }
    }

    /// Rows in the log have another primary key than the watch table.
    pub(super) fn another_key(&mut self, watch: WatchId, point: LogPoint, committed: i64) {
        let Some(table) = self.tables.get(watch).cloned() else { return };
        let reason = "its primary key in the log is not the one that it has, or had when the bridge was started";
        if self.named.again(table.name(), reason, self.now_millis()) {
            error!(
                table = table.table(),
                "the log is in doubt: {reason}. The rows are searched for by time stamp instead; which of them were \
                 deleted cannot be told"
            );
            let database = self.database.clone();
            self.spawn_until_stop(async move {
                let result = database.table_facts(table.table()).await;
                Done::KeyLookedUp { watch, result }
            });
        }
        if self.tables.get(watch).is_some_and(|table| table.tells() == Tells::Changes) {
            self.catch_up_table(watch, committed, (point, point));
        }
    }

    /// Starts again if the primary key that a table has now is another one than the bridge began with.
    pub(super) fn key_looked_up(
        &self,
        watch: WatchId,
        result: Result<Option<TableFacts>, DatabaseError>,
    ) -> Result<(), BridgeError> {
        let Some(table) = self.tables.get(watch).filter(|table| table.is_plain()) else { return Ok(()) };
        match result {
            Ok(Some(facts)) => {
                let key = facts.key.iter().map(|column| column.name.as_str());
                let known = table.key_columns().iter().map(AsRef::as_ref);
                let changed = !facts.key.is_empty() && !key.eq(known);
                if changed { Err(BridgeError::KeyChanged { table: facts.name }) } else { Ok(()) }
            }
            Ok(None) => Ok(()),
            Err(error) => {
                warn!(table = table.table(), %error, "its primary key could not be looked up");
                Ok(())
            }
        }
    }

    /// Lets every window of a watch table that reaches back before `point` take what a scan of the table finds into it,
    /// from the time stamp `since` on, in microseconds UTC: the log does not tell all that the commits from `first` to `point`
    /// did to the rows. Of those that it tells, the values are read from the table.
    pub(super) fn catch_up_table(&mut self, watch: WatchId, since: i64, (first, point): (LogPoint, LogPoint)) {
        let now = self.now_millis();
        self.row_cache.forget_table(watch, point);
        let Some(watched) = self.watched.get_mut(&watch) else { return };
        watched.log.distrust(LogPoint::default());
        if watched.cursors == 0 {
            return;
        }
        let emptied = watched.emptied.filter(|emptied| now.saturating_sub(emptied.at) < EMPTIED_MILLIS);
        let since = emptied.map_or(since, |emptied| emptied.since.min(since));
        watched.doubt = Some(match watched.doubt {
            Some(before) => {
                DoubtfulStretch { first: before.first.min(first), last: point, since: before.since.min(since) }
            }
            None => DoubtfulStretch { first, last: point, since },
        });
        self.scan_for_restored_windows(watch);
    }

    /// Lets windows that were restored after a restart take what a scan of their table finds, where the doubt lies in
    /// their stretch of the log: they closed when there was none, as when there was more memory.
    pub(super) fn scan_for_restored_windows(&mut self, watch: WatchId) {
        let Some(doubt) = self.watched.get(&watch).and_then(|watched| watched.doubt) else { return };
        let mut asked = Vec::new();
        for (num, subscriber) in self.subscribers.iter().filter(|(_, subscriber)| subscriber.watch == watch) {
            let Some(window) = subscriber.window.as_ref().filter(|window| window.plan.is_none()) else { continue };
            // Those of the second reader's subscriptions are not concerned by what the main one finds, nor others by what
            // it finds itself.
            let concerns = doubt.first <= window.to.point
                && doubt.last > window.from
                && self.awaits_second_pass(*num) == self.rereading;
            let since = self.since(doubt, subscriber.last);
            if concerns && window.caught_up_from.is_none_or(|from| from > since) {
                asked.push((*num, since));
            }
        }
        let now = self.now_millis();
        for (num, since) in asked {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            if let Some(window) = &mut subscriber.window {
                window.caught_up_from = Some(since);
            }
            // A scan that is under way looks less far back.
            subscriber.backlog = None;
            subscriber.epoch += 1;
            subscriber.phase = Phase::Waiting;
            self.store_then(num, None);
            self.wake.insert((now, num));
        }
    }

    /// The table was emptied or dropped. Its rows may come back without being logged, by a RENAME TABLE.
    pub(super) fn table_emptied(&mut self, watch: WatchId) {
        let placed = self.subscribers.values().filter(|subscriber| subscriber.watch == watch);
        let unsent =
            placed.filter(|subscriber| subscriber.cursor.is_some()).map(|subscriber| self.overlapped(subscriber.last));
        let (at, since) = (self.now_millis(), unsent.min());
        if let (Some(watched), Some(since)) = (self.watched.get_mut(&watch), since) {
            let before = watched.emptied.filter(|emptied| at.saturating_sub(emptied.at) < EMPTIED_MILLIS);
            watched.emptied = Some(Emptied { since: before.map_or(since, |before| before.since.min(since)), at });
        }
    }

    /// The stamp from which the table must be scanned before the subscription's window may close at `to`; `None`: the
    /// log, with what was scanned already, tells all.
    pub(super) fn doubt_before(&self, num: i64, to: LogPoint) -> Option<i64> {
        let subscriber = self.subscribers.get(&num)?;
        let doubt = self.watched.get(&subscriber.watch)?.doubt?;
        let cursor = subscriber.cursor.as_ref()?;
        let concerns = cursor.point < doubt.last && doubt.first <= to;
        let is_scanned = subscriber.backlog.is_some() && subscriber.scanned >= doubt.last.min(to);
        (concerns && !is_scanned).then(|| self.since(doubt, subscriber.last))
    }

    /// From which stamp on a scan finds what is in doubt and not sent, the last window being that of the instant `last`.
    fn since(&self, doubt: DoubtfulStretch, last: Instant) -> i64 {
        self.overlapped(doubt.since.div_euclid(1_000_000)).min(self.overlapped(last))
    }

    /// Has the table scanned from `since` on; then the window closes at `end`, whatever the log tells meanwhile.
    pub(super) fn scan_then_close(&mut self, num: i64, since: i64, end: &WindowEnd) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        subscriber.catch_up = Some(subscriber.catch_up.map_or(since, |wanted| wanted.min(since)));
        subscriber.phase = Phase::Scanning;
        self.scan_wanted.entry(subscriber.watch).or_default().push(num);
        self.ends.insert(num, (subscriber.epoch, end.clone()));
    }

    /// A little before `instant`, in microseconds: commits come later than their stamps.
    fn overlapped(&self, instant: Instant) -> i64 {
        instant.saturating_sub(self.overlap()).saturating_mul(1_000_000)
    }
}
