//! Lengths of time, as people write them: `90s`, `15m`, `36h`, `3d`.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

const DAY: u64 = 24 * 60 * 60;

/// What `delivery.max_catch_up` may be, in seconds.
const MAX_CATCH_UP: RangeInclusive<u64> = 60..=36_500 * DAY;

/// What `delivery.catch_up_overlap` may be, in seconds.
const CATCH_UP_OVERLAP: RangeInclusive<u64> = 0..=7 * DAY;

/// What `source.audit` may be, in seconds.
const AUDIT: RangeInclusive<u64> = 60..=366 * DAY;

/// What turns something off.
const OFF: &str = "off";

pub(super) fn audit(text: &str) -> Result<(), String> {
    if text == OFF { Ok(()) } else { within(text, AUDIT, " from 1m to 366d, or \"off\"") }
}

pub(super) fn max_catch_up(text: &str) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { within(text, MAX_CATCH_UP, " from 1m to 36500d, or \"\" for no limit") }
}

pub(super) fn catch_up_overlap(text: &str) -> Result<(), String> {
    within(text, CATCH_UP_OVERLAP, " from 0s to 7d")
}

/// A time, for serde.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("no length of time"))
}

/// A time, or none where the text is `off`, for serde.
pub(super) fn read_unless_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == OFF {
        return Ok(None);
    }
    parse(&text).map(Some).ok_or_else(|| D::Error::custom("no length of time"))
}

/// A time, or none where the text is empty, for serde.
pub(super) fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    parse(&text).map(Some).ok_or_else(|| D::Error::custom("no length of time"))
}

fn within(text: &str, allowed: RangeInclusive<u64>, words: &str) -> Result<(), String> {
    match parse(text) {
        Some(time) if allowed.contains(&time.as_secs()) => Ok(()),
        _ => Err(format!("must be a length of time such as \"90s\", \"15m\", \"36h\" or \"3d\"{words}")),
    }
}

/// A whole number and its unit.
fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => DAY,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("36h", 129_600), ("3d", 259_200), (" 0 s ", 0)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "3", "d", "3 days", "-3d", "1.5h", "3dd", "99999999999999999999s", "9999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        assert!(max_catch_up("").is_ok() && max_catch_up("3d").is_ok() && max_catch_up("30s").is_err());
        assert!(audit("off").is_ok() && audit("1d").is_ok() && audit("59s").is_err() && audit("").is_err());
        assert!(catch_up_overlap("0s").is_ok() && catch_up_overlap("8d").is_err() && catch_up_overlap("").is_err());
    }
}
