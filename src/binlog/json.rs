//! MySQL's binary JSON as the text that a SELECT shows (MySQL source documentation, "json_binary.h").

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::decimal;
use super::error::DecodeError;
use super::float_text;
use super::input::Input;
use super::temporal::{Clock, Date};

const WHAT: &str = "a JSON value";
/// How deep the server lets documents be nested.
const MAX_DEPTH: u32 = 100;
/// Characters of base64 that the server puts on a line.
const BASE64_LINE: usize = 76;

/// Appends a document's text.
pub(super) fn write(document: &[u8], out: &mut String) -> Result<(), DecodeError> {
    let start = out.len();
    let mut printer = Printer { out, budget: document.len() };
    let written = match document.split_first() {
        Some((kind, bytes)) => printer.value(*kind, bytes, 0),
        // What the server stored for a NULL that it had to take for no NULL.
        None => {
            printer.out.push_str("null");
            Ok(())
        }
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

struct Printer<'o> {
    out: &'o mut String,
    /// Bytes of the document that have not been printed. In a damaged one many values may claim the same bytes; none
    /// may make more of them than there are.
    budget: usize,
}

impl Printer<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.budget = self.budget.checked_sub(bytes).ok_or(DecodeError::Malformed { what: WHAT })?;
        Ok(())
    }

    fn value(&mut self, kind: u8, bytes: &[u8], depth: u32) -> Result<(), DecodeError> {
        let mut input = Input::new(bytes, WHAT);
        // Writing to a String cannot fail.
        let _ = match kind {
            0..=3 => return self.container(bytes, kind & 1 == 1, kind < 2, depth + 1),
            4 => {
                self.out.push_str(match input.u8()? {
                    0 => "null",
                    1 => "true",
                    2 => "false",
                    _ => return Err(input.malformed()),
                });
                Ok(())
            }
            5 => write!(self.out, "{}", input.u16()? as i16),
            6 => write!(self.out, "{}", input.u16()?),
            7 => write!(self.out, "{}", input.u32()? as i32),
            8 => write!(self.out, "{}", input.u32()?),
            9 => write!(self.out, "{}", input.u64()? as i64),
            10 => write!(self.out, "{}", input.u64()?),
            11 => {
                let number = f64::from_bits(input.u64()?);
                if !number.is_finite() {
                    return Err(input.malformed());
                }
                let start = self.out.len();
                float_text::write_double(number, self.out);
                if !self.out.get(start..).unwrap_or_default().contains(['.', 'e']) {
                    self.out.push_str(".0");
                }
                Ok(())
            }
            12 => {
                let text = self.counted(&mut input)?;
                return self.quoted(text);
            }
            15 => {
                let kind = input.u8()?;
                let value = self.counted(&mut input)?;
                return self.opaque(kind, value);
            }
            _ => return Err(input.malformed()),
        };
        Ok(())
    }

    /// Bytes behind their count, which has seven bits in each byte, the lowest first.
    fn counted<'b>(&mut self, input: &mut Input<'b>) -> Result<&'b [u8], DecodeError> {
        let mut count = 0;
        for shift in (0..35).step_by(7) {
            let byte = input.u8()?;
            count |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.spend(count)?;
                return input.bytes(count);
            }
        }
        Err(input.malformed())
    }

    /// An object or array: the number of members, its size, where the keys are, where the values are or what they are,
    /// then keys and values. In a large one numbers have four bytes, in a small one two.
    fn container(&mut self, bytes: &[u8], large: bool, object: bool, depth: u32) -> Result<(), DecodeError> {
        let number = |input: &mut Input<'_>| -> Result<usize, DecodeError> {
            if large { input.u32().map(|number| number as usize) } else { input.u16().map(usize::from) }
        };
        let mut head = Input::new(bytes, WHAT);
        let (count, size) = (number(&mut head)?, number(&mut head)?);
        if depth > MAX_DEPTH {
            return Err(head.malformed());
        }
        let bytes = bytes.get(..size).ok_or_else(|| head.malformed())?;
        let width = if large { 4 } else { 2 };
        let mut keys = Input::new(bytes.get(2 * width..).unwrap_or_default(), WHAT);
        let mut values = keys;
        if object {
            values.bytes(count.saturating_mul(width + 2))?;
        }
        self.out.push(if object { '{' } else { '[' });
        for index in 0..count {
            self.spend(1 + width)?;
            if index > 0 {
                self.out.push_str(", ");
            }
            if object {
                let (from, length) = (number(&mut keys)?, usize::from(keys.u16()?));
                self.spend(length)?;
                let key = bytes.get(from..from.saturating_add(length)).ok_or_else(|| head.malformed())?;
                self.quoted(key)?;
                self.out.push_str(": ");
            }
            let kind = values.u8()?;
            let slot = values.bytes(width)?;
            match kind {
                4..=6 => self.value(kind, slot, depth)?,
                7 | 8 if large => self.value(kind, slot, depth)?,
                _ => {
                    let from = number(&mut Input::new(slot, WHAT))?;
                    self.value(kind, bytes.get(from..).ok_or_else(|| head.malformed())?, depth)?;
                }
            }
        }
        self.out.push(if object { '}' } else { ']' });
        Ok(())
    }

    fn quoted(&mut self, text: &[u8]) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(text).map_err(|_| DecodeError::Malformed { what: WHAT })?;
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.out.extend(['\\', character]),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                '\0'..='\u{1f}' => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(character));
                }
                _ => self.out.push(character),
            }
        }
        self.out.push('"');
        Ok(())
    }

    /// A value of an SQL type that JSON does not have: decimals and times, and anything else in base64.
    fn opaque(&mut self, kind: u8, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut input = Input::new(bytes, WHAT);
        match kind {
            246 => {
                let (precision, scale) = (input.u8()?, input.u8()?);
                let possible = decimal::is_possible(precision, scale);
                let written = possible.then(|| decimal::write(input.rest(), precision, scale, self.out)).flatten();
                written.ok_or_else(|| input.malformed())
            }
            7 | 10 | 11 | 12 => {
                let packed = input.u64()? as i64;
                self.out.push('"');
                let written = self.temporal(kind, packed);
                self.out.push('"');
                written.ok_or_else(|| input.malformed())
            }
            _ => {
                let mut text = format!("base64:type{kind}:");
                let encoded = STANDARD.encode(bytes);
                for (index, character) in encoded.chars().enumerate() {
                    if index > 0 && index % BASE64_LINE == 0 {
                        text.push('\n');
                    }
                    text.push(character);
                }
                self.quoted(text.as_bytes())
            }
        }
    }

    /// A time as the server packs it into 64 bits: 13 months a year, then day, hour, minute and second in bits, then 24
    /// bits of microseconds.
    fn temporal(&mut self, kind: u8, packed: i64) -> Option<()> {
        let raw = packed.unsigned_abs();
        let (micros, clock) = (raw & 0xff_ffff, raw >> 24);
        if kind == 11 {
            if packed < 0 {
                self.out.push('-');
            }
            Clock::new(clock >> 12 & 0x3ff, clock >> 6 & 63, clock & 63, micros)?.write(6, self.out);
            return Some(());
        }
        let (day, clock) = (clock >> 17, clock & 0x1_ffff);
        let months = day >> 5;
        Date::new(months / 13, months % 13, day & 31)?.write(self.out);
        if kind != 10 {
            self.out.push(' ');
            Clock::new(clock >> 12, clock >> 6 & 63, clock & 63, micros)?.write(6, self.out);
        }
        Some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(document: &[u8]) -> Result<String, DecodeError> {
        let mut out = String::new();
        write(document, &mut out).map(|()| out)
    }

    #[test]
    fn members_that_claim_the_same_bytes_do_not_multiply() {
        // Arrays of two members, both of which are the array behind it.
        let mut document = vec![2];
        for _ in 0..90 {
            document.extend([2, 0, 200, 0, 2, 10, 0, 2, 10, 0]);
        }
        document.resize(1200, 0);
        assert!(text(&document).is_err());
        let itself = [2, 1, 0, 7, 0, 2, 0, 0];
        assert!(text(&itself).is_err(), "an array that holds itself");
    }

    #[test]
    fn numbers_that_json_does_not_have_are_an_error() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(text(&[&[11][..], &number.to_le_bytes()].concat()).is_err());
        }
        assert_eq!(text(&[&[11][..], &1f64.to_le_bytes()].concat()).unwrap(), "1.0");
    }

    #[test]
    fn any_bytes_are_json_or_an_error() {
        proptest!(|(bytes in prop::collection::vec(prop_oneof![0..16u8, any::<u8>()], 0..99))| {
            if let Ok(text) = text(&bytes) {
                prop_assert!(text.len() <= 30 * bytes.len() + 4, "{}", text.len());
            }
        });
    }
}
