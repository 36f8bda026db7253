//! What has happened since the process began, counted.

use serde::Serialize;

/// Counts that only grow, from one engine to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Attempts to send an event.
    pub attempts: Vec<AttemptCount>,
    /// How long they took, in seconds.
    pub attempt_seconds: Durations,
    /// Elements of events that were accepted.
    pub elements: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Events that could not be made, because their rows could not be read or told as JSON.
    pub unmade: u64,
    /// Windows that ended, also those without a row.
    pub windows: u64,
    /// From the moment when a window with rows was due to its first attempt, in seconds.
    pub window_delay_seconds: Durations,
    /// Searches of a table for what the log cannot tell.
    pub catch_ups: u64,
    /// Rows that they found.
    pub catch_up_rows: u64,
    /// Stretches of the log that did not tell with certainty what happened.
    pub doubts: u64,
    /// How often the log could not be read on.
    pub log_losses: u64,
    /// Commits to the state file.
    pub state_commits: u64,
    /// Those that failed.
    pub state_failures: u64,
    /// UPDATEs that wrote DateTimeStart back, each for all subscriptions that were served together.
    pub write_backs: u64,
    /// Those that failed.
    pub write_back_failures: u64,
    /// How often another sender was seen to have moved DateTimeStart forward.
    pub other_sender_moves: u64,
    /// Rows that never reached the log and were found by an audit.
    pub audit_rows: u64,
}

/// Attempts that ended alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptCount {
    /// `accepted`, or the kind of failure: a word of `docs/delivery.md`.
    pub outcome: &'static str,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// How many.
    pub count: u64,
}

/// [`AttemptCount::outcome`] of a success.
pub const ACCEPTED: &str = "accepted";

impl Counts {
    /// An attempt ended.
    pub fn attempted(&mut self, outcome: &'static str, status: Option<u16>, seconds: f64) {
        self.attempt_seconds.add(seconds);
        let same = |known: &&mut AttemptCount| known.outcome == outcome && known.status == status;
        match self.attempts.iter_mut().find(same) {
            Some(known) => known.count += 1,
            None => self.attempts.push(AttemptCount { outcome, status, count: 1 }),
        }
    }

    /// An event was accepted.
    pub fn accepted(&mut self, elements: usize, bytes: usize) {
        self.elements = self.elements.saturating_add(elements as u64);
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }
}

/// Durations, counted by length.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Durations {
    /// How many were no longer than each of [`Durations::BOUNDS`] and longer than the one before.
    pub within: [u64; Self::BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
}

impl Durations {
    /// In seconds: from a receiver in the same building to the longest time-out.
    pub const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

    /// One of so many seconds; less than none counts as none.
    pub fn add(&mut self, seconds: f64) {
        let seconds = seconds.max(0.0);
        self.count += 1;
        self.sum += seconds;
        if let Some(within) =
            Self::BOUNDS.iter().position(|bound| seconds <= *bound).and_then(|at| self.within.get_mut(at))
        {
            *within += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_where_they_belong() {
        let mut durations = Durations::default();
        [-1.0, 0.005, 0.0051, 300.0, 301.0].into_iter().for_each(|seconds| durations.add(seconds));
        assert_eq!((durations.within[0], durations.within[1], durations.within[13]), (2, 1, 1));
        assert_eq!((durations.count, durations.within.iter().sum::<u64>()), (5, 4));
        assert!((durations.sum - 601.0101).abs() < 1e-9);
    }

    #[test]
    fn attempts_are_counted_by_how_they_ended() {
        let mut counts = Counts::default();
        counts.attempted(ACCEPTED, Some(200), 0.1);
        counts.attempted("status", Some(503), 0.1);
        counts.attempted("connect", None, 0.1);
        counts.attempted("status", Some(503), 0.1);
        let counted: Vec<_> = counts.attempts.iter().map(|known| (known.outcome, known.status, known.count)).collect();
        assert_eq!(counted, [(ACCEPTED, Some(200), 1), ("status", Some(503), 2), ("connect", None, 1)]);
        assert_eq!(counts.attempt_seconds.count, 4);
    }
}
