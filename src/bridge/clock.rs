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
/// Windows are due by the server's clock; each barrier looks at it, so that the estimate is never older than the
/// shortest PollingSeconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock {
    ahead_micros: i64,
}

/// A tick comes this much after the second begins, so that the server agrees that it has begun.
const MARGIN_MILLIS: i64 = 2;

impl ServerClock {
    /// Takes note that the server's clock showed `server` when ours showed something between `before` and `after`.
    pub(super) fn seen(&mut self, server: DateTime<Utc>, before: DateTime<Utc>, after: DateTime<Utc>) {
        let ours = before.timestamp_micros().midpoint(after.timestamp_micros());
        self.ahead_micros = server.timestamp_micros().saturating_sub(ours);
    }

    /// The server's time at `ours`, in whole seconds.
    pub(super) fn instant(self, ours: DateTime<Utc>) -> Instant {
        ours.timestamp_micros().saturating_add(self.ahead_micros).div_euclid(1_000_000)
    }

    /// When our clock will show that the server's has reached `instant`, in milliseconds since 1970.
    pub(super) fn ours(self, instant: Instant) -> i64 {
        let micros = instant.saturating_mul(1_000_000).saturating_sub(self.ahead_micros);
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
}
