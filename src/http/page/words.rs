//! Times, counts and sizes as people say them.

use chrono::{DateTime, FixedOffset, Local, TimeDelta, Utc};
use maud::{Markup, html};

use crate::status::Status;

/// How long something took or is ago: the largest unit that there is at least one of, rounded down.
pub(super) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (count, unit) = match seconds {
        0 => return "less than a second".to_owned(),
        1..=59 => (seconds, "second"),
        60..=3_599 => (seconds / 60, "minute"),
        3_600..=86_399 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(count.unsigned_abs(), unit)
}

/// "1 row", "2 rows", "1,000 rows".
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

/// With a comma between thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in the largest unit that there is at least one of.
pub(super) fn bytes(bytes: u64) -> String {
    let mut unit = 1_000;
    for name in ["kB", "MB", "GB"] {
        if bytes < unit * 1_000 || name == "GB" {
            return match bytes {
                0..1_000 => counted(bytes, "byte"),
                _ => format!("{}.{} {name}", number(bytes / unit), bytes % unit * 10 / unit),
            };
        }
        unit *= 1_000;
    }
    counted(bytes, "byte")
}

/// Milliseconds, beyond a second as seconds.
pub(super) fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} s", number(millis / 1_000)),
    }
}

/// The present in the practice's local time, by which all times are shown; in this machine's until that is known.
pub(super) fn by_practice(now: DateTime<Utc>, status: &Status) -> DateTime<FixedOffset> {
    let offset = status.server.as_ref().and_then(|server| server.utc_offset).and_then(FixedOffset::east_opt);
    offset.map_or_else(|| now.with_timezone(&Local).fixed_offset(), |offset| now.with_timezone(&offset))
}

/// A moment in the local time of `now`: the time alone if it lies within a day before or after.
pub(super) fn moment(at: DateTime<Utc>, now: DateTime<FixedOffset>) -> Markup {
    let local = at.with_timezone(now.offset());
    let format = if at.signed_duration_since(now).abs() < TimeDelta::hours(20) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    html! {
        time datetime=(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)) title=(local.format("%Y-%m-%d %H:%M:%S %:z")) {
            (local.format(format))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn spans_and_counts_read_as_they_are_said() {
        for (seconds, said) in [
            (-5, "less than a second"),
            (0, "less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (7_199, "1 hour"),
            (86_400 * 3, "3 days"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), said);
        }
        for (count, said) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), said);
        }
        assert_eq!([counted(1, "row"), counted(2, "row")], ["1 row", "2 rows"]);
    }

    #[test]
    fn moments_are_shown_in_the_practices_time() {
        let mut status = sample::status();
        if let Some(server) = &mut status.server {
            server.utc_offset = Some(-5 * 3600);
        }
        let now = by_practice(sample::now(), &status);
        let shown = |at| moment(at, now).into_string();
        assert!(shown(sample::now()).ends_with(">17:13:20</time>"), "{}", shown(sample::now()));
        assert!(shown(sample::now() - TimeDelta::days(2)).ends_with(">2023-11-12 17:13</time>"));
        assert!(shown(sample::now()).contains(r#"datetime="2023-11-14T22:13:20Z""#));
    }

    #[test]
    fn sizes_and_durations_have_the_unit_that_fits() {
        for (count, said) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_990, "1.9 kB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (2_500_000_000, "2.5 GB"),
            (u64::MAX, "18,446,744,073.7 GB"),
        ] {
            assert_eq!(bytes(count), said);
        }
        assert_eq!([millis(7), millis(1_240), millis(60_000)], ["7 ms", "1.2 s", "60 s"]);
    }
}
