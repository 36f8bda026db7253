//! One column's value, and the text that a SELECT shows for it.

use std::borrow::Cow;
use std::fmt::Write;

use super::charset::{self, BINARY};
use super::column_type::ColumnType;
use super::columns::ColumnInfo;
use super::compressed_value;
use super::decimal;
use super::error::DecodeError;
use super::fixed_binary;
use super::float_text;
use super::json;
use super::old_temporal;
use super::temporal::{self, Clock, Date, Instant, LocalTime};

/// A value out of a row image.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// An integer of a signed column, or of one whose sign is not known.
    Int(i64),
    /// An integer of an unsigned column.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL, in the server's packed form.
    Decimal(&'a [u8]),
    /// CHAR, VARCHAR, TEXT, BINARY, VARBINARY, BLOB, GEOMETRY, VECTOR and MariaDB's JSON (which is text). BINARY lacks
    /// its zeros at the end: see [`Value::bytes`].
    Bytes(&'a [u8]),
    /// A COMPRESSED column of MariaDB: what [`Value::Bytes`] is, in the server's compressed form.
    Compressed(&'a [u8]),
    /// MySQL's JSON, in the server's binary form.
    Json(&'a [u8]),
    /// DATE.
    Date(Date),
    /// TIME.
    Time {
        /// Before 00:00:00.
        negative: bool,
        /// Its distance from 00:00:00.
        clock: Clock,
    },
    /// DATETIME.
    DateTime(Date, Clock),
    /// TIMESTAMP.
    Timestamp(Instant),
    /// YEAR: 0, or 1901 to 2155.
    Year(u16),
    /// BIT. Its text here is a number, where a SELECT shows bytes.
    Bit(u64),
    /// ENUM: the label's number, from 1; 0 is the empty text of a value that was refused.
    Enum(u16),
    /// SET: a bit for each label.
    Set(u64),
    /// MariaDB's UUID.
    Uuid([u8; 16]),
    /// MariaDB's INET4.
    Inet4([u8; 4]),
    /// MariaDB's INET6.
    Inet6([u8; 16]),
}

impl std::fmt::Debug for Value<'_> {
    /// Only whether it is NULL: values are never shown (rule D4).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Value::Null) { "Null" } else { "Value(..)" })
    }
}

/// Reads a field's bytes; `None` is NULL.
pub(super) fn read<'a>(bytes: Option<&'a [u8]>, column: &ColumnInfo) -> Result<Value<'a>, DecodeError> {
    let Some(bytes) = bytes else {
        return Ok(Value::Null);
    };
    let wrong = |kind| DecodeError::Value { kind };
    Ok(match column.kind {
        ColumnType::Tiny | ColumnType::Short | ColumnType::Medium | ColumnType::Long | ColumnType::LongLong => {
            let raw = little_endian(bytes);
            if column.unsigned == Some(true) {
                Value::UInt(raw)
            } else {
                let unused = 64 - 8 * bytes.len().clamp(1, 8) as u32;
                Value::Int((raw << unused) as i64 >> unused)
            }
        }
        ColumnType::Float => Value::Float(f32::from_bits(little_endian(bytes) as u32)),
        ColumnType::Double => Value::Double(f64::from_bits(little_endian(bytes))),
        ColumnType::Decimal { .. } => Value::Decimal(bytes),
        ColumnType::Year => Value::Year(match little_endian(bytes) as u16 {
            0 => 0,
            years => 1900 + years,
        }),
        ColumnType::Date => Value::Date(temporal::date(bytes).ok_or(wrong("DATE"))?),
        ColumnType::OldTime { fraction } => time(old_temporal::time(bytes, fraction).ok_or(wrong("TIME"))?),
        ColumnType::Time { .. } => time(temporal::time(bytes).ok_or(wrong("TIME"))?),
        ColumnType::OldDateTime { fraction } => {
            date_time(old_temporal::date_time(bytes, fraction).ok_or(wrong("DATETIME"))?)
        }
        ColumnType::DateTime { .. } => date_time(temporal::date_time(bytes).ok_or(wrong("DATETIME"))?),
        ColumnType::OldTimestamp { fraction } => {
            Value::Timestamp(old_temporal::timestamp(bytes, fraction).ok_or(wrong("TIMESTAMP"))?)
        }
        ColumnType::Timestamp { .. } => Value::Timestamp(temporal::timestamp(bytes).ok_or(wrong("TIMESTAMP"))?),
        ColumnType::Char { .. }
        | ColumnType::Varchar { .. }
        | ColumnType::Blob { .. }
        | ColumnType::Geometry { .. }
        | ColumnType::Vector { .. } => Value::Bytes(bytes),
        ColumnType::CompressedVarchar { .. } | ColumnType::CompressedBlob { .. } => Value::Compressed(bytes),
        ColumnType::Uuid => Value::Uuid(fixed_binary::padded(bytes).ok_or(wrong("UUID"))?),
        ColumnType::Inet4 => Value::Inet4(fixed_binary::padded(bytes).ok_or(wrong("INET4"))?),
        ColumnType::Inet6 => Value::Inet6(fixed_binary::padded(bytes).ok_or(wrong("INET6"))?),
        ColumnType::Json { .. } => Value::Json(bytes),
        ColumnType::Bit { .. } => Value::Bit(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))),
        ColumnType::Enum { .. } => Value::Enum(little_endian(bytes) as u16),
        ColumnType::Set { .. } => Value::Set(little_endian(bytes)),
    })
}

fn time((negative, clock): (bool, Clock)) -> Value<'static> {
    Value::Time { negative, clock }
}

fn date_time((date, clock): (Date, Clock)) -> Value<'static> {
    Value::DateTime(date, clock)
}

#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

impl ColumnInfo {
    /// Whether its values are bytes and not text: BINARY, VARBINARY, BLOB, GEOMETRY, VECTOR, and ENUM and SET with
    /// CHARACTER SET binary.
    pub fn is_binary(&self) -> bool {
        match self.kind {
            ColumnType::Geometry { .. } | ColumnType::Vector { .. } => true,
            ColumnType::Char { .. }
            | ColumnType::Varchar { .. }
            | ColumnType::Blob { .. }
            | ColumnType::CompressedVarchar { .. }
            | ColumnType::CompressedBlob { .. }
            | ColumnType::Enum { .. }
            | ColumnType::Set { .. } => self.collation == Some(BINARY),
            _ => false,
        }
    }

    fn fraction(&self) -> u8 {
        match self.kind {
            ColumnType::Time { fraction } | ColumnType::DateTime { fraction } | ColumnType::Timestamp { fraction } => {
                fraction
            }
            ColumnType::OldTime { fraction }
            | ColumnType::OldDateTime { fraction }
            | ColumnType::OldTimestamp { fraction } => fraction,
            _ => 0,
        }
    }
}

impl<'a> Value<'a> {
    /// Appends the text that a SELECT shows: dates and times as they are, TIMESTAMP in `zone`, text decoded by the
    /// column's collation, labels of ENUM and SET. NULL appends nothing.
    ///
    /// # Errors
    /// If the bytes are no value of the column's type, the collation is not known or not supported, or the value is not
    /// text (binary columns).
    pub fn write_text(&self, column: &ColumnInfo, zone: &dyn LocalTime, out: &mut String) -> Result<(), DecodeError> {
        // Writing to a String cannot fail.
        match *self {
            Value::Null => {}
            Value::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Value::UInt(value) | Value::Bit(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Float(value) => match column.decimals {
                Some(decimals) => float_text::write_fixed(f64::from(value), decimals, out),
                None => float_text::write_float(value, out),
            },
            Value::Double(value) => match column.decimals {
                Some(decimals) => float_text::write_fixed(value, decimals, out),
                None => float_text::write_double(value, out),
            },
            Value::Decimal(bytes) => {
                let ColumnType::Decimal { precision, scale } = column.kind else {
                    return Err(DecodeError::Value { kind: "DECIMAL" });
                };
                decimal::write(bytes, precision, scale, out).ok_or(DecodeError::Value { kind: "DECIMAL" })?;
            }
            Value::Bytes(bytes) => out.push_str(&text(bytes, column)?),
            Value::Compressed(bytes) => {
                out.push_str(&text(&compressed_value::decompress(bytes, column.kind)?, column)?)
            }
            Value::Uuid(bytes) => fixed_binary::write_uuid(bytes, out),
            Value::Inet4(bytes) => fixed_binary::write_inet4(bytes, out),
            Value::Inet6(bytes) => fixed_binary::write_inet6(bytes, out),
            Value::Json(document) => json::write(document, out)?,
            Value::Date(date) => date.write(out),
            Value::Time { negative, clock } => {
                if negative {
                    out.push('-');
                }
                clock.write(column.fraction(), out);
            }
            Value::DateTime(date, clock) => {
                date.write(out);
                out.push(' ');
                clock.write(column.fraction(), out);
            }
            Value::Timestamp(instant) => instant.write(column.fraction(), zone, out),
            Value::Year(year) => {
                let _ = write!(out, "{year:04}");
            }
            Value::Enum(0) | Value::Set(0) => {}
            Value::Enum(number) => out.push_str(&text(label(column, usize::from(number) - 1)?, column)?),
            Value::Set(bits) => {
                for number in (0..64).filter(|number| bits >> number & 1 == 1) {
                    if bits & ((1 << number) - 1) != 0 {
                        out.push(',');
                    }
                    out.push_str(&text(label(column, number)?, column)?);
                }
            }
        }
        Ok(())
    }

    /// The same as [`Value::write_text`], without a copy where the value is text in UTF-8.
    ///
    /// # Errors
    /// As [`Value::write_text`].
    pub fn text(&self, column: &ColumnInfo, zone: &dyn LocalTime) -> Result<Cow<'a, str>, DecodeError> {
        if let Value::Bytes(bytes) = *self {
            return text(bytes, column);
        }
        let mut out = String::new();
        self.write_text(column, zone, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// The bytes that a SELECT shows for a binary column: BINARY with the zeros at its end, which the log leaves out.
    /// `None` if it is neither [`Value::Bytes`] nor [`Value::Compressed`] nor a label with CHARACTER SET binary.
    ///
    /// # Errors
    /// If it is compressed and cannot be decompressed, or the label is not known.
    pub fn bytes(&self, column: &ColumnInfo) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
        let bytes = match *self {
            Value::Bytes(bytes) => bytes,
            Value::Compressed(bytes) => return compressed_value::decompress(bytes, column.kind).map(Some),
            Value::Enum(_) | Value::Set(_) if column.is_binary() => return labels(*self, column).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(match column.kind {
            ColumnType::Char { bytes: size } if column.is_binary() && bytes.len() < usize::from(size) => {
                let mut padded = Vec::with_capacity(usize::from(size));
                padded.extend_from_slice(bytes);
                padded.resize(usize::from(size), 0);
                Cow::Owned(padded)
            }
            _ => Cow::Borrowed(bytes),
        }))
    }
}

fn text<'a>(bytes: &'a [u8], column: &ColumnInfo) -> Result<Cow<'a, str>, DecodeError> {
    if column.is_binary() {
        return Err(DecodeError::Value { kind: "text (the column is binary)" });
    }
    let collation = column.collation.ok_or(charset::CharsetError::Unknown)?;
    Ok(charset::decode(collation, bytes)?)
}

/// The labels of a binary ENUM or SET.
fn labels(value: Value<'_>, column: &ColumnInfo) -> Result<Cow<'static, [u8]>, DecodeError> {
    let numbers: Vec<usize> = match value {
        Value::Enum(number) => usize::from(number).checked_sub(1).into_iter().collect(),
        Value::Set(bits) => (0..64).filter(|number| bits >> number & 1 == 1).collect(),
        _ => Vec::new(),
    };
    let labels = numbers.into_iter().map(|number| label(column, number)).collect::<Result<Vec<_>, _>>()?;
    Ok(Cow::Owned(labels.join(&b","[..])))
}

fn label(column: &ColumnInfo, index: usize) -> Result<&[u8], DecodeError> {
    let labels = column.labels.as_ref().ok_or(DecodeError::Value { kind: "ENUM or SET whose labels are known" })?;
    labels.get(index).map(AsRef::as_ref).ok_or(DecodeError::Value { kind: "ENUM or SET with these labels" })
}
