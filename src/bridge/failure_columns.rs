//! Troubles are noted in `apisubscription`, where it has the columns for them.

use chrono::DateTime;
use tracing::warn;

use super::{backoff::Backoff, engine::Engine, jobs::Done};
use crate::{
    source::{DatabaseError, Failing, FailureColumns, FailureNote},
    window::Instant,
};

/// At least so long from one UPDATE to the next: each row of it costs the server's log some 600 bytes, and an endpoint
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

impl NotingFailures {
    /// When an UPDATE may be made, if troubles are new or over.
    fn wake(&self) -> Option<i64> {
        let can = !self.columns.is_empty() && !self.under_way;
        can.then(|| self.not_before.max(self.backoff.until()))
    }

    fn begin(&mut self, now: i64) {
        self.under_way = true;
        self.not_before = now.saturating_add(PAUSE_MILLIS);
    }

    fn end(&mut self, now: i64, result: &Result<(), DatabaseError>) {
        self.under_way = false;
        match result {
            Ok(()) => self.backoff.succeeded(),
            Err(error) if error.is_retryable() => self.backoff.failed(now),
            Err(error) => {
                warn!(%error, "failures are not noted in apisubscription any more, until it is read anew");
                self.columns = FailureColumns::default();
            }
        }
    }
}

impl Engine {
    /// The table has these columns.
    pub(super) fn found_failure_columns(&mut self, columns: FailureColumns) {
        self.noting_failures.columns = columns;
    }

    /// When the next UPDATE may be made, if one is wanted.
    pub(super) fn failure_columns_wake(&self) -> Option<i64> {
        self.noting_failures.wake().filter(|_| self.troubles.has_stale())
    }

    pub(super) fn start_noting_failures(&mut self) {
        let now = self.now_millis();
        if self.failure_columns_wake().is_none_or(|at| at > now && !self.stopping) {
            return;
        }
        let nums = self.troubles.take_stale();
        let notes: Vec<FailureNote> = nums.into_iter().map(|num| self.failure_note(num)).collect();
        self.noting_failures.begin(now);
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
        self.noting_failures.end(self.now_millis(), &result);
        if result.is_err() && !self.stopping {
            self.troubles.not_written(nums.into_iter().filter(|num| self.subscribers.contains_key(num)));
        }
    }

    /// The server's time when our clock shows `millis`.
    pub(super) fn server_time(&self, millis: i64) -> Instant {
        self.clock.instant(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(retryable: bool) -> Result<(), DatabaseError> {
        let server = "host:3306".to_owned();
        Err(match retryable {
            true => DatabaseError::Locked { server, doing: "a test" },
            false => DatabaseError::ReadOnly { server },
        })
    }

    #[test]
    fn w5_there_is_one_update_at_a_time_and_one_in_ten_seconds() {
        let mut noting = NotingFailures { columns: FailureColumns::all(), ..NotingFailures::default() };
        assert_eq!(noting.wake(), Some(0));
        noting.begin(1_000);
        assert_eq!(noting.wake(), None, "one is under way");
        noting.end(1_500, &Ok(()));
        assert_eq!(noting.wake(), Some(11_000));
        noting.begin(20_000);
        noting.end(31_000, &error(true));
        assert_eq!(noting.wake(), Some(31_250), "and after a failure a pause of its own");
    }

    #[test]
    fn a_table_without_the_columns_or_an_error_that_stays_ends_it() {
        assert_eq!(NotingFailures::default().wake(), None);
        let mut noting = NotingFailures { columns: FailureColumns::all(), ..NotingFailures::default() };
        noting.begin(1_000);
        noting.end(2_000, &error(false));
        assert_eq!(noting.wake(), None);
    }
}
