//! The office's time zone: which offset its clock has, and when it changes.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone as _, Utc};

/// Where the survey of a zone begins and ends, in seconds since 1970: the years that every server's FROM_UNIXTIME()
/// knows (to MariaDB 11, not 0). Before and after, the first and the last offset hold.
const SURVEY: std::ops::RangeInclusive<i64> = 1..=2_145_916_799;

/// Seconds between two samples of the survey. A zone that changes twice in between is not seen right; none does.
const SAMPLE_EVERY: i64 = 10 * 86_400;

/// A time zone as a list of its changes.
///
/// Made by asking the server or from the time zone database, never from `system_time_zone`, which may be an
/// abbreviation or a Windows name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    first_offset: i32,
    /// In the order of their instants.
    changes: Vec<OffsetChange>,
}

/// From an instant on, an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetChange {
    /// Seconds since 1970 in UTC.
    at: i64,
    /// Seconds east of UTC.
    offset: i32,
}

impl TimeZone {
    /// A zone whose clock never changes, `offset` seconds east of UTC.
    pub const fn fixed(offset: i32) -> Self {
        Self { first_offset: offset, changes: Vec::new() }
    }

    /// UTC.
    pub const UTC: Self = Self::fixed(0);

    /// The zone called `name` in the IANA time zone database (`America/New_York`), if there is one.
    pub fn named(name: &str) -> Option<Self> {
        let zone: chrono_tz::Tz = name.trim().parse().ok()?;
        let mut survey = Survey::new();
        loop {
            let questions = survey.questions();
            if questions.is_empty() {
                return Some(survey.finish());
            }
            let answers = questions.iter().map(|at| {
                let at = DateTime::from_timestamp(*at, 0).unwrap_or_default();
                zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            });
            let answers: Vec<i32> = answers.collect();
            survey.answer(&answers);
        }
    }

    /// Seconds east of UTC at an instant, in seconds since 1970.
    pub fn offset_at(&self, utc_seconds: i64) -> i32 {
        let later = self.changes.partition_point(|change| change.at <= utc_seconds);
        later.checked_sub(1).and_then(|index| self.changes.get(index)).map_or(self.first_offset, |change| change.offset)
    }

    /// The next change of the office's clock after an instant, and the offset from then on, both in seconds.
    pub fn next_change(&self, utc_seconds: i64) -> Option<(i64, i32)> {
        let next = self.changes.partition_point(|change| change.at <= utc_seconds);
        self.changes.get(next).map(|change| (change.at, change.offset))
    }

    /// What the office's clock shows at an instant, both in seconds: since 1970 in UTC, and since 1970-01-01 00:00:00
    /// on that clock.
    pub fn local_seconds(&self, utc_seconds: i64) -> i64 {
        utc_seconds.saturating_add(i64::from(self.offset_at(utc_seconds)))
    }

    /// The instant at which the office's clock shows `local_seconds` since 1970-01-01 00:00:00. An hour that is shown
    /// twice: the earlier instant. An hour that is left out: the instant of the change.
    pub fn utc_seconds(&self, local_seconds: i64) -> i64 {
        let mut offset = self.first_offset;
        for change in &self.changes {
            let shown = local_seconds.saturating_sub(i64::from(offset));
            if shown < change.at {
                return shown;
            }
            if local_seconds < change.at.saturating_add(i64::from(change.offset)) {
                return change.at;
            }
            offset = change.offset;
        }
        local_seconds.saturating_sub(i64::from(offset))
    }

    /// As [`TimeZone::utc_seconds`], but of an hour that is shown twice the later instant.
    fn later_utc_seconds(&self, local_seconds: i64) -> i64 {
        let earlier = self.utc_seconds(local_seconds);
        let next = self.changes.partition_point(|change| change.at <= earlier);
        let Some(change) = self.changes.get(next) else { return earlier };
        let later = local_seconds.saturating_sub(i64::from(change.offset));
        if later >= change.at { later } else { earlier }
    }

    /// What the office's clock shows at an instant in seconds since 1970, as `YYYY-MM-DD HH:MM:SS`.
    pub fn local_text(&self, utc_seconds: i64) -> String {
        let local = DateTime::from_timestamp(self.local_seconds(utc_seconds), 0).unwrap_or_default();
        local.format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The instant, in seconds since 1970, at which the office's clock shows `text`; `None` if that is no date and
    /// time. A zero date counts as 1970.
    pub fn instant(&self, text: &str) -> Option<i64> {
        self.instants(text).map(|(earlier, _)| earlier)
    }

    /// As [`TimeZone::instant`]: the earlier and the later of the two, which differ in an hour that is shown twice.
    pub fn instants(&self, text: &str) -> Option<(i64, i64)> {
        if text.starts_with("0000-00-00") {
            return Some((0, 0));
        }
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        let local = local.and_utc().timestamp();
        Some((self.utc_seconds(local), self.later_utc_seconds(local)))
    }

    /// What the office's clock shows at `instant`.
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let offset = chrono::TimeDelta::seconds(i64::from(self.offset_at(instant.timestamp())));
        instant.naive_utc().checked_add_signed(offset).unwrap_or_else(|| instant.naive_utc())
    }

    /// The instant at which the office's clock shows `local`; see [`TimeZone::utc_seconds`].
    pub fn utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let shown = local.and_utc();
        let seconds = self.utc_seconds(shown.timestamp());
        // In an hour that is left out, the fraction belongs to no instant.
        let nanos = if self.local_seconds(seconds) == shown.timestamp() { shown.timestamp_subsec_nanos() } else { 0 };
        DateTime::from_timestamp(seconds, nanos).unwrap_or(shown)
    }
}

/// Finds a zone's changes by asking for its offset at instants of our choice.
pub(super) struct Survey {
    /// Instant and offset, ascending; between neighbours with equal offsets lies no change.
    samples: Vec<(i64, i32)>,
    asked: Vec<i64>,
    started: bool,
}

impl Survey {
    pub(super) fn new() -> Self {
        Self { samples: Vec::new(), asked: Vec::new(), started: false }
    }

    /// The instants, ascending, whose offsets [`Survey::answer`] must be given next; none when all is known.
    pub(super) fn questions(&mut self) -> Vec<i64> {
        if !self.started {
            self.started = true;
            let days = (*SURVEY.end() - *SURVEY.start()) / SAMPLE_EVERY;
            self.asked = (0..=days).map(|count| *SURVEY.start() + count * SAMPLE_EVERY).collect();
            self.asked.push(*SURVEY.end());
        } else {
            let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
            let wide = pairs.filter(|((from, before), (to, after))| before != after && to - from > 1);
            self.asked = wide.map(|((from, _), (to, _))| from + (to - from) / 2).collect();
        }
        self.asked.clone()
    }

    /// Takes the offsets at the instants last asked for, in their order.
    pub(super) fn answer(&mut self, offsets: &[i32]) {
        self.samples.extend(self.asked.drain(..).zip(offsets.iter().copied()));
        self.samples.sort_unstable();
        // Between neighbours with equal offsets nothing is asked any more, so inner ones can go.
        let mut kept: Vec<(i64, i32)> = Vec::with_capacity(self.samples.len());
        for sample in self.samples.drain(..) {
            if let [.., (_, before), (last_at, last)] = kept.as_mut_slice()
                && *before == *last
                && *last == sample.1
            {
                *last_at = sample.0;
            } else {
                kept.push(sample);
            }
        }
        self.samples = kept;
    }

    /// The zone, once there are no more questions.
    pub(super) fn finish(self) -> TimeZone {
        let first_offset = self.samples.first().map_or(0, |(_, offset)| *offset);
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let changes = pairs.filter(|((_, before), (_, after))| before != after);
        let changes = changes.map(|(_, (at, offset))| OffsetChange { at: *at, offset: *offset }).collect();
        TimeZone { first_offset, changes }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn shown(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn w2_an_hour_shown_twice_means_the_earlier_instant() {
        let zone = TimeZone::named("America/New_York").unwrap();
        assert_eq!(zone.utc(shown("2026-11-01 01:30:00")), instant("2026-11-01T05:30:00Z"));
        assert_eq!(zone.utc(shown("2026-11-01 00:59:59")), instant("2026-11-01T04:59:59Z"));
        assert_eq!(zone.utc(shown("2026-11-01 02:00:00")), instant("2026-11-01T07:00:00Z"));
        assert_eq!(zone.local(instant("2026-11-01T05:30:00Z")), shown("2026-11-01 01:30:00"));
        assert_eq!(zone.local(instant("2026-11-01T06:30:00Z")), shown("2026-11-01 01:30:00"));
    }

    #[test]
    fn w2_an_hour_left_out_means_the_instant_of_the_change() {
        let zone = TimeZone::named("America/New_York").unwrap();
        assert_eq!(zone.utc(shown("2026-03-08 02:30:00")), instant("2026-03-08T07:00:00Z"));
        assert_eq!(zone.utc(shown("2026-03-08 01:59:59")), instant("2026-03-08T06:59:59Z"));
        assert_eq!(zone.utc(shown("2026-03-08 03:00:00")), instant("2026-03-08T07:00:00Z"));
        assert_eq!(zone.local(instant("2026-03-08T07:00:00Z")), shown("2026-03-08 03:00:00"));
    }

    #[test]
    fn a_fixed_zone_has_one_offset() {
        let zone = TimeZone::fixed(-3600);
        assert_eq!(zone.utc(shown("0001-01-01 00:00:00")), instant("0001-01-01T01:00:00Z"));
        assert_eq!(TimeZone::UTC.local_seconds(7), 7);
        assert_eq!(TimeZone::named("Mars/Olympus"), None);
    }

    proptest! {
        // The time zone database is the oracle; Lord Howe changes by half an hour, Casablanca around Ramadan.
        #[test]
        fn agrees_with_the_time_zone_database(
            name in prop::sample::select(vec![
                "America/New_York", "America/Phoenix", "America/St_Johns", "Australia/Lord_Howe", "Europe/London",
                "Africa/Casablanca", "Pacific/Apia",
            ]),
            at in 1_i64..2_145_916_799,
            beside_a_change in -7200_i64..7200,
            of_them in any::<proptest::sample::Index>(),
            choose in any::<bool>(),
        ) {
            let zone = TimeZone::named(name).unwrap();
            let oracle: chrono_tz::Tz = name.parse().unwrap();
            let at = match zone.changes.as_slice() {
                changes @ [_, ..] if choose => of_them.get(changes).at + beside_a_change,
                _ => at,
            };
            let instant = DateTime::from_timestamp(at, 0).unwrap();
            let local = instant.with_timezone(&oracle).naive_local();
            prop_assert_eq!(zone.local(instant), local);
            let shown = oracle.from_local_datetime(&local);
            let (earliest, latest) = (shown.earliest().unwrap(), shown.latest().unwrap());
            prop_assert_eq!(zone.utc(local), earliest.to_utc());
            prop_assert_eq!(zone.later_utc_seconds(local.and_utc().timestamp()), latest.timestamp());
        }
    }
}
