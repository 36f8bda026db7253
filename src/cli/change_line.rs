//! One change as one JSON line, for `tail` and `decode`.
//!
//! Numbers are JSON numbers, as the server prints them; DECIMAL, dates and times are text, since no JSON number or date
//! holds them exactly. Bytes that are no text are `{"base64": "…"}`: all of binary columns, and what is not in its
//! column's character set. Where the log does not tell a column's character set, text is what is UTF-8 without control
//! characters. ENUM and SET are their labels where the log tells them, else a number.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::binlog::{ColumnInfo, DecodeError, Image, LocalTime, TableColumns, Value};
use crate::source::ChangeKind;

/// What is the same in all lines of one table.
#[derive(Debug)]
pub(super) struct TableLine {
    /// `"table":"db.table","op":`
    table: String,
    /// `,"column":` of each column.
    keys: Vec<String>,
}

/// What is the same in all lines of one transaction.
#[derive(Debug)]
pub(super) struct CommitLine(String);

impl CommitLine {
    /// Lines of a transaction of this file and GTID, if it has one, that was committed at `time` just before `offset`.
    pub(super) fn new(file: &str, offset: u64, gtid: Option<&str>, time: DateTime<Utc>) -> Self {
        let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let gtid = gtid.map_or(Cow::Borrowed("null"), |gtid| Cow::Owned(json(gtid)));
        let file = json(file);
        Self(format!(
            "{{\"position\":{{\"file\":{file},\"offset\":{offset},\"gtid\":{gtid}}},\"committed\":\"{time}\","
        ))
    }
}

impl TableLine {
    /// Lines of the table `schema.table` with these columns; `names` are theirs, where they are known.
    pub(super) fn new(table: &str, columns: &TableColumns, names: Option<&[Box<str>]>) -> Self {
        let key = |(index, column): (usize, &ColumnInfo)| {
            let known = names.and_then(|names| names.get(index)).or(column.name.as_ref());
            known.map_or_else(|| format!(",\"@{}\":", index + 1), |name| format!(",{}:", json(name)))
        };
        let keys = columns.iter().enumerate().map(key).collect();
        Self { table: format!("\"table\":{},\"op\":", json(table)), keys }
    }

    /// Appends one line with its line break. An insert has no image before, a delete none after; of an update, an image
    /// that is not known is `None`. TIMESTAMPs are shown in `zone`.
    ///
    /// # Errors
    /// If an image is damaged or holds a value that cannot be read; `out` is then as it was.
    pub(super) fn write(
        &self,
        commit: &CommitLine,
        kind: ChangeKind,
        [before, after]: [Option<Image<'_>>; 2],
        columns: &TableColumns,
        zone: &dyn LocalTime,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let length = out.len();
        let written = self.append(commit, kind, [before, after], columns, zone, out);
        if written.is_err() {
            out.truncate(length);
        }
        written
    }

    fn append(
        &self,
        commit: &CommitLine,
        kind: ChangeKind,
        [before, after]: [Option<Image<'_>>; 2],
        columns: &TableColumns,
        zone: &dyn LocalTime,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let op = match kind {
            ChangeKind::Insert => b"\"insert\",\"before\":",
            ChangeKind::Update => b"\"update\",\"before\":",
            ChangeKind::Delete => b"\"delete\",\"before\":",
        };
        out.extend_from_slice(commit.0.as_bytes());
        out.extend_from_slice(self.table.as_bytes());
        out.extend_from_slice(op);
        let mut text = String::new();
        self.image(before, columns, zone, &mut text, out)?;
        out.extend_from_slice(b",\"after\":");
        self.image(after, columns, zone, &mut text, out)?;
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn image(
        &self,
        image: Option<Image<'_>>,
        columns: &TableColumns,
        zone: &dyn LocalTime,
        text: &mut String,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let Some(image) = image else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        let start = out.len();
        for value in image.values(columns) {
            let (index, value) = value?;
            let (Some(key), Some(column)) = (self.keys.get(index), columns.get(index)) else { continue };
            out.extend_from_slice(key.as_bytes());
            write_value(value, column, zone, text, out).map_err(|error| error.in_column(index))?;
        }
        match out.get_mut(start) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
        Ok(())
    }
}

/// Appends a value; `scratch` is for its text, so that not every value needs memory of its own.
fn write_value(
    value: Value<'_>,
    column: &ColumnInfo,
    zone: &dyn LocalTime,
    scratch: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    // Writing to a vector cannot fail.
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        Value::UInt(number) | Value::Bit(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        Value::Year(number) => drop(write!(out, "{number}")),
        Value::Float(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        Value::Double(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        Value::Float(_) | Value::Double(_) => {
            scratch.clear();
            value.write_text(column, zone, scratch)?;
            out.extend_from_slice(scratch.as_bytes());
        }
        Value::Enum(number) if column.labels.is_none() => drop(write!(out, "{number}")),
        Value::Set(bits) if column.labels.is_none() => drop(write!(out, "{bits}")),
        Value::Bytes(_) | Value::Compressed(_) => match (value.text(column, zone), column.collation) {
            (Ok(text), _) => write_string(&text, out),
            (Err(_), collation) => {
                let bytes = value.bytes(column)?.unwrap_or_default();
                match std::str::from_utf8(&bytes) {
                    Ok(text) if collation.is_none() && !column.is_binary() && !text.contains(is_control) => {
                        write_string(text, out);
                    }
                    _ => write_bytes(&bytes, out),
                }
            }
        },
        Value::Enum(_) | Value::Set(_) if column.is_binary() => {
            write_bytes(&value.bytes(column)?.unwrap_or_default(), out);
        }
        Value::Decimal(_) | Value::Date(_) | Value::Time { .. } | Value::DateTime(..) | Value::Timestamp(_) => {
            scratch.clear();
            value.write_text(column, zone, scratch)?;
            // Nothing in it that JSON would escape.
            out.push(b'"');
            out.extend_from_slice(scratch.as_bytes());
            out.push(b'"');
        }
        _ => {
            scratch.clear();
            value.write_text(column, zone, scratch)?;
            write_string(scratch, out);
        }
    }
    Ok(())
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"base64\":\"{}\"}}", STANDARD.encode(bytes));
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // A vector takes everything, and text is always JSON.
    let _: Result<(), io::Error> = serde_json::to_writer(out, text).map_err(Into::into);
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::binlog::{ColumnType, Utc as UtcZone};

    fn column(kind: ColumnType, collation: Option<u16>) -> ColumnInfo {
        ColumnInfo { collation, ..ColumnInfo::new(kind) }
    }

    fn line(columns: Vec<ColumnInfo>, image: &[u8]) -> String {
        let columns = TableColumns::new(columns, None);
        let commit = CommitLine::new("mysql-bin.000001", 7, Some("0-1-2"), DateTime::UNIX_EPOCH);
        let mut out = Vec::new();
        let images = [None, Some(Image::whole(image, &columns))];
        let table = TableLine::new("db.t", &columns, None);
        table.write(&commit, ChangeKind::Insert, images, &columns, &UtcZone, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_the_promised_fields_in_order() {
        let text = column(ColumnType::Varchar { bytes: 10 }, Some(8));
        assert_eq!(
            line(vec![column(ColumnType::Tiny, None), text], b"\0\xff\x01\xe9"),
            "{\"position\":{\"file\":\"mysql-bin.000001\",\"offset\":7,\"gtid\":\"0-1-2\"},\
             \"committed\":\"1970-01-01T00:00:00Z\",\"table\":\"db.t\",\"op\":\"insert\",\"before\":null,\
             \"after\":{\"@1\":-1,\"@2\":\"é\"}}\n"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        let varchar = |collation| vec![column(ColumnType::Varchar { bytes: 10 }, collation)];
        let binary = [0, 2, 0xff, 0];
        assert!(line(varchar(Some(63)), &binary).contains(r#"{"@1":{"base64":"/wA="}}"#));
        assert!(line(varchar(Some(63)), b"\0\x02ab").contains(r#"{"@1":{"base64":"YWI="}}"#), "binary columns always");
        assert!(line(varchar(Some(45)), &binary).contains(r#"{"@1":{"base64":"/wA="}}"#), "not in utf8mb4");
        assert!(line(varchar(None), &binary).contains("base64"));
        assert!(line(varchar(None), b"\0\x02ab").contains(r#"{"@1":"ab"}"#), "unknown, but text");
        assert!(line(varchar(None), b"\0\x01\x01").contains("base64"), "unknown, and no text");
    }
}
