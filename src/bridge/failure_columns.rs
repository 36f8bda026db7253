//! Troubles are noted in `apisubscription`, where it has the columns for them.

use chrono::DateTime;
use tracing::warn;

use super::{backoff::Backoff, engine::Engine, jobs::Done};
use crate::{
    source::{DatabaseError, Failing, FailureColumns, FailureNote},
    window::Instant,
};

/// At least so long from one UPDATE to the next: each row of it costs the server's log some 700 bytes, and an endpoint
/// may fail and recover with every window.
const PAUSE_MILLIS: i64 = 10_000;

/// One UPDATE at a time notes all troubles that are new or over.
#[derive(Debug, Default)]
pub(super) struct NotingFailures {
    columns: FailureColumns,
    under_way: bool,
    not_before: i64,
    backoff: Backoff,
}

impl Engine {
    /// The table has these columns.
    pub(super) fn found_failure_columns(&mut self, columns: FailureColumns) {
        self.noting_failures.columns = columns;
    }

    /// When the next UPDATE may be made, if one is wanted.
    pub(super) fn failure_columns_wake(&self) -> Option<i64> {
        let noting = &self.noting_failures;
        let wanted = !noting.columns.is_empty() && !noting.under_way && self.troubles.has_stale();
        wanted.then(|| noting.not_before.max(noting.backoff.until()))
    }

    pub(super) fn start_noting_failures(&mut self) {
        let now = self.now_millis();
        if self.failure_columns_wake().is_none_or(|at| at > now && !self.stopping) {
            return;
        }
        let nums = self.troubles.take_stale();
        let notes: Vec<FailureNote> = nums.into_iter().map(|num| self.failure_note(num)).collect();
        self.noting_failures.under_way = true;
        self.noting_failures.not_before = now.saturating_add(PAUSE_MILLIS);
        let (database, columns) = (self.database.clone(), self.noting_failures.columns.clone());
        self.jobs.spawn(async move {
            let result = database.write_failures(&columns, &notes).await;
            Done::FailuresNoted { nums: notes.into_iter().map(|note| note.num).collect(), result }
        });
    }

    fn failure_note(&self, num: i64) -> FailureNote {
        let failing = self.troubles.get(num).map(|trouble| Failing {
            last: self.zone.local_text(trouble.last),
            next: self.zone.local_text(trouble.next),
            reason: trouble.reason.clone(),
            failures: trouble.failures,
        });
        FailureNote { num, failing }
    }

    pub(super) fn failures_noted(&mut self, nums: Vec<i64>, result: Result<(), DatabaseError>) {
        self.noting_failures.under_way = false;
        match result {
            Ok(()) => self.noting_failures.backoff.succeeded(),
            Err(error) if error.is_retryable() && !self.stopping => {
                self.noting_failures.backoff.failed(self.now_millis());
                self.troubles.not_written(nums.into_iter().filter(|num| self.subscribers.contains_key(num)));
            }
            Err(error) => {
                warn!(%error, "failures are not noted in apisubscription any more, until the next start");
                self.noting_failures.columns = FailureColumns::default();
            }
        }
    }

    /// The server's time when our clock shows `millis`.
    pub(super) fn server_time(&self, millis: i64) -> Instant {
        self.clock.instant(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }
}
