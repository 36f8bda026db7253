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

/// Read access to a row's columns.
pub trait Row {
    /// The column names, in the table's order.
    fn columns(&self) -> &[Box<str>];

    /// The value of the column at `index` of [`Row::columns`]; [`Field::Absent`] beyond its end.
    fn field_at(&self, index: usize) -> Field<'_>;

    /// The value of the column called `name` (case-insensitive, as the servers compare column names).
    fn field(&self, name: &str) -> Field<'_> {
        match self.columns().iter().position(|column| column.eq_ignore_ascii_case(name)) {
            Some(index) => self.field_at(index),
            None => Field::Absent,
        }
    }
}
