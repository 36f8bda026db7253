//! `--to TIME`: from where a subscription is to go on.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::source::TimeZone;

/// A moment, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Whenever it is done.
    Now,
    /// On the server's clock.
    Local(NaiveDateTime),
    /// Anywhere; seconds since 1970 UTC.
    Instant(i64),
}

/// It is no time.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "must be \"now\", a local time of the server such as \"2026-11-25\" or \"2026-11-25 08:00:00\", or a time with an \
     offset such as \"2026-11-25T08:00:00-05:00\", from the year 1970 up to now"
)]
pub(in crate::cli) struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Now);
        }
        let local = |form| NaiveDateTime::parse_from_str(text, form).ok();
        let midnight = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        let local = local("%Y-%m-%d %H:%M:%S").or_else(|| local("%Y-%m-%dT%H:%M:%S")).or_else(midnight);
        let target = match local {
            Some(local) => Self::Local(local),
            None => Self::Instant(DateTime::parse_from_rfc3339(text).map_err(|_| TargetError)?.timestamp()),
        };
        let seconds = match target {
            Self::Local(local) => local.and_utc().timestamp(),
            Self::Instant(instant) => instant,
            Self::Now => return Ok(target),
        };
        // 1970-01-01, in any zone, to the last day that the server's columns hold.
        if (-86_400..=253_402_214_400).contains(&seconds) { Ok(target) } else { Err(TargetError) }
    }
}

impl Target {
    /// The instant, in seconds since 1970 UTC. A local time that comes twice in autumn means its first time.
    pub(super) fn instant(self, zone: &TimeZone, now: i64) -> i64 {
        match self {
            Self::Now => now,
            Self::Local(local) => zone.utc_seconds(local.and_utc().timestamp()),
            Self::Instant(instant) => instant,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_unless_they_have_an_offset() {
        let zone = TimeZone::named("America/New_York").unwrap();
        let at = |text: &str| text.parse::<Target>().map(|target| zone.local_text(target.instant(&zone, 86_400 * 365)));
        for (text, expected) in [
            ("2026-11-25", "2026-11-25 00:00:00"),
            ("2026-11-25 08:00:00", "2026-11-25 08:00:00"),
            ("2026-11-25T08:00:00", "2026-11-25 08:00:00"),
            ("2026-11-25T08:00:00Z", "2026-11-25 03:00:00"),
            ("2026-11-25T08:00:00.5-05:00", "2026-11-25 08:00:00"),
            (" NOW ", "1970-12-31 19:00:00"),
        ] {
            assert_eq!(at(text).unwrap(), expected, "{text}");
        }
        let twice: Target = "2026-11-01 01:30:00".parse().unwrap();
        assert_eq!(
            DateTime::from_timestamp(twice.instant(&zone, 0), 0).unwrap().to_rfc3339(),
            "2026-11-01T05:30:00+00:00"
        );
        for wrong in ["", "yesterday", "2026-02-30", "2026-11-25 25:00:00", "0001-01-01", "1960-01-01T00:00:00Z", "5"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
