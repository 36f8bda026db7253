//! TIME, DATETIME and TIMESTAMP of servers before MySQL 5.6.4 and MariaDB 10.1.
//!
//! Without a fraction they are numbers with the lowest byte first. MariaDB 5.3 brought fractions, in a form of its own
//! with the highest byte first (MariaDB source, `Field_time_hires` and its kin): TIME and DATETIME count units of the
//! fraction's last digit.

use super::temporal::{Clock, Date, Instant, big_endian, little_endian};

/// What MariaDB adds to a TIME with a fraction, in seconds, so that none is negative: one more than 838:59:59.
const TIME_ZERO: i64 = 839 * 3600;

/// Bytes of a TIME.
pub(super) fn time_size(fraction: u8) -> u16 {
    match fraction {
        0 => 3,
        1 | 2 => 4,
        3..=5 => 5,
        _ => 6,
    }
}

/// Bytes of a DATETIME.
pub(super) fn date_time_size(fraction: u8) -> u16 {
    match fraction {
        0 => 8,
        1 | 2 => 6,
        3..=5 => 7,
        _ => 8,
    }
}

/// TIME: a signed decimal number that reads hhmmss, or time since [`TIME_ZERO`] before midnight.
pub(super) fn time(bytes: &[u8], fraction: u8) -> Option<(bool, Clock)> {
    if fraction == 0 {
        let raw = (little_endian(bytes) as i64) << 40 >> 40;
        return Some((raw < 0, decimal_clock(raw.unsigned_abs())?));
    }
    let units = units(fraction)?;
    let raw = i64::try_from(big_endian(bytes)).ok()? - TIME_ZERO * i64::try_from(units).ok()?;
    let (seconds, micros) = split(raw.unsigned_abs(), units);
    Some((raw < 0, Clock::new(seconds / 3600, seconds / 60 % 60, seconds % 60, micros)?))
}

/// DATETIME: a decimal number that reads YYYYMMDDhhmmss, or seconds in years of 13 months of 32 days.
pub(super) fn date_time(bytes: &[u8], fraction: u8) -> Option<(Date, Clock)> {
    if fraction == 0 {
        let raw = little_endian(bytes);
        let day = raw / 1_000_000;
        return Some((Date::new(day / 10_000, day / 100 % 100, day % 100)?, decimal_clock(raw % 1_000_000)?));
    }
    let (seconds, micros) = split(big_endian(bytes), units(fraction)?);
    let days = seconds / 86_400;
    let date = Date::new(days / (13 * 32), days / 32 % 13, days % 32)?;
    Some((date, Clock::new(seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, micros)?))
}

/// TIMESTAMP: seconds, with a fraction followed by it.
pub(super) fn timestamp(bytes: &[u8], fraction: u8) -> Option<Instant> {
    let (whole, behind) = bytes.split_at_checked(4)?;
    if fraction == 0 {
        return Some(Instant { seconds: little_endian(whole) as u32, micros: 0 });
    }
    let (more, micros) = split(big_endian(behind), units(fraction)?);
    (more == 0).then_some(Instant { seconds: big_endian(whole) as u32, micros: micros as u32 })
}

fn decimal_clock(raw: u64) -> Option<Clock> {
    Clock::new(raw / 10_000, raw / 100 % 100, raw % 100, 0)
}

/// Units of a fraction's last digit in a second.
fn units(fraction: u8) -> Option<u64> {
    (fraction <= 6).then(|| 10u64.pow(fraction.into()))
}

/// Seconds and microseconds.
fn split(raw: u64, units: u64) -> (u64, u64) {
    (raw / units, raw % units * (1_000_000 / units))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_bytes_are_a_time_or_none() {
        proptest!(|(bytes: [u8; 8], fraction in 0..=6u8)| {
            let size = |size: u16| bytes.get(..usize::from(size)).unwrap_or_default();
            if let Some((_, clock)) = time(size(time_size(fraction)), fraction) {
                prop_assert!(clock.hours <= 838 && clock.micros % 10u32.pow(6 - u32::from(fraction)) == 0);
            }
            if let Some((date, clock)) = date_time(size(date_time_size(fraction)), fraction) {
                prop_assert!(date.month <= 12 && clock.micros <= 999_999);
            }
            if let Some(instant) = timestamp(size(4 + u16::from(fraction.div_ceil(2))), fraction) {
                prop_assert!(instant.micros <= 999_999);
            }
        });
    }
}
