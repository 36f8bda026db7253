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
