//! Catch-up: one scan by time stamp of a table for all subscriptions that need it (rule W10).

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    jobs::{Done, ScanAnswer},
};
use crate::window::{Cursor, Mark, Phase};

/// How long a scan that failed is left alone.
const AGAIN_MILLIS: i64 = 5_000;

impl Engine {
    pub(super) fn want_scan(&mut self, num: i64) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let Some(watch) = subscriber.subscription.watch() else { return };
        subscriber.phase = Phase::Scanning;
        self.scan_wanted.entry(watch).or_default().push(num);
    }

    /// Starts a scan of every table that is wanted and is not being scanned already.
    pub(super) fn start_scans(&mut self) {
        let ready: Vec<_> = self.scan_wanted.keys().copied().filter(|watch| !self.scanning.contains(watch)).collect();
        for watch in ready {
            let nums = self.scan_wanted.remove(&watch).unwrap_or_default();
            let mut asked = Vec::with_capacity(nums.len());
            for num in nums {
                let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
                if subscriber.phase != Phase::Scanning {
                    continue;
                }
                // After a restart the scan of the window under way is made again.
                let again = subscriber.window.as_ref().and_then(|window| window.caught_up_from);
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
            self.scanning.insert(watch);
            let (database, at) = (self.database.clone(), self.boundary.clone());
            self.spawn_until_stop(async move {
                let since = DateTime::from_timestamp_micros(since).unwrap_or(DateTime::<Utc>::MIN_UTC);
                let result =
                    database.scan(watch.table(), &[watch.key_column()], Some(watch.stamp_column()), since).await;
                Done::Scanned(ScanAnswer { watch, asked, at, result })
            });
        }
    }

    pub(super) fn scanned(&mut self, answer: ScanAnswer) -> Result<(), BridgeError> {
        let ScanAnswer { watch, asked, at, result } = answer;
        self.scanning.remove(&watch);
        let scan = match result {
            Ok(scan) if scan.point >= at.position.point() => scan,
            Ok(_) => {
                warn!(table = watch.table(), "the scan speaks of an older log than the reader; scanning again");
                self.scan_again(&asked);
                return Ok(());
            }
            Err(error) => {
                warn!(table = watch.table(), %error, "the catch-up scan failed; scanning again");
                self.scan_again(&asked);
                return Ok(());
            }
        };
        info!(
            table = watch.table(),
            rows = scan.rows.len(),
            subscriptions = asked.len(),
            "scanned for changes before the subscriptions' place in the log"
        );
        let mut shared: HashMap<i64, Arc<Vec<Mark>>> = HashMap::new();
        for (num, epoch, since) in asked {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            if subscriber.epoch != epoch || subscriber.phase != Phase::Scanning {
                continue;
            }
            let backlog = shared
                .entry(since)
                .or_insert_with(|| Arc::new(scan.rows.iter().filter(|(stamp, _)| *stamp >= since).cloned().collect()));
            subscriber.backlog = Some(backlog.clone());
            subscriber.phase = Phase::Waiting;
            self.store_then(num, None);
            self.attend(num)?;
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
