//! A row that a SELECT returned.

use std::{borrow::Cow, sync::Arc};

use sqlx::{Column, Decode, Row as _, Type, TypeInfo, ValueRef, mysql::MySqlRow};

use crate::row::{Field, KeyPart, Kind, Row, RowKey};

/// A row as the text protocol brings it: every value as the server prints it.
///
/// Holds a patient's values: its `Debug` shows none of them (rule D4).
#[derive(Clone, PartialEq)]
pub struct TextRow {
    columns: Arc<TextColumns>,
    values: Box<[Cell]>,
}

/// The columns of a SELECT's result, shared by its rows.
#[derive(PartialEq)]
pub(super) struct TextColumns {
    names: Box<[Box<str>]>,
    kinds: Box<[Kind]>,
}

/// One value of a [`TextRow`].
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

/// What a column's value is as a part of a key.
#[derive(Clone, Copy)]
enum KeyKind {
    Int,
    UInt,
    Other,
}

impl TextRow {
    /// Takes the values out of `row`. `columns` are those of the rows before it of the same result, if any: they are
    /// shared.
    pub(super) fn take(row: &MySqlRow, columns: &mut Option<Arc<TextColumns>>) -> Result<Self, sqlx::Error> {
        let columns = columns.get_or_insert_with(|| {
            let names = row.columns().iter().map(|column| column.name().into()).collect();
            let kinds = row.columns().iter().map(|column| kind(column.type_info())).collect();
            Arc::new(TextColumns { names, kinds })
        });
        let values = (0..row.columns().len()).map(|index| cell(row, index)).collect::<Result<_, _>>()?;
        Ok(Self { columns: columns.clone(), values })
    }

    /// The row without its last column, and the text in that; `None` if there is none. `columns` are those of the rows
    /// before it of the same result, without that column, if any: they are shared.
    pub(super) fn without_last(self, columns: &mut Option<Arc<TextColumns>>) -> Option<(Self, Box<str>)> {
        let mut values = self.values.into_vec();
        let Some(Cell::Text(last)) = values.pop() else { return None };
        let columns = columns.get_or_insert_with(|| {
            let names = self.columns.names.iter().take(values.len()).cloned().collect();
            let kinds = self.columns.kinds.iter().take(values.len()).copied().collect();
            Arc::new(TextColumns { names, kinds })
        });
        Some((Self { columns: columns.clone(), values: values.into() }, last))
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let held = |cell: &Cell| match cell {
            Cell::Null => 0,
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
        };
        self.values.iter().map(|cell| size_of::<Cell>() + held(cell)).sum()
    }

    /// The text in the column called `name`; `None` if it is NULL, bytes or not there.
    pub fn text(&self, name: &str) -> Option<&str> {
        let index = self.columns.names.iter().position(|column| column.eq_ignore_ascii_case(name))?;
        self.text_at(index)
    }

    /// The text in the column at `index`; `None` if it is NULL, bytes or not there.
    pub fn text_at(&self, index: usize) -> Option<&str> {
        match self.values.get(index)? {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Bytes(_) => None,
        }
    }
}

impl Row for TextRow {
    fn columns(&self) -> &[Box<str>] {
        &self.columns.names
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        match self.values.get(index) {
            None => Field::Absent,
            Some(Cell::Null) => Field::Null,
            Some(Cell::Text(text)) => Field::Text(Cow::Borrowed(text)),
            Some(Cell::Bytes(bytes)) => Field::Bytes(Cow::Borrowed(bytes)),
        }
    }

    fn kind_at(&self, index: usize) -> Kind {
        self.columns.kinds.get(index).copied().unwrap_or(Kind::Text)
    }
}

impl std::fmt::Debug for TextRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TextRow").field("columns", &self.columns.names).finish_non_exhaustive()
    }
}

/// The value of the column at `index`, the same as an image of the log has.
fn cell(row: &MySqlRow, index: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let type_info = value.type_info().into_owned();
    let (kind, type_name) = (kind(&type_info), type_info.name());
    let bytes = <&[u8] as Decode<sqlx::MySql>>::decode(value).map_err(sqlx::Error::Decode)?;
    Ok(match std::str::from_utf8(bytes) {
        // The one type that the text protocol does not print.
        _ if type_name == "BIT" => Cell::Text(bit(bytes).to_string().into()),
        // YEAR has four digits.
        Ok(text) if matches!(kind, Kind::Exact | Kind::Approximate) && type_name != "YEAR" => {
            Cell::Text(without_zeros(text).into())
        }
        Ok(text) if kind != Kind::Bytes => Cell::Text(text.into()),
        _ => Cell::Bytes(bytes.into()),
    })
}

/// The number in a BIT's bytes.
fn bit(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number without the zeros in front of its first digit that counts, which ZEROFILL puts there.
fn without_zeros(mut number: &str) -> &str {
    while let Some(shorter) = number.strip_prefix('0')
        && shorter.starts_with(|first: char| first.is_ascii_digit())
    {
        number = shorter;
    }
    number
}

/// What a column's values are.
fn kind(type_info: &sqlx::mysql::MySqlTypeInfo) -> Kind {
    let name = type_info.name();
    match name {
        _ if is_binary(type_info) => Kind::Bytes,
        "FLOAT" | "DOUBLE" => Kind::Approximate,
        "DECIMAL" | "YEAR" | "BIT" => Kind::Exact,
        _ => match key_kind(name) {
            KeyKind::Int | KeyKind::UInt => Kind::Exact,
            KeyKind::Other => Kind::Text,
        },
    }
}

/// Whether a column holds bytes and not text: its collation is `binary`, and it is none of the types that are printed.
fn is_binary(type_info: &sqlx::mysql::MySqlTypeInfo) -> bool {
    let name = type_info.name();
    let bytes = name.ends_with("BINARY") || name.ends_with("BLOB") || name == "GEOMETRY";
    // A text column with a `_bin` collation carries the BINARY flag, too; only its collation tells.
    bytes && !<str as Type<sqlx::MySql>>::compatible(type_info)
}

/// Bytes of the values in `row`.
pub(super) fn size(row: &MySqlRow) -> usize {
    let value = |index| row.try_get_raw(index).ok().filter(|value| !value.is_null());
    let bytes = |value| <&[u8] as Decode<sqlx::MySql>>::decode(value).map_or(0, <[u8]>::len);
    (0..row.columns().len()).filter_map(value).map(bytes).sum()
}

/// The key in the first `count` columns of `row`; `None` if one of them is NULL or cannot be read.
pub(super) fn key(row: &MySqlRow, count: usize) -> Result<Option<RowKey>, sqlx::Error> {
    let mut parts = Vec::with_capacity(count);
    for index in 0..count {
        let kind = key_kind(row.try_column(index)?.type_info().name());
        let part = match (cell(row, index)?, kind) {
            (Cell::Null, _) => None,
            (Cell::Text(text), KeyKind::Int) => text.parse().ok().map(KeyPart::Int),
            (Cell::Text(text), KeyKind::UInt) => text.parse().ok().map(KeyPart::UInt),
            (Cell::Text(text), KeyKind::Other) => Some(KeyPart::Text(text)),
            (Cell::Bytes(bytes), _) => Some(KeyPart::Bytes(bytes)),
        };
        match part {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    Ok(Some(match parts.as_slice() {
        [KeyPart::Int(number)] => RowKey::Int(*number),
        [KeyPart::UInt(number)] => RowKey::UInt(*number),
        _ => RowKey::Columns(parts.into()),
    }))
}

fn key_kind(type_name: &str) -> KeyKind {
    match type_name {
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => {
            KeyKind::UInt
        }
        "BIT" => KeyKind::UInt,
        // sqlx calls TINYINT(1) so.
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => KeyKind::Int,
        _ => KeyKind::Other,
    }
}
