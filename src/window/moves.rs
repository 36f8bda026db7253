//! What it means that another value is found in DateTimeStart than before (rule W7).

use super::Instant;
use crate::source::TimeZone;

/// A clock that is this much ahead of the server's means now, not a pause.
const AHEAD_SECONDS: i64 = 5;

/// Another sender writes the present time, by the server's clock, when its events have been sent.
const PRESENT_SECONDS: i64 = 60;

/// A moment of the server's clock, and the zone in which DateTimeStart is written.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The moment.
    pub instant: Instant,
    /// The zone.
    pub zone: &'a TimeZone,
}

/// How DateTimeStart moved from the value last seen to the one found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It did not, or we wrote it ourselves.
    None,
    /// Backwards: send again from there. In the hour that comes twice, from its first time on.
    Back(Instant),
    /// Forwards, up to the server's now: another sender.
    Forward,
    /// Beyond the server's now: a pause until then.
    Future(Instant),
    /// To something that is no date and time.
    Unreadable,
}

impl Move {
    /// What it means that `found` stands, `now`, where `seen` stood at the moment `seen_at`.
    ///
    /// Both are local time, of which an hour comes twice in autumn: the later one is meant where it has begun, since
    /// those who write there write what their clock shows.
    pub fn judge(seen: &str, seen_at: Instant, found: &str, now: Now<'_>) -> Self {
        if found == seen {
            return Self::None;
        }
        let Some((earlier, _)) = now.zone.instants(found) else { return Self::Unreadable };
        if earlier > now.latest() {
            return Self::Future(earlier);
        }
        let there = now.reading(found).unwrap_or(earlier);
        let before = Now { instant: seen_at, ..now }.reading(seen);
        let forward = match before {
            // A pause was ended, or the server's clock was set back and another sender follows it.
            Some(before) if before > now.latest() => there >= now.instant.saturating_sub(PRESENT_SECONDS),
            Some(before) => there >= before,
            None => false,
        };
        if forward { Self::Forward } else { Self::Back(earlier) }
    }
}

impl Now<'_> {
    /// What counts as now at the latest.
    pub(super) fn latest(self) -> Instant {
        self.instant.saturating_add(AHEAD_SECONDS)
    }

    /// The instant that is meant by a value that stands in DateTimeStart now; `None`: it is no date and time.
    pub(super) fn reading(self, value: &str) -> Option<Instant> {
        let (earlier, later) = self.zone.instants(value)?;
        Some(if later <= self.latest() { later } else { earlier })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn judge(zone: &TimeZone, seen: (&str, &str), found: &str, now: &str) -> Move {
        let instant = |utc: &str| chrono::DateTime::parse_from_rfc3339(utc).unwrap().timestamp();
        Move::judge(seen.0, instant(seen.1), found, Now { instant: instant(now), zone })
    }

    #[test]
    fn w7_a_value_found_is_judged_by_the_value_last_seen_and_by_now() {
        let zone = TimeZone::UTC;
        let instant = |text| zone.instant(text).unwrap();
        let judged = |seen, found| judge(&zone, (seen, "2026-11-23T12:00:00Z"), found, "2026-11-23T12:00:00Z");
        let seen = "2026-11-23 11:59:50";
        assert_eq!(judged(seen, seen), Move::None);
        assert_eq!(judged(seen, "2026-11-23 11:59:49"), Move::Back(instant("2026-11-23 11:59:49")));
        assert_eq!(judged(seen, "2026-11-23 11:59:55"), Move::Forward);
        assert_eq!(judged(seen, "2026-11-23 12:00:00"), Move::Forward);
        assert_eq!(judged(seen, "2026-11-23 12:00:03"), Move::Forward, "its clock is a little ahead");
        assert_eq!(judged(seen, "2026-11-23 12:01:00"), Move::Future(instant("2026-11-23 12:01:00")));
        // A pause that is shortened is still a pause; one that is ended from now on is no wish to have all again.
        assert_eq!(judged("2026-12-24 00:00:00", "2026-12-01 00:00:00"), Move::Future(instant("2026-12-01 00:00:00")));
        assert_eq!(judged("2026-12-24 00:00:00", "2026-11-23 11:59:58"), Move::Forward);
        assert_eq!(judged("2026-12-24 00:00:00", "2026-11-01 00:00:00"), Move::Back(instant("2026-11-01 00:00:00")));
        // Zero dates mean everything.
        assert_eq!(judged(seen, "0000-00-00 00:00:00"), Move::Back(0));
        assert!(matches!(judged(seen, "0001-01-01 00:00:00"), Move::Back(since) if since < 0));
        assert_eq!(judged(seen, "2026-00-00 00:00:00"), Move::Unreadable);
        assert_eq!(judged("2026-00-00 00:00:00", seen), Move::Back(instant(seen)));
    }

    #[test]
    fn w7_in_the_hour_that_comes_twice_a_sender_that_goes_on_is_no_move_back() {
        // In New York clocks go back from 02:00 to 01:00 at 06:00 UTC.
        let zone = TimeZone::named("America/New_York").unwrap();
        let last = ("2026-11-01 01:59:58", "2026-11-01T05:59:59Z");
        assert_eq!(judge(&zone, last, "2026-11-01 01:00:03", "2026-11-01T06:00:04Z"), Move::Forward);
        assert_eq!(judge(&zone, last, "2026-11-01 01:59:59", "2026-11-01T06:20:00Z"), Move::Forward, "read late");
        // Somebody who wants the last quarter of an hour again, in the second of the two hours, gets it and the hour
        // before.
        let seen = ("2026-11-01 01:44:58", "2026-11-01T06:45:00Z");
        let wanted = judge(&zone, seen, "2026-11-01 01:30:00", "2026-11-01T06:45:02Z");
        assert_eq!(wanted, Move::Back(zone.instant("2026-11-01 01:30:00").unwrap()));
        // 01:50 has been before, so it is no pause.
        let seen = ("2026-11-01 01:09:58", "2026-11-01T06:10:00Z");
        assert!(matches!(judge(&zone, seen, "2026-11-01 01:50:00", "2026-11-01T06:10:02Z"), Move::Back(_)));
    }

    #[test]
    fn w7_in_the_hour_that_is_left_out_nothing_moves_back() {
        let zone = TimeZone::named("America/New_York").unwrap();
        let last = ("2026-03-08 01:59:58", "2026-03-08T06:59:59Z");
        assert_eq!(judge(&zone, last, "2026-03-08 03:00:01", "2026-03-08T07:00:02Z"), Move::Forward);
        assert_eq!(judge(&zone, last, "2026-03-08 02:30:00", "2026-03-08T07:00:02Z"), Move::Forward);
    }

    #[test]
    fn w7_a_sender_that_follows_a_clock_that_was_set_back_does_not_move_back() {
        let zone = TimeZone::UTC;
        let last = ("2026-11-24 12:00:00", "2026-11-24T12:00:01Z");
        assert_eq!(judge(&zone, last, "2026-11-23 12:00:10", "2026-11-23T12:00:12Z"), Move::Forward);
        assert!(matches!(judge(&zone, last, "2026-11-23 09:00:00", "2026-11-23T12:00:12Z"), Move::Back(_)));
    }
}
