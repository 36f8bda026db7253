//! From a column's value to JSON, by the API's rules. A value gives the same JSON whether it arrives typed, from a
//! row image, or as text, from a SELECT.

use std::borrow::Cow;

use serde::Serialize;

use super::{DefinitionCategory, Lookups};
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
            Self::Number => write(&integer(field)?, out),
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
            Self::Operatories => write_list(lookups.operatories(key(field)?), out),
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
    if amount.is_finite() { Ok(amount) } else { Err(MONEY) }
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

fn write_number_string(number: i128, out: &mut Vec<u8>) -> Result<(), Expected> {
    out.push(b'"');
    write(&number, out)?;
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
fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Expected> {
    serde_json::to_writer(out, value).map_err(|_| "a value that JSON can hold")
}
