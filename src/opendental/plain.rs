//! Rows of a table that is not the API's: every column under its own name, in the table's order, as a plain value.
//!
//! Integers, YEAR and BIT are numbers; DECIMAL is a number with the digits that the server shows; FLOAT and DOUBLE are
//! the shortest number of the same value. Text, dates, times, labels and JSON documents are strings as a SELECT shows
//! them, bytes are base64, and NULL is null.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    RenderError,
    conversion::{Expected, write, write_number},
};
use crate::row::{Field, Kind, Row};

/// A table of the practice that the configuration makes a watch table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainTable {
    /// The watch table's name: the table's, as the configuration writes it.
    pub name: String,
    /// Its name as the server writes it.
    pub table: String,
    /// The columns of its primary key, in the key's order.
    pub key: Vec<String>,
    /// The TIMESTAMP column that tells when a row was last changed.
    pub stamp: Option<String>,
    /// Columns that `SELECT *` does not show, and so no event does.
    pub hidden: Vec<String>,
}

impl PlainTable {
    /// The table of this name, of which nothing else is known yet.
    pub fn named(name: &str) -> Self {
        let (name, table) = (name.to_owned(), name.to_owned());
        Self { name, table, key: Vec::new(), stamp: None, hidden: Vec::new() }
    }
}

/// Writes a plain table's rows as JSON objects.
#[derive(Clone, Debug)]
pub(super) struct PlainBinding {
    table: Box<str>,
    key: Box<[(Box<str>, Option<usize>)]>,
    fields: Box<[PlainField]>,
}

#[derive(Clone, Debug)]
struct PlainField {
    /// The name with its quotes and the colon, ready to be copied.
    label: Box<[u8]>,
    column: Box<str>,
    index: usize,
}

impl PlainBinding {
    pub(super) fn new(table: &str, key: &[Box<str>], hidden: &[Box<str>], columns: &[Box<str>]) -> Self {
        let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
        let find = |name: &str| columns.iter().position(|column| same(column, name));
        let shown = columns.iter().enumerate().filter(|(_, column)| !hidden.iter().any(|name| same(name, column)));
        let fields = shown.map(|(index, column)| {
            let label = format!("{}:", serde_json::Value::from(&**column)).into_bytes().into_boxed_slice();
            PlainField { label, column: column.clone(), index }
        });
        Self {
            table: table.into(),
            key: key.iter().map(|name| (name.clone(), find(name))).collect(),
            fields: fields.collect(),
        }
    }

    pub(super) fn append(&self, row: &dyn Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        for (column, index) in &self.key {
            if index.is_none_or(|index| matches!(row.field_at(index), Field::Absent)) {
                return Err(RenderError::Missing { table: self.table.clone(), column: column.clone() });
            }
        }
        let mut between = b'{';
        for field in &self.fields {
            let value = row.field_at(field.index);
            if value == Field::Absent {
                continue;
            }
            out.push(between);
            between = b',';
            out.extend_from_slice(&field.label);
            write_plain(&value, row.kind_at(field.index), out).map_err(|expected| RenderError::Value {
                table: self.table.clone(),
                column: field.column.clone(),
                expected,
            })?;
        }
        out.push(b'}');
        Ok(())
    }
}

fn write_plain(field: &Field<'_>, kind: Kind, out: &mut Vec<u8>) -> Result<(), Expected> {
    match (field, kind) {
        (Field::Absent | Field::Null, _) => write(&(), out),
        (Field::Int(number), _) => write(number, out),
        (Field::UInt(number), _) => write_number(i128::from(*number), out),
        (Field::Double(number), _) => write_double(*number, out),
        (Field::Text(text), Kind::Exact) => write_digits(text, out),
        (Field::Text(text), Kind::Approximate) => write_double(text.parse().map_err(|_| NUMBER)?, out),
        (Field::Text(text), Kind::Text) => write(&**text, out),
        (Field::Bytes(bytes), Kind::Bytes) => write(&STANDARD.encode(bytes), out),
        // Text that is not in its column's character set, or bytes where there should be none.
        (Field::Text(_), Kind::Bytes) | (Field::Bytes(_), _) => Err("a value of its column's type"),
    }
}

const NUMBER: Expected = "a number";

fn write_double(number: f64, out: &mut Vec<u8>) -> Result<(), Expected> {
    if number.is_finite() { write(&number, out) } else { Err(NUMBER) }
}

/// A number's digits as they are; zeros in front (ZEROFILL), which JSON does not have, are left out.
fn write_digits(text: &str, out: &mut Vec<u8>) -> Result<(), Expected> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(whole) || !fraction.is_none_or(only_digits) {
        return Err(NUMBER);
    }
    out.extend_from_slice(sign.as_bytes());
    match whole.trim_start_matches('0') {
        "" => out.push(b'0'),
        whole => out.extend_from_slice(whole.as_bytes()),
    }
    if let Some(fraction) = fraction {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn json(field: &Field<'_>, kind: Kind) -> Result<String, Expected> {
        let mut out = Vec::new();
        write_plain(field, kind, &mut out)?;
        let json = String::from_utf8(out).unwrap();
        serde_json::from_str::<&serde_json::value::RawValue>(&json).unwrap();
        Ok(json)
    }

    fn text(text: &str) -> Field<'_> {
        Field::Text(text.into())
    }

    #[test]
    fn numbers_keep_every_digit() {
        let exact = |value| json(&text(value), Kind::Exact);
        for digits in ["0", "-1", "18446744073709551615", "0.10", "-12345678901234567890123456789.50"] {
            assert_eq!(exact(digits).as_deref(), Ok(digits));
        }
        assert_eq!(exact("0007").as_deref(), Ok("7"));
        assert_eq!(exact("000.50").as_deref(), Ok("0.50"));
        assert_eq!(exact("0000").as_deref(), Ok("0"));
        assert_eq!(json(&Field::UInt(u64::MAX), Kind::Exact).as_deref(), Ok("18446744073709551615"));
        assert_eq!(json(&Field::Int(i64::MIN), Kind::Exact).as_deref(), Ok("-9223372036854775808"));
    }

    #[test]
    fn a_floating_number_is_the_same_typed_and_as_text() {
        for (number, shown) in [(0.1, "0.1"), (1e300, "1e300"), (-2.5, "-2.50"), (3.0, "3")] {
            let typed = json(&Field::Double(number), Kind::Approximate).unwrap();
            assert_eq!(json(&text(shown), Kind::Approximate).unwrap(), typed);
            assert_eq!(typed.parse::<f64>().unwrap(), number);
        }
    }

    #[test]
    fn text_is_kept_as_it_is_and_bytes_are_base64() {
        assert_eq!(json(&text("a\r\n\"é"), Kind::Text).unwrap(), r#""a\r\n\"é""#);
        assert_eq!(json(&text("0000-00-00"), Kind::Text).unwrap(), r#""0000-00-00""#);
        assert_eq!(json(&Field::Bytes(b"\xff\0".as_slice().into()), Kind::Bytes).unwrap(), r#""/wA=""#);
        assert_eq!(json(&Field::Null, Kind::Text).unwrap(), "null");
    }

    #[test]
    fn r4_what_is_no_value_of_its_column_is_an_error_that_does_not_show_it() {
        let secret = "Jane";
        for (field, kind) in [
            (text(secret), Kind::Exact),
            (text(secret), Kind::Approximate),
            (text(""), Kind::Exact),
            (text("1."), Kind::Exact),
            (text("-"), Kind::Exact),
            (text("inf"), Kind::Approximate),
            (Field::Double(f64::NAN), Kind::Approximate),
            (Field::Bytes(b"\xff".as_slice().into()), Kind::Text),
        ] {
            assert!(!json(&field, kind).unwrap_err().contains(secret));
        }
    }
}
