//! The audit: rows that never reached the server's log are sent all the same, and counted (rule R10).

use std::time::Duration;

use chrono::Utc;
use tracing::{info, warn};

use super::{
    engine::Engine,
    jobs::Done,
    unlogged::{AuditMark, Search, SearchError, Unlogged},
};
use crate::{
    binlog::LogPoint,
    opendental::{Tells, WatchId},
    row::RowKey,
    source::ReaderConfig,
    status::NoticeKind,
};

/// How long an audit that failed is left alone.
const AGAIN_MILLIS: i64 = 60_000;

/// When the next audit is, and what the last one found.
pub(super) struct Audit {
    /// `source.audit`; `None`: there is none.
    every: Option<Duration>,
    reader: ReaderConfig,
    /// Where the last one ended.
    mark: Option<AuditMark>,
    under_way: bool,
    /// By our clock, in milliseconds since 1970.
    next: i64,
    /// Rows that go into the next windows once the log has been read further.
    found: Vec<(WatchId, Vec<RowKey>)>,
    /// The mark is stored when every cursor has passed this point: until then a restart searches again.
    unstored: Option<Option<LogPoint>>,
    /// Rows found since the start.
    total: usize,
}

impl Audit {
    pub(super) fn new(every: Option<Duration>, reader: ReaderConfig, mark: Option<AuditMark>) -> Self {
        let next = i64::MIN;
        Self { every, reader, mark, under_way: false, next, found: Vec::new(), unstored: None, total: 0 }
    }

    /// When the next one begins; what the last one found must be in a window before.
    pub(super) fn wake(&self) -> Option<i64> {
        (self.every.is_some() && !self.under_way && self.found.is_empty()).then_some(self.next)
    }
}

impl Engine {
    pub(super) fn start_audit(&mut self) {
        let Some(every) = self.audit.every else { return };
        let now = self.now_millis();
        if self.audit.wake().is_none_or(|next| next > now) || self.reading.is_none() {
            return;
        }
        let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        let since = self.audit.mark.as_ref().map(|mark| self.clock.ours(mark.instant()));
        if let Some(due) =
            since.map(|since| since.saturating_add(every)).filter(|due| *due > now && self.audit.next == i64::MIN)
        {
            // The last one was made before a restart.
            self.audit.next = due;
            return;
        }
        self.audit.next = now.saturating_add(every);
        self.audit.under_way = true;
        let watched = self.tables.iter().filter(|(_, table)| table.tells() == Tells::Changes);
        let watched = watched.filter(|(watch, _)| self.watched.get(watch).is_some_and(|watched| watched.cursors > 0));
        let search = Search {
            database: self.database.clone(),
            reader: self.audit.reader.clone(),
            identity: self.identity.clone(),
            zone: self.zone.clone(),
            tables: watched.map(|(watch, table)| (watch, table.clone())).collect(),
            since: self.audit.mark.clone(),
        };
        self.spawn_until_stop(async move { Done::Audited(Box::new(search.run().await)) });
    }

    pub(super) fn audited(&mut self, result: Result<Unlogged, SearchError>) {
        self.audit.under_way = false;
        match result {
            Ok(Unlogged { mark, rows, compared, scanning, left_out }) => {
                if !left_out.is_empty() {
                    warn!(tables = ?left_out, "the audit could not compare these tables with the log; the next one goes on");
                }
                let count: usize = rows.iter().map(|(_, keys)| keys.len()).sum();
                self.audit.total += count;
                let (total, seconds) = (self.audit.total, scanning.as_secs_f32());
                if self.audit.mark.is_none() {
                    info!("audits begin: rows that are stamped from now on are compared with the log");
                } else if count > 0 {
                    self.published.counts.audit_rows += count as u64;
                    let text =
                        format!("the audit found {count} rows that never reached the server's log; they are sent");
                    self.published.happened.add(NoticeKind::Audit, text, Utc::now());
                    warn!(
                        rows = count,
                        compared,
                        seconds,
                        total,
                        "the audit found rows that never reached the server's log; they are sent"
                    );
                } else {
                    info!(
                        compared,
                        seconds, total, "the audit found no row that did not pass through the server's log"
                    );
                }
                if rows.is_empty() {
                    self.audit.unstored = Some(self.audit.unstored.flatten());
                }
                self.audit.mark = Some(mark);
                self.audit.found = rows;
            }
            Err(error) => {
                warn!(%error, "there was no audit; trying again");
                if error.is_final() {
                    self.audit.mark = None;
                }
                self.audit.next = self.now_millis().saturating_add(AGAIN_MILLIS);
            }
        }
        self.store_audit();
    }

    /// The log has been read further: what the last audit found is in the windows that end behind here, without images
    /// (rule W10).
    pub(super) fn tell_unlogged(&mut self) {
        if self.audit.found.is_empty() {
            return;
        }
        let (point, committed) = (self.boundary.position.point(), self.server_now().saturating_mul(1_000_000));
        for (watch, keys) in std::mem::take(&mut self.audit.found) {
            keys.iter().for_each(|key| self.remember_untold(watch, key));
            if let Some(watched) = self.watched.get_mut(&watch).filter(|watched| watched.cursors > 0) {
                for key in keys {
                    self.row_cache.forget(watch, &key);
                    watched.log.record(key, point, committed, None);
                }
            }
        }
        self.audit.unstored = Some(Some(point));
    }

    /// What audits found is recorded once more, at the place up to which the log has been read.
    pub(super) fn audited_rows_moved(&mut self) {
        if let Some(Some(point)) = &mut self.audit.unstored {
            *point = self.boundary.position.point();
        }
    }

    /// Stores where the last audit ended, once all that it found is delivered.
    pub(super) fn store_audit(&mut self) {
        // What the last audit found may not be in any window yet, and those who wait for a second reader may not have it.
        if !self.audit.found.is_empty() || self.second_pass.is_some() {
            return;
        }
        let Some(point) = self.audit.unstored else { return };
        let mut cursors = self.subscribers.values().filter_map(|subscriber| subscriber.cursor.as_ref());
        if point.is_none_or(|point| cursors.all(|cursor| cursor.point >= point)) {
            self.audit.unstored = None;
            self.storing.audited(self.audit.mark.as_ref().and_then(|mark| serde_json::to_string(mark).ok()));
        }
    }
}
