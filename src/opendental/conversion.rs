//! From a column's value to JSON, by the API's rules. A value gives the same JSON whether it arrives typed, from a
//! row image, or as text, from a SELECT.

use std::borrow::Cow;

use serde::Serialize;

use super::{DefinitionCategory, Lookups, Shown};
use crate::row::Field;

/// How a column's value becomes a JSON value. NULL counts as 0, "" or no date.
#[derive(Clone, Copy, Debug)]
pub(super) enum Conversion {
    /// An integer as a number.
    Number,
    /// An integer as a string.
    NumberString,
    /// Text, with line breaks as spaces.
    Text,
    /// 0 is "false", anything else "true".
    Boolean,
    /// The member's name; the number itself, as a string, if the enum has no such member.
    Enum(&'static [&'static str]),
    /// "yyyy-MM-dd".
    Date,
    /// "yyyy-MM-dd HH:mm:ss".
    DateTime,
    /// "HH:mm:ss".
    Time,
    /// A number with a fraction.
    Money,
    /// "r,g,b" from a signed ARGB integer; alpha is dropped.
    Color,
    /// The name of the definition with this number.
    Definition(DefinitionCategory),
    /// The abbreviation of the provider with this number.
    ProviderAbbr,
    /// The abbreviation of the clinic with this number.
    ClinicAbbr,
    /// The description of the site with this number.
    SiteDescription,
    /// The name of the medication with this number.
    MedicationName,
    /// The operatories of the schedule entry with this number.
    Operatories,
}

/// What a value should have been, for an error message: the value itself is never shown (rule D4).
pub(super) type Expected = &'static str;

const INTEGER: Expected = "an integer";
const MONEY: Expected = "an amount of money";
const TEXT: Expected = "text in UTF-8";
const DATE: Expected = "a date";
const DATE_TIME: Expected = "a date and time";
const TIME: Expected = "a time of day";

/// "No date", as the API shows it.
const NO_DATE: &str = "0001-01-01";
const MIDNIGHT: &str = "00:00:00";

impl Conversion {
    /// Appends the value as JSON. On an error `out` may hold a part of it.
    pub(super) fn write(self, field: &Field<'_>, lookups: &Lookups, out: &mut Vec<u8>) -> Result<(), Expected> {
        match self {
            Self::Number => write_number(integer(field)?, out),
            Self::NumberString => write_number_string(integer(field)?, out),
            Self::Text => write_text(&text(field)?, out),
            Self::Boolean => write(if integer(field)? == 0 { "false" } else { "true" }, out),
            Self::Enum(members) => {
                let number = integer(field)?;
                match usize::try_from(number).ok().and_then(|number| members.get(number)) {
                    Some(member) => write(member, out),
                    None => write_number_string(number, out),
                }
            }
            Self::Date => write(date(&text(field)?)?, out),
            Self::DateTime => write_date_time(&text(field)?, out),
            Self::Time => write(time(&text(field)?)?, out),
            Self::Money => write(&amount(field)?, out),
            Self::Color => write_color(integer(field)?, out),
            Self::Definition(category) => write_text(lookups.definition(category, key(field)?), out),
            Self::ProviderAbbr => write_text(lookups.provider(key(field)?), out),
            Self::ClinicAbbr => write_text(lookups.clinic(key(field)?), out),
            Self::SiteDescription => write_text(lookups.site(key(field)?), out),
            Self::MedicationName => write_text(lookups.medication(key(field)?), out),
            Self::Operatories => write_list(lookups.operatories(key(field)?), out),
        }
    }

    /// What of the lookups it shows.
    pub(super) fn shows(self) -> Option<Shown> {
        match self {
            Self::Definition(category) => Some(Shown::Definition(category)),
            Self::ProviderAbbr => Some(Shown::Provider),
            Self::ClinicAbbr => Some(Shown::Clinic),
            Self::SiteDescription => Some(Shown::Site),
            Self::MedicationName => Some(Shown::Medication),
            Self::Operatories => Some(Shown::Operatories),
            _ => None,
        }
    }
}

/// An integer in a BIGINT's range, signed or unsigned.
fn integer(field: &Field<'_>) -> Result<i128, Expected> {
    match field {
        Field::Absent | Field::Null => Ok(0),
        Field::Int(number) => Ok(i128::from(*number)),
        Field::UInt(number) => Ok(i128::from(*number)),
        Field::Double(_) => Err(INTEGER),
        Field::Text(_) | Field::Bytes(_) => {
            let text = text(field).map_err(|_| INTEGER)?;
            if let Ok(number) = text.parse::<i64>() {
                return Ok(i128::from(number));
            }
            text.parse::<u64>().map(i128::from).map_err(|_| INTEGER)
        }
    }
}

/// A primary key or a reference to one.
pub(super) fn key(field: &Field<'_>) -> Result<i64, Expected> {
    i64::try_from(integer(field)?).map_err(|_| INTEGER)
}

fn amount(field: &Field<'_>) -> Result<f64, Expected> {
    let amount = match field {
        Field::Absent | Field::Null => 0.0,
        Field::Double(amount) => *amount,
        // A column of another numeric type; its text parses to the nearest f64 as well.
        Field::Int(_) | Field::UInt(_) | Field::Text(_) | Field::Bytes(_) => {
            text(field).map_err(|_| MONEY)?.parse().map_err(|_| MONEY)?
        }
    };
    // Adding 0.0 drops the sign of a negative zero, which a SELECT may not show.
    if amount.is_finite() { Ok(amount + 0.0) } else { Err(MONEY) }
}

/// The value's text; NULL is "".
pub(super) fn text<'a>(field: &'a Field<'_>) -> Result<Cow<'a, str>, Expected> {
    match field {
        Field::Absent | Field::Null => Ok(Cow::Borrowed("")),
        Field::Int(number) => Ok(Cow::Owned(number.to_string())),
        Field::UInt(number) => Ok(Cow::Owned(number.to_string())),
        Field::Double(number) => Ok(Cow::Owned(number.to_string())),
        Field::Text(text) => Ok(Cow::Borrowed(text)),
        Field::Bytes(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| TEXT),
    }
}

/// The date at the start of `text`; a date that no calendar has (zero year, month or day) is none.
fn date(text: &str) -> Result<&str, Expected> {
    if text.is_empty() {
        return Ok(NO_DATE);
    }
    let date = text.get(..10).filter(|date| has_form(date, b"dddd-dd-dd")).ok_or(DATE)?;
    if !matches!(text.as_bytes().get(10), None | Some(b' ')) {
        return Err(DATE);
    }
    let is_zero = |part: Option<&str>| part.is_none_or(|part| part.bytes().all(|digit| digit == b'0'));
    if is_zero(date.get(..4)) || is_zero(date.get(5..7)) || is_zero(date.get(8..)) { Ok(NO_DATE) } else { Ok(date) }
}

/// The two parts of a date and time, the fraction left out.
fn date_time(text: &str) -> Result<(&str, &str), Expected> {
    let date = date(text).map_err(|_| DATE_TIME)?;
    let time = match text.get(10..).filter(|rest| !rest.is_empty()) {
        // No date at all, or a DATE column.
        None => MIDNIGHT,
        Some(rest) => match rest.get(1..9).filter(|time| has_form(time, b"dd:dd:dd")) {
            Some(time) if is_fraction(rest.get(9..)) => time,
            _ => return Err(DATE_TIME),
        },
    };
    // A zero date has no time of its own.
    Ok((date, if date == NO_DATE && !text.starts_with(NO_DATE) { MIDNIGHT } else { time }))
}

/// Whether `text` is a date and time as the server shows one.
pub(super) fn is_date_time(text: &str) -> bool {
    !text.is_empty() && date_time(text).is_ok()
}

fn write_date_time(text: &str, out: &mut Vec<u8>) -> Result<(), Expected> {
    let (date, time) = date_time(text)?;
    out.push(b'"');
    out.extend_from_slice(date.as_bytes());
    out.push(b' ');
    out.extend_from_slice(time.as_bytes());
    out.push(b'"');
    Ok(())
}

/// A TIME as the server shows it, without its fraction. It may be negative or longer than a day.
fn time(text: &str) -> Result<&str, Expected> {
    if text.is_empty() {
        return Ok(MIDNIGHT);
    }
    let (time, fraction) = match text.find('.') {
        Some(dot) => text.split_at(dot),
        None => (text, ""),
    };
    let magnitude = time.strip_prefix('-').unwrap_or(time);
    let known = has_form(magnitude, b"dd:dd:dd") || has_form(magnitude, b"ddd:dd:dd");
    if known && is_fraction(Some(fraction)) { Ok(time) } else { Err(TIME) }
}

/// Whether `text` has a digit for every `d` of `form`, and every other byte of it as it is.
fn has_form(text: &str, form: &[u8]) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form).all(|(byte, form)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form })
}

/// Whether nothing follows the seconds but a fraction.
fn is_fraction(rest: Option<&str>) -> bool {
    match rest {
        None | Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit())),
    }
}

/// Text, with every line break (CR LF, CR or LF) as one space.
fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), Expected> {
    if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
        write(&text.replace("\r\n", " ").replace(['\r', '\n'], " "), out)
    } else {
        write(text, out)
    }
}

pub(super) fn write_number(number: i128, out: &mut Vec<u8>) -> Result<(), Expected> {
    match i64::try_from(number) {
        // Much the faster one, and almost every number.
        Ok(number) => write(&number, out),
        Err(_) => write(&number, out),
    }
}

fn write_number_string(number: i128, out: &mut Vec<u8>) -> Result<(), Expected> {
    out.push(b'"');
    write_number(number, out)?;
    out.push(b'"');
    Ok(())
}

fn write_color(argb: i128, out: &mut Vec<u8>) -> Result<(), Expected> {
    // An INT; the unsigned form of the same four bytes is taken too.
    let [_, red, green, blue] = match (i32::try_from(argb), u32::try_from(argb)) {
        (Ok(argb), _) => argb.to_be_bytes(),
        (_, Ok(argb)) => argb.to_be_bytes(),
        _ => return Err(INTEGER),
    };
    out.push(b'"');
    write(&red, out)?;
    out.push(b',');
    write(&green, out)?;
    out.push(b',');
    write(&blue, out)?;
    out.push(b'"');
    Ok(())
}

fn write_list(numbers: impl Iterator<Item = i64>, out: &mut Vec<u8>) -> Result<(), Expected> {
    out.push(b'"');
    for (index, number) in numbers.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(&number, out)?;
    }
    out.push(b'"');
    Ok(())
}

/// Appends what serde_json makes of `value`. A `Vec` takes every byte and these types always have a JSON form.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Expected> {
    serde_json::to_writer(out, value).map_err(|_| "a value that JSON can hold")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{super::enums, Conversion, is_date_time};
    use crate::{opendental::Lookups, row::Field};

    /// The JSON of a value, `Err` with what it should have been.
    fn json(conversion: Conversion, field: &Field<'_>) -> Result<String, &'static str> {
        let mut out = Vec::new();
        conversion.write(field, &Lookups::new(), &mut out)?;
        let json = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
        Ok(json)
    }

    fn text(text: &str) -> Field<'_> {
        Field::Text(text.into())
    }

    /// The JSON of an integer, which is the same typed and as text.
    fn of_integer(conversion: Conversion, number: i64) -> String {
        let typed = json(conversion, &Field::Int(number)).unwrap();
        assert_eq!(json(conversion, &text(&number.to_string())).unwrap(), typed);
        if let Ok(number) = u64::try_from(number) {
            assert_eq!(json(conversion, &Field::UInt(number)).unwrap(), typed);
        }
        typed
    }

    #[test]
    fn integers_are_numbers_to_the_ends_of_bigint() {
        for number in [0, 1, -1, i64::MIN, i64::MAX] {
            assert_eq!(of_integer(Conversion::Number, number), number.to_string());
            assert_eq!(of_integer(Conversion::NumberString, number), format!("\"{number}\""));
        }
        assert_eq!(json(Conversion::Number, &Field::UInt(u64::MAX)).unwrap(), "18446744073709551615");
        assert_eq!(json(Conversion::Number, &text("18446744073709551615")).unwrap(), "18446744073709551615");
        assert_eq!(json(Conversion::Number, &text("007")).unwrap(), "7");
        assert_eq!(json(Conversion::Number, &Field::Null).unwrap(), "0");
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_does_not_show_it() {
        let secret = "Jane Smith";
        for (conversion, fields) in [
            (Conversion::Number, vec![text(secret), text(""), text("1.5"), text("18446744073709551616"), text(" 1")]),
            (Conversion::Boolean, vec![text(secret), text("true")]),
            (Conversion::Enum(enums::YES_NO), vec![text("Yes"), Field::Double(1.0)]),
            (Conversion::Money, vec![text(secret), text("NaN"), text("inf"), Field::Double(f64::INFINITY)]),
            (Conversion::Color, vec![text("red"), Field::Int(i64::MAX)]),
            (
                Conversion::Date,
                vec![text(secret), text("2024-1-1"), text("04/04/2024"), text("2024-01-01x"), text("é")],
            ),
            (Conversion::DateTime, vec![text(secret), text("2024-01-01 8:00:00"), text("2024-01-01T08:00:00Z")]),
            (Conversion::Time, vec![text(secret), text("8:00"), text("08:00:00 AM"), text("08:00:00.x")]),
            (Conversion::Text, vec![Field::Bytes(b"\xff".as_slice().into())]),
            (Conversion::ProviderAbbr, vec![text(secret), Field::UInt(u64::MAX)]),
        ] {
            for field in fields {
                let error = json(conversion, &field).unwrap_err();
                assert!(!error.contains(secret), "{error}");
            }
        }
    }

    #[test]
    fn booleans_are_strings() {
        for (number, expected) in [(0, "\"false\""), (1, "\"true\""), (2, "\"true\""), (-1, "\"true\"")] {
            assert_eq!(of_integer(Conversion::Boolean, number), expected);
        }
        assert_eq!(json(Conversion::Boolean, &Field::Null).unwrap(), "\"false\"");
    }

    #[test]
    fn enums_are_named_and_numbered_beyond_their_last_member() {
        // As Open Dental's schema documentation numbers them.
        for (members, documented) in [
            (
                enums::APPT_STATUS,
                "0 None, 1 Scheduled, 2 Complete, 3 UnschedList, 4 ASAP, 5 Broken, 6 Planned, 7 PtNote, 8 PtNoteCompleted",
            ),
            (enums::APPT_PRIORITY, "0 Normal, 1 ASAP"),
            (enums::HIST_APPT_ACTION, "0 Created, 1 Changed, 2 Missed, 3 Cancelled, 4 Deleted"),
            (
                enums::E_SERVICE_TYPES,
                "0 None, 1 EConnector, 2 Broadcaster, 3 BroadcastMonitor, 4 ServiceMainHQ, 5 OpenDentalService, \
                 6 OpenDentalAPIService",
            ),
            (
                enums::PATIENT_STATUS,
                "0 Patient, 1 NonPatient, 2 Inactive, 3 Archived, 4 Deleted, 5 Deceased, 6 Prospective",
            ),
            (enums::PATIENT_GENDER, "0 Male, 1 Female, 2 Unknown, 3 Other"),
            (enums::PATIENT_POSITION, "0 Single, 1 Married, 2 Child, 3 Widowed, 4 Divorced"),
            (
                enums::CONTACT_METHOD,
                "0 None, 1 DoNotCall, 2 HmPhone, 3 WkPhone, 4 WirelessPh, 5 Email, 6 SeeNotes, 7 Mail, 8 TextMessage",
            ),
            (enums::YES_NO, "0 Unknown, 1 Yes, 2 No"),
            (enums::PROVIDER_STATUS, "0 Active, 1 Deleted"),
            (enums::SCHEDULE_TYPE, "0 Practice, 1 Provider, 2 Blockout, 3 Employee, 4 WebSchedASAP"),
        ] {
            let conversion = Conversion::Enum(members);
            let mut beyond = 0;
            for member in documented.split(", ") {
                let (number, name) = member.split_once(' ').unwrap();
                let number = number.parse().unwrap();
                assert_eq!(of_integer(conversion, number), format!("\"{name}\""));
                beyond = number + 1;
            }
            assert_eq!(of_integer(conversion, beyond), format!("\"{beyond}\""));
            assert_eq!(of_integer(conversion, -1), "\"-1\"");
        }
        assert_eq!(json(Conversion::Enum(enums::PATIENT_STATUS), &Field::Null).unwrap(), "\"Patient\"");
    }

    #[test]
    fn dates_without_a_day_in_the_calendar_are_none() {
        for (value, expected) in [
            ("2024-02-29", "2024-02-29"),
            ("0001-01-01", "0001-01-01"),
            ("0000-00-00", "0001-01-01"),
            ("2024-00-10", "0001-01-01"),
            ("2024-10-00", "0001-01-01"),
            ("0000-10-10", "0001-01-01"),
            ("9999-12-31", "9999-12-31"),
            ("2024-02-29 10:11:12", "2024-02-29"),
        ] {
            assert_eq!(json(Conversion::Date, &text(value)).unwrap(), format!("\"{expected}\""));
        }
        assert_eq!(json(Conversion::Date, &Field::Null).unwrap(), "\"0001-01-01\"");
    }

    #[test]
    fn dates_and_times_lose_their_fraction_and_no_more() {
        for (value, expected) in [
            ("2024-02-29 23:59:59", "2024-02-29 23:59:59"),
            ("2024-02-29 23:59:59.999999", "2024-02-29 23:59:59"),
            ("2024-02-29", "2024-02-29 00:00:00"),
            ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
            ("0001-01-01 08:00:00", "0001-01-01 08:00:00"),
            ("0000-00-00 00:00:00", "0001-01-01 00:00:00"),
            ("0000-00-00 08:00:00", "0001-01-01 00:00:00"),
            ("0000-00-00 00:00:00.000", "0001-01-01 00:00:00"),
        ] {
            assert_eq!(json(Conversion::DateTime, &text(value)).unwrap(), format!("\"{expected}\""));
            assert!(is_date_time(value));
        }
        assert_eq!(json(Conversion::DateTime, &Field::Null).unwrap(), "\"0001-01-01 00:00:00\"");
        for broken in ["", "2024-02-29 ", "2024-02-29 23:59", "2024-02-29 23:59:59.9x", "2024-02-29 23:59:5é"] {
            assert!(!is_date_time(broken), "{broken}");
        }
    }

    #[test]
    fn times_may_be_negative_or_longer_than_a_day() {
        for (value, expected) in [
            ("08:00:00", "08:00:00"),
            ("08:00:00.123456", "08:00:00"),
            ("-01:30:00", "-01:30:00"),
            ("838:59:59", "838:59:59"),
            ("-838:59:59.000000", "-838:59:59"),
        ] {
            assert_eq!(json(Conversion::Time, &text(value)).unwrap(), format!("\"{expected}\""));
        }
        assert_eq!(json(Conversion::Time, &Field::Null).unwrap(), "\"00:00:00\"");
    }

    #[test]
    fn money_always_has_a_fraction() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (111.9, "111.9"),
            (-12.34, "-12.34"),
            (100.0, "100.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "1e+20"),
        ] {
            assert_eq!(json(Conversion::Money, &Field::Double(value)).unwrap(), expected);
            assert_eq!(json(Conversion::Money, &text(&value.to_string())).unwrap(), expected);
        }
        // A DECIMAL, a server's own exponent, an integer column.
        assert_eq!(json(Conversion::Money, &text("111.90")).unwrap(), "111.9");
        assert_eq!(json(Conversion::Money, &text("1.5e-7")).unwrap(), "1.5e-7");
        assert_eq!(json(Conversion::Money, &Field::Int(3)).unwrap(), "3.0");
        assert_eq!(json(Conversion::Money, &Field::Null).unwrap(), "0.0");
    }

    #[test]
    fn colors_drop_alpha_and_take_either_sign() {
        for (argb, expected) in [
            (0, "0,0,0"),
            (-1, "255,255,255"),
            (-5_987_073, "164,164,255"),
            (-16_777_216, "0,0,0"),
            (i64::from(i32::MIN), "0,0,0"),
            (i64::from(i32::MAX), "255,255,255"),
            (0x00FF_8001, "255,128,1"),
            (0xFFA4_A4FF, "164,164,255"),
        ] {
            assert_eq!(of_integer(Conversion::Color, argb), format!("\"{expected}\""));
        }
    }

    #[test]
    fn line_breaks_are_spaces_and_the_rest_is_escaped() {
        for (value, expected) in [
            ("a\r\nb", "\"a b\""),
            ("a\nb\rc", "\"a b c\""),
            ("\r\n\r\n", "\"  \""),
            ("a\n\rb", "\"a  b\""),
            ("tab\t \"quoted\" \\ é 😀", "\"tab\\t \\\"quoted\\\" \\\\ é 😀\""),
            ("\u{1}", "\"\\u0001\""),
        ] {
            assert_eq!(json(Conversion::Text, &text(value)).unwrap(), expected);
            assert_eq!(json(Conversion::Text, &Field::Bytes(value.as_bytes().into())).unwrap(), expected);
        }
        assert_eq!(json(Conversion::Text, &Field::Null).unwrap(), "\"\"");
    }
}
