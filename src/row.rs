//! A row of one of the practice's tables, wherever it was read: from a row image of the binlog or by a SELECT.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A row's primary key, ordered as the server orders it for integer keys (rule W4).
///
/// All keys of Open Dental's tables are one BIGINT; the other forms serve tables outside its schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKey {
    /// One signed integer column.
    Int(i64),
    /// One unsigned integer column.
    UInt(u64),
    /// Any other key: its columns' values, in the key's order.
    Columns(Box<[KeyPart]>),
}

/// One column of a [`RowKey::Columns`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// The text that a SELECT would show.
    Text(Box<str>),
    /// Bytes of a binary column.
    Bytes(Box<[u8]>),
}

/// One column's value in a [`Row`].
///
/// Dates and times are [`Field::Text`], exactly as a SELECT in the server's own time zone would show them, since
/// zero dates fit no calendar type.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// The row image does not hold this column, or the table does not have it.
    Absent,
    /// SQL NULL.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A FLOAT or DOUBLE.
    Double(f64),
    /// Text, a decimal, a date or a time, as a SELECT shows it; also every value that a SELECT returned.
    Text(Cow<'a, str>),
    /// A binary column's bytes.
    Bytes(Cow<'a, [u8]>),
}

/// What a column's values are, however they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers whose digits are exact: integers, DECIMAL, YEAR, BIT.
    Exact,
    /// FLOAT and DOUBLE.
    Approximate,
    /// Text, dates and times, labels of ENUM and SET, JSON documents.
    Text,
    /// Bytes that are no text.
    Bytes,
}

/// Read access to a row's columns.
pub trait Row {
    /// The column names, in the table's order.
    fn columns(&self) -> &[Box<str>];

    /// The value of the column at `index` of [`Row::columns`]; [`Field::Absent`] beyond its end.
    fn field_at(&self, index: usize) -> Field<'_>;

    /// What the values of the column at `index` of [`Row::columns`] are; text beyond its end.
    fn kind_at(&self, index: usize) -> Kind;

    /// The value of the column called `name` (case-insensitive, as the servers compare column names).
    fn field(&self, name: &str) -> Field<'_> {
        match self.columns().iter().position(|column| column.eq_ignore_ascii_case(name)) {
            Some(index) => self.field_at(index),
            None => Field::Absent,
        }
    }
}

/// What is known of a row when nothing but its key is.
#[derive(Clone, Copy, Debug)]
pub struct KeyRow<'a> {
    columns: &'a [Box<str>],
    key: &'a RowKey,
}

impl<'a> KeyRow<'a> {
    /// The row whose key `columns` hold `key`.
    pub fn new(columns: &'a [Box<str>], key: &'a RowKey) -> Self {
        Self { columns, key }
    }
}

impl Row for KeyRow<'_> {
    fn columns(&self) -> &[Box<str>] {
        self.columns
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        match (self.key, index) {
            (RowKey::Int(number), 0) => Field::Int(*number),
            (RowKey::UInt(number), 0) => Field::UInt(*number),
            (RowKey::Columns(parts), _) => match parts.get(index) {
                Some(KeyPart::Int(number)) => Field::Int(*number),
                Some(KeyPart::UInt(number)) => Field::UInt(*number),
                Some(KeyPart::Text(text)) => Field::Text(Cow::Borrowed(text)),
                Some(KeyPart::Bytes(bytes)) => Field::Bytes(Cow::Borrowed(bytes)),
                None => Field::Absent,
            },
            _ => Field::Absent,
        }
    }

    fn kind_at(&self, index: usize) -> Kind {
        match self.field_at(index) {
            Field::Int(_) | Field::UInt(_) => Kind::Exact,
            Field::Bytes(_) => Kind::Bytes,
            _ => Kind::Text,
        }
    }
}
