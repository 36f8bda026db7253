//! The server's clock, as far as we know it between two looks at it.

use chrono::{DateTime, Utc};

use crate::window::Instant;

/// Our own clock, which goes on evenly: when the machine's is set, windows are neither late nor early for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnClock {
    began: std::time::Instant,
    utc: DateTime<Utc>,
}

impl OwnClock {
    /// Begins with the machine's time.
    pub(super) fn start() -> Self {
        Self { began: std::time::Instant::now(), utc: Utc::now() }
    }

    /// Its time.
    pub(super) fn now(self) -> DateTime<Utc> {
        let passed = chrono::TimeDelta::from_std(self.began.elapsed()).unwrap_or_default();
        self.utc.checked_add_signed(passed).unwrap_or(self.utc)
    }
}

/// How far the server's clock is ahead of ours.
///
/// Windows are due by the server's clock; each barrier looks at it, and there is one every half a minute at least.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock {
    /// `None`: not looked at yet.
    ahead_micros: Option<i64>,
}

/// Less is the drift of two clocks, and what NTP mends bit by bit.
const STEP_SECONDS: i64 = 2;

/// A tick comes this much after the second begins, so that the server agrees that it has begun.
const MARGIN_MILLIS: i64 = 2;

impl ServerClock {
    /// Takes note that the server's clock showed `server` when ours showed something between `before` and `after`.
    /// Returns by how many seconds it was set since it was last looked at, if it was: forwards, or below 0 back.
    pub(super) fn seen(&mut self, server: DateTime<Utc>, before: DateTime<Utc>, after: DateTime<Utc>) -> Option<i64> {
        let ours = before.timestamp_micros().midpoint(after.timestamp_micros());
        let ahead = server.timestamp_micros().saturating_sub(ours);
        let known = self.ahead_micros.replace(ahead)?;
        // The server's answer belongs to some moment in between.
        let unsure = after.timestamp_micros().saturating_sub(before.timestamp_micros());
        let step = ahead.saturating_sub(known);
        (step.abs() > unsure.saturating_add(STEP_SECONDS * 1_000_000)).then(|| step.div_euclid(1_000_000))
    }

    fn ahead(self) -> i64 {
        self.ahead_micros.unwrap_or_default()
    }

    /// How far it is ahead, in seconds; `None`: not looked at yet.
    pub(super) fn seconds_ahead(self) -> Option<f64> {
        self.ahead_micros.map(|micros| micros as f64 / 1e6)
    }

    /// The server's time at `ours`, in whole seconds.
    pub(super) fn instant(self, ours: DateTime<Utc>) -> Instant {
        ours.timestamp_micros().saturating_add(self.ahead()).div_euclid(1_000_000)
    }

    /// How many seconds the server's clock is ahead of this machine's, which shows `machine` as ours shows `ours`; `None`:
    /// it was not looked at yet. (Ours goes on where the machine's is set.)
    pub(super) fn ahead_of_machine(self, ours: DateTime<Utc>, machine: DateTime<Utc>) -> Option<i64> {
        let ahead =
            self.ahead_micros?.saturating_add(ours.timestamp_micros()).saturating_sub(machine.timestamp_micros());
        Some(ahead.div_euclid(1_000_000))
    }

    /// When our clock will show that the server's has reached `instant`, in milliseconds since 1970.
    pub(super) fn ours(self, instant: Instant) -> i64 {
        let micros = instant.saturating_mul(1_000_000).saturating_sub(self.ahead());
        micros.div_euclid(1000).saturating_add(MARGIN_MILLIS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn w2_a_tick_comes_when_the_servers_second_has_begun() {
        let ours = DateTime::from_timestamp_millis(1_000_000_000_400).unwrap();
        let server = DateTime::from_timestamp_millis(1_000_000_060_900).unwrap();
        let mut clock = ServerClock::default();
        clock.seen(server, ours, ours);
        assert_eq!(clock.instant(ours), 1_000_000_060);
        assert_eq!(clock.ours(1_000_000_061), 1_000_000_000_502);
    }

    #[test]
    fn r8_the_servers_clock_is_compared_with_the_machines_though_ours_goes_on() {
        let at = |seconds: i64| DateTime::from_timestamp(1_000_000_000 + seconds, 0).unwrap();
        let mut clock = ServerClock::default();
        assert_eq!(clock.ahead_of_machine(at(0), at(0)), None);
        clock.seen(at(100), at(0), at(0));
        assert_eq!(clock.ahead_of_machine(at(5), at(5)), Some(100));
        assert_eq!(clock.ahead_of_machine(at(5), at(65)), Some(40), "the machine's was set a minute ahead");
    }

    #[test]
    fn w2_a_clock_that_is_set_is_told_from_one_that_drifts_and_from_an_answer_that_took_long() {
        let ours = |millis: i64| DateTime::from_timestamp_millis(1_000_000_000_000 + millis).unwrap();
        let mut clock = ServerClock::default();
        assert_eq!(clock.seen(ours(0), ours(0), ours(10)), None, "the first look");
        assert_eq!(clock.seen(ours(1_900), ours(1_000), ours(1_010)), None, "drift");
        assert_eq!(clock.seen(ours(60_000), ours(2_000), ours(118_000)), None, "a slow answer");
        assert_eq!(clock.seen(ours(86_400_000 + 119_000), ours(119_000), ours(119_010)), Some(86_399));
        assert_eq!(clock.instant(ours(119_010)), 1_000_086_519);
        assert_eq!(clock.seen(ours(120_000), ours(120_000), ours(120_010)), Some(-86_400));
    }
}
