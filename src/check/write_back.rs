//! What the write-backs of DateTimeStart add to the server's log.

use super::{Finding, Mend};
use crate::opendental::Subscription;

const LOOK: &str = "write-back";

/// Bytes of log that the UPDATE of one subscription takes, and that each further one in the same UPDATE does: measured
/// on MariaDB 10.11 with whole row images and an URL of 40 characters, 584 and 209.
const UPDATE: f64 = 600.0;
const ROW: f64 = 250.0;

const SECONDS: f64 = 86_400.0;

/// More than this a day is worth a thought.
const MANY_MEGABYTES: f64 = 1_000.0;

/// Rule W5: subscriptions that are due in the same second share one UPDATE.
pub(super) fn look(subscriptions: &[Subscription]) -> Finding {
    let intervals: Vec<f64> = subscriptions.iter().map(|one| one.polling_interval().as_secs_f64()).collect();
    let megabytes = megabytes_a_day(&intervals);
    let found = format!("DateTimeStart adds about {megabytes:.0} MB a day to the server's log");
    if megabytes < MANY_MEGABYTES {
        return Finding::ok(LOOK, found);
    }
    let slower = "UPDATE apisubscription SET PollingSeconds = 10 WHERE PollingSeconds < 10 AND WatchTable <> '';";
    Finding::warning(LOOK, found).mend(Mend::Sql(slower.to_owned()))
}

/// Seconds in which nobody is due cost nothing, and who is due when is taken to be chance.
fn megabytes_a_day(intervals: &[f64]) -> f64 {
    let rows: f64 = intervals.iter().map(|seconds| SECONDS / seconds).sum();
    let idle: f64 = intervals.iter().map(|seconds| 1.0 - 1.0 / seconds).product();
    let updates = SECONDS * (1.0 - idle);
    (updates * UPDATE + (rows - updates) * ROW) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w5_who_is_due_in_the_same_second_shares_an_update() {
        assert_eq!(megabytes_a_day(&[]), 0.0);
        assert_eq!(megabytes_a_day(&[5.0]).round(), 10.0);
        assert_eq!(megabytes_a_day(&[1.0]).round(), 52.0);
        let shared = megabytes_a_day(&[1.0; 10]);
        assert_eq!(shared.round(), (52.0 + 9.0 * 21.6_f64).round());
        assert!(megabytes_a_day(&[60.0; 2]) < 2.0 * megabytes_a_day(&[60.0]));
    }
}
