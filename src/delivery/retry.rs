//! When a failed event is tried again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The pause after the first failure, before jitter.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A `Retry-After` beyond this is taken as this, so that a mistaken header cannot silence a subscription for days.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The pause before the next attempt, after `failures` failed ones in a row (0 counts as 1).
///
/// It doubles from one second up to `max` (`delivery.retry_max_seconds`); half of it is fixed, the other half is
/// scaled by `random` (0 to 1), so that endpoints that failed together are not tried together. A `retry_after` beyond
/// that is honoured, up to an hour and also beyond `max`, plus up to a tenth of it by `random`.
pub fn retry_pause(failures: u32, retry_after: Option<Duration>, max: Duration, random: f64) -> Duration {
    let random = if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) };
    let doublings = failures.saturating_sub(1).min(31);
    let full = FIRST_PAUSE.saturating_mul(1 << doublings).min(max);
    let own = full / 2 + (full / 2).mul_f64(random);
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    own.max(asked + (asked / 10).mul_f64(random))
}

/// What the `Retry-After` header asks for: seconds, or the distance of a date from `now` (RFC 9110, section 10.2.3).
/// A date that is past asks for nothing; a header of another form is as none.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only too many digits fail here: a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTime::<Utc>::from(httpdate::parse_http_date(text).ok()?);
    Some((date - now).to_std().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: Duration = Duration::from_secs(60);

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, DateTime::from_timestamp(784_111_700, 0).unwrap())
    }

    #[test]
    fn d2_pauses_double_up_to_the_configured_longest() {
        let longest = |failures| retry_pause(failures, None, MAX, 1.0).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, u32::MAX].map(longest), [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(retry_pause(3, None, MAX, 0.0), Duration::from_secs(2));
        assert_eq!(retry_pause(1, None, Duration::from_secs(1), 0.0), Duration::from_millis(500));
    }

    #[test]
    fn d2_retry_after_is_honoured_beyond_the_longest_pause_but_not_for_ever() {
        let pause = |seconds| retry_pause(1, Some(Duration::from_secs(seconds)), MAX, 0.0).as_secs();
        assert_eq!([120, 3600, 3601, u64::MAX].map(pause), [120, 3600, 3600, 3600]);
        assert_eq!(retry_pause(7, Some(Duration::from_secs(5)), MAX, 1.0), MAX, "the own pause is longer");
    }

    #[test]
    fn d2_reads_both_forms_of_retry_after() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("0"), Some(Duration::ZERO));
        assert_eq!(asked("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        // The example of RFC 9110, 5.6.7, in its three forms: second 784111777.
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(asked(date), Some(Duration::from_secs(77)), "{date}");
        }
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "past");
        for none in ["", "-1", "1.5", "soon", "+3"] {
            assert_eq!(asked(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn d2_no_pause_is_below_what_was_asked_or_beyond_its_limits(
            failures: u32, asked in proptest::option::of(0u64..10_000), max in 1u64..86_400, random: f64,
        ) {
            let (asked, max) = (asked.map(Duration::from_secs), Duration::from_secs(max));
            let pause = retry_pause(failures, asked, max, random);
            let honoured = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER);
            prop_assert!(pause >= honoured);
            prop_assert!(pause >= FIRST_PAUSE.min(max) / 2);
            prop_assert!(pause <= max.max(honoured + honoured / 10));
        }
    }
}
