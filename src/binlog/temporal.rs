//! Dates and times, which fit no calendar type: 0000-00-00, 2024-02-00 and -838:59:59 are all values.

/// A DATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A time of day, or of a DATETIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// Up to 838 in a TIME, to 23 in a DATETIME.
    pub hours: u16,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// Microseconds.
    pub micros: u32,
}

/// A TIMESTAMP: an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Seconds since 1970 in UTC; 0 with no microseconds stands for 0000-00-00 00:00:00.
    pub seconds: u32,
    /// Microseconds.
    pub micros: u32,
}

/// The zone in which TIMESTAMPs are shown.
pub trait LocalTime {
    /// The local wall clock at an instant, both in seconds since 1970 (the wall clock counted as if it were UTC).
    fn local(&self, utc_seconds: i64) -> i64;
}

/// Coordinated universal time.
#[derive(Clone, Copy, Debug)]
pub struct Utc;

impl LocalTime for Utc {
    fn local(&self, utc_seconds: i64) -> i64 {
        utc_seconds
    }
}

impl Date {
    pub(super) fn new(year: u64, month: u64, day: u64) -> Option<Self> {
        if year > 9999 || month > 12 || day > 31 {
            return None;
        }
        Some(Self { year: year as u16, month: month as u8, day: day as u8 })
    }

    pub(super) fn write(&self, out: &mut String) {
        let [a, b] = digits(u32::from(self.year) / 100);
        let [c, d] = digits(u32::from(self.year) % 100);
        let ([e, f], [g, h]) = (digits(u32::from(self.month)), digits(u32::from(self.day)));
        push_ascii(out, &[a, b, c, d, b'-', e, f, b'-', g, h]);
    }
}

impl Clock {
    pub(super) fn new(hours: u64, minutes: u64, seconds: u64, micros: u64) -> Option<Self> {
        if hours > 838 || minutes > 59 || seconds > 59 || micros > 999_999 {
            return None;
        }
        Some(Self { hours: hours as u16, minutes: minutes as u8, seconds: seconds as u8, micros: micros as u32 })
    }

    pub(super) fn write(&self, fraction: u8, out: &mut String) {
        if self.hours >= 100 {
            out.push(char::from(b'0' + (self.hours / 100 % 10) as u8));
        }
        let [a, b] = digits(u32::from(self.hours) % 100);
        let ([c, d], [e, f]) = (digits(u32::from(self.minutes)), digits(u32::from(self.seconds)));
        push_ascii(out, &[a, b, b':', c, d, b':', e, f]);
        push_fraction(out, self.micros, fraction);
    }
}

impl Instant {
    pub(super) fn write(&self, fraction: u8, zone: &dyn LocalTime, out: &mut String) {
        if self.seconds == 0 && self.micros == 0 {
            out.push_str("0000-00-00 00:00:00");
            return push_fraction(out, 0, fraction);
        }
        let local = zone.local(i64::from(self.seconds));
        let (date, seconds) = civil(local);
        date.write(out);
        out.push(' ');
        let clock = Clock {
            hours: (seconds / 3600) as u16,
            minutes: (seconds / 60 % 60) as u8,
            seconds: (seconds % 60) as u8,
            micros: self.micros,
        };
        clock.write(fraction, out);
    }
}

/// The calendar day of an instant, and the seconds since its midnight. For the years 0 to 9999.
fn civil(seconds: i64) -> (Date, u32) {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let day = chrono::DateTime::from_timestamp(days * 86_400, 0).map(|instant| instant.date_naive());
    let date = day.map_or(Date { year: 0, month: 0, day: 0 }, |day| {
        use chrono::Datelike;
        Date { year: day.year() as u16, month: day.month() as u8, day: day.day() as u8 }
    });
    (date, of_day)
}

fn push_fraction(out: &mut String, micros: u32, length: u8) {
    if length > 0 {
        out.push('.');
        let ([a, b], [c, d]) = (digits(micros / 10_000), digits(micros / 100 % 100));
        let [e, f] = digits(micros % 100);
        push_ascii(out, [a, b, c, d, e, f].get(..usize::from(length)).unwrap_or(&[a, b, c, d, e, f]));
    }
}

/// Two digits, of a value below a hundred.
fn digits(value: u32) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

fn push_ascii(out: &mut String, text: &[u8]) {
    // It is ASCII, and so UTF-8.
    out.push_str(std::str::from_utf8(text).unwrap_or_default());
}

/// The fraction behind a value: half as many bytes as digits, the highest first.
fn micros(bytes: &[u8]) -> u64 {
    let scale = match bytes.len() {
        1 => 10_000,
        2 => 100,
        _ => 1,
    };
    big_endian(bytes) * scale
}

pub(super) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(super) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// DATE: day in 5 bits, month in 4, then the year.
pub(super) fn date(bytes: &[u8]) -> Option<Date> {
    let raw = little_endian(bytes);
    Date::new(raw >> 9, raw >> 5 & 15, raw & 31)
}

/// DATETIME: 13 months a year, a turned sign bit, then hour, minute and second in bits.
pub(super) fn date_time(bytes: &[u8]) -> Option<(Date, Clock)> {
    let (whole, fraction) = bytes.split_at_checked(5)?;
    let raw = big_endian(whole).checked_sub(1 << 39)?;
    let (day, clock) = (raw >> 17, raw & 0x1_ffff);
    let months = day >> 5;
    let date = Date::new(months / 13, months % 13, day & 31)?;
    Some((date, Clock::new(clock >> 12, clock >> 6 & 63, clock & 63, micros(fraction))?))
}

/// TIME: one big number around a turned sign bit, the fraction part of it.
pub(super) fn time(bytes: &[u8]) -> Option<(bool, Clock)> {
    let fraction_bytes = bytes.len().checked_sub(3)?;
    let offset = 0x80_0000_i64 << (8 * fraction_bytes);
    let raw = big_endian(bytes) as i64 - offset;
    let absolute = raw.unsigned_abs();
    let whole = absolute >> (8 * fraction_bytes);
    let fraction = absolute & ((1 << (8 * fraction_bytes)) - 1);
    let scale = match fraction_bytes {
        1 => 10_000,
        2 => 100,
        _ => 1,
    };
    Some((raw < 0, Clock::new(whole >> 12, whole >> 6 & 63, whole & 63, fraction * scale)?))
}

/// TIMESTAMP: seconds, then the fraction.
pub(super) fn timestamp(bytes: &[u8]) -> Option<Instant> {
    let (whole, fraction) = bytes.split_at_checked(4)?;
    let micros = micros(fraction);
    (micros <= 999_999).then_some(Instant { seconds: big_endian(whole) as u32, micros: micros as u32 })
}
