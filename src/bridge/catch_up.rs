//! Catch-up: one scan by time stamp of a table for all subscriptions that need it (rule W10), and what no scan can tell
//! (rule R8).

use std::{collections::HashMap, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    jobs::{Done, ScanAnswer},
};
use crate::{
    config::DeliveryConfig,
    failpoint::Failpoint,
    opendental::Tells,
    progress::{RowCount, TableScan},
    window::{Cursor, Marks, Phase, Subscriber},
};

/// How long a scan that failed is left alone.
const AGAIN_MILLIS: i64 = 5_000;

/// A subscription that is made now has a DateTimeStart of about now, by a clock that may not be quite the server's.
const ABOUT_NOW_SECONDS: u64 = 60;

impl Engine {
    /// `delivery.catch_up_overlap`, in seconds.
    pub(super) fn overlap(&self) -> i64 {
        overlap(&self.delivery)
    }

    /// Sees to it that the subscription gets what the log cannot tell it.
    pub(super) fn catch_up(&mut self, num: i64) -> Result<(), BridgeError> {
        let now = self.server_now();
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        let watch = subscriber.watch;
        if self.tables.get(watch).is_none_or(|table| table.tells() == Tells::Changes) {
            subscriber.phase = Phase::Scanning;
            self.scan_wanted.entry(watch).or_default().push(num);
            return Ok(());
        }
        if self.watched.get(&watch).is_some_and(|watched| watched.kept_keys.is_some()) {
            warn!(
                subscription = num,
                watch_table = subscriber.subscription.watch_table,
                "of rows that were deleted before this subscription's place in the log it is told those whose keys are in \
                 the state file"
            );
            // They are read when its window closes.
            subscriber.backlog = Some(Arc::default());
            self.place_here(num);
            return self.attend(num);
        }
        let again = subscriber.window.as_ref().and_then(|window| window.caught_up_from);
        let since = [again, subscriber.catch_up].into_iter().flatten().min().map(|micros| micros / 1_000_000);
        if since.is_some_and(|since| since < now.saturating_sub_unsigned(ABOUT_NOW_SECONDS)) {
            warn!(
                subscription = num,
                watch_table = subscriber.subscription.watch_table,
                "rows that were deleted before this subscription's place in the log are gone: no event can tell of them"
            );
        }
        self.begin(num);
        self.attend(num)
    }

    /// Lets a subscription that was made just now, and is to begin about now, begin in the log where it was made, if a
    /// catch-up could not tell what is new: deletions leave no row, and without a stamp it would be the whole table.
    pub(super) fn begin_where_it_was_made(&mut self, num: i64) {
        let Some(subscriber) = self.subscribers.get(&num) else { return };
        let now = self.taking.map_or_else(|| self.server_now(), |(_, committed)| committed / 1_000_000);
        let Some(watch) = self.tables.get(subscriber.watch) else { return };
        let about_now = subscriber.last.abs_diff(now) <= ABOUT_NOW_SECONDS;
        if about_now && (watch.tells() == Tells::Deletions || watch.stamp_column().is_none()) {
            self.begin(num);
        }
    }

    /// Puts the subscription's cursor, if it has none, at the place in the log that is being taken in.
    fn begin(&mut self, num: i64) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        subscriber.want_no_catch_up();
        self.place_here(num);
    }

    /// The log answers for the subscription from here on, if it did not before.
    fn place_here(&mut self, num: i64) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let point = self.taking.map_or(self.boundary.position.point(), |(point, _)| point);
        subscriber.cursor.get_or_insert(Cursor { point, resume: self.boundary.resume.clone() });
        // Counted anew when the logs are trimmed; what follows in the log must be recorded now.
        if let Some(watched) = self.watched.get_mut(&subscriber.watch) {
            watched.cursors += 1;
        }
        self.store_then(num, None);
    }

    /// Starts a scan of every table that is wanted and is not being scanned already.
    pub(super) fn start_scans(&mut self) {
        let ready: Vec<_> =
            self.scan_wanted.keys().copied().filter(|watch| !self.scanning.contains_key(watch)).collect();
        let limit = self.delivery.max_catch_up.map(|limit| limit.as_secs());
        let earliest = limit.map(|limit| self.server_now().saturating_sub_unsigned(limit).saturating_mul(1_000_000));
        for watch in ready {
            let nums = self.scan_wanted.remove(&watch).unwrap_or_default();
            let has_stamp = self.tables.get(watch).is_some_and(|table| table.stamp_column().is_some());
            let mut asked = Vec::with_capacity(nums.len());
            for num in nums {
                let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
                // Its number may have become another subscription's, of another table.
                if subscriber.phase != Phase::Scanning || subscriber.watch != watch {
                    continue;
                }
                // After a restart the scan of the window under way is made again.
                let again = subscriber.window.as_ref().and_then(|window| window.caught_up_from);
                if again.is_none() && has_stamp {
                    cut_off(subscriber, earliest);
                }
                let Some(since) = again.or(subscriber.catch_up) else { continue };
                // From here on the log answers for every change, so the cursor stands here: none is missed while
                // the table is being scanned.
                subscriber.cursor.get_or_insert_with(|| Cursor {
                    point: self.boundary.position.point(),
                    resume: self.boundary.resume.clone(),
                });
                asked.push((num, subscriber.epoch, since));
            }
            let Some(since) = asked.iter().map(|&(_, _, since)| since).min() else { continue };
            self.trim = true;
            let Some(table) = self.tables.get(watch).cloned() else { continue };
            let rows = RowCount::default();
            let (name, began) = (table.table().to_owned(), Instant::now());
            let scan = TableScan { table: name, subscriptions: asked.len(), began, rows: rows.clone() };
            self.scanning.insert(watch, scan);
            info!(table = table.table(), subscriptions = asked.len(), "searching the table for a catch-up");
            if table.stamp_column().is_none() {
                warn!(table = table.table(), "the table has no time stamp: all of it is sent");
            }
            let (database, at) = (self.database.clone(), self.boundary.clone());
            self.spawn_until_stop(async move {
                let since = DateTime::from_timestamp_micros(since).unwrap_or(DateTime::<Utc>::MIN_UTC);
                let (keys, stamp) = (table.key_columns(), table.stamp_column());
                let result = database.scan(table.table(), keys, stamp, since, &rows).await;
                Done::Scanned(ScanAnswer { watch, asked, at, result })
            });
            self.show_scans();
        }
    }

    pub(super) fn scanned(&mut self, answer: ScanAnswer) -> Result<(), BridgeError> {
        let ScanAnswer { watch, asked, at, result } = answer;
        let began = self.scanning.remove(&watch).map(|scan| scan.began);
        self.show_scans();
        let Some(table) = self.tables.get(watch).cloned() else { return Ok(()) };
        let scan = match result {
            Ok(scan) if scan.point >= at.position.point() => scan,
            Ok(_) => {
                warn!(table = table.table(), "the scan speaks of an older log than the reader; scanning again");
                self.scan_again(&asked);
                return Ok(());
            }
            Err(error) => {
                warn!(table = table.table(), %error, "the catch-up scan failed; scanning again");
                self.scan_again(&asked);
                return Ok(());
            }
        };
        Failpoint::CatchUpScanned.pass();
        self.published.counts.catch_ups += 1;
        self.published.counts.catch_up_rows += scan.rows.len() as u64;
        info!(
            table = table.table(),
            rows = scan.rows.len(),
            millis = began.map(|began| began.elapsed().as_millis()),
            subscriptions = asked.len(),
            "scanned for changes before the subscriptions' place in the log"
        );
        let mut shared: HashMap<i64, Arc<Marks>> = HashMap::new();
        let mut plans = HashMap::new();
        for (num, epoch, since) in asked {
            let end = self.ends.remove(&num).filter(|(of, _)| *of == epoch);
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            if subscriber.epoch != epoch || subscriber.phase != Phase::Scanning {
                continue;
            }
            let backlog = shared.entry(since).or_insert_with(|| {
                let all = table.stamp_column().is_none();
                Arc::new(scan.rows.iter().filter(|(stamp, _)| all || *stamp >= since).collect())
            });
            subscriber.backlog = Some(backlog.clone());
            subscriber.scanned = scan.point;
            subscriber.phase = if end.is_some() { Phase::Closing } else { Phase::Waiting };
            self.store_then(num, None);
            match end {
                Some((_, end)) if !self.is_unsure(num) => self.close(num, &end, &mut plans)?,
                Some(_) => self.again(&[num]),
                None => self.attend(num)?,
            }
        }
        Ok(())
    }

    fn scan_again(&mut self, asked: &[(i64, u64, i64)]) {
        let at = self.now_millis().saturating_add(AGAIN_MILLIS);
        for &(num, epoch, _) in asked {
            if let Some(subscriber) = self.subscribers.get_mut(&num)
                && subscriber.epoch == epoch
                && subscriber.phase == Phase::Scanning
            {
                subscriber.phase = Phase::Waiting;
                self.wake.insert((at, num));
            }
        }
    }
}

/// `delivery.catch_up_overlap`, in seconds.
pub(super) fn overlap(delivery: &DeliveryConfig) -> i64 {
    i64::try_from(delivery.catch_up_overlap.as_secs()).unwrap_or(i64::MAX)
}

/// A catch-up reaches no further back than `delivery.max_catch_up`, which is `earliest` by now, in microseconds UTC.
fn cut_off(subscriber: &mut Subscriber, earliest: Option<i64>) {
    let (Some(since), Some(earliest)) = (subscriber.catch_up, earliest) else { return };
    if since < earliest {
        let shown = |micros| DateTime::from_timestamp_micros(micros).map(|time| time.to_rfc3339());
        warn!(
            subscription = subscriber.subscription.num,
            since = shown(since),
            cut_off_at = shown(earliest),
            "the catch-up reaches back further than delivery.max_catch_up: older changes are not sent"
        );
        subscriber.catch_up = Some(earliest);
    }
}
