//! How to read the images of one table's rows.

use super::declared_column::DeclaredColumn;
use super::layout::DeclaredLayout;
use crate::binlog::{ColumnInfo, DecodeError, Image, TableColumns, Value};
use crate::row::{KeyPart, RowKey};

/// How MariaDB calls the columns that it adds behind all others for UNIQUE keys of TEXT and BLOB: hashes of them.
const HASH: &str = "DB_ROW_HASH_";

/// A table's columns, as the row images that carry it were written (rule R5).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The database.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The columns' names, in the table's order. Columns behind them are the server's own, which no SELECT shows.
    pub names: Vec<Box<str>>,
    /// The columns' types, as the log tells them, with the signs and collations that it leaves out.
    pub columns: TableColumns,
    /// Indices into `names` of the primary key's columns, in the key's order; empty if the table has none.
    pub primary_key: Vec<usize>,
    /// Whether a ROLLBACK undoes changes of it: InnoDB yes; MyISAM, Aria and MEMORY no.
    pub transactional: bool,
    /// Nothing but the primary key can be read with certainty; `names` holds it alone.
    pub keys_only: bool,
}

/// How a table's columns in the log differ from those that the server declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutMismatch {
    /// Another number of columns.
    #[error("the log has {log} columns but the server declares {declared}")]
    Count {
        /// In the log.
        log: usize,
        /// On the server.
        declared: usize,
    },
    /// A column of another type.
    #[error("column {column} has another type in the log than the server declares")]
    Type {
        /// The column, from 1.
        column: usize,
    },
}

impl Layout {
    /// The layout of row images, from their table map where that tells the columns' names.
    ///
    /// `declared` adds what no log tells: the engine, the digits of a FLOAT(M,D), and the types that
    /// [`TableColumns::need_declaration`] names.
    pub fn named(schema: &str, table: &str, columns: TableColumns, declared: Option<&DeclaredLayout>) -> Option<Self> {
        let mut names = columns.iter().map(|column| column.name.clone()).collect::<Option<Vec<_>>>()?;
        if let Some(declared) = declared {
            let shown = |name: &str| !name.starts_with(HASH) || declared.columns.iter().any(|it| *it.name == *name);
            names.truncate(names.iter().rposition(|name| shown(name)).map_or(0, |last| last + 1));
        }
        let columns = columns.completed(|_, column| {
            let same = |other: &&DeclaredColumn| column.name.as_deref() == Some(&*other.name);
            if let Some(other) = declared.and_then(|declared| declared.columns.iter().find(same)) {
                other.tell(column);
            }
        });
        let primary_key = columns.primary_key().unwrap_or_default().to_vec();
        let transactional = declared.is_some_and(|declared| declared.transactional);
        Some(Self {
            schema: schema.to_owned(),
            table: table.to_owned(),
            names,
            columns,
            primary_key,
            transactional,
            keys_only: false,
        })
    }

    /// The layout of row images whose table map does not tell the columns' names, from the one that the server
    /// declares; refused if their types differ.
    pub fn declared(columns: TableColumns, declared: &DeclaredLayout) -> Result<Self, LayoutMismatch> {
        if columns.len() != declared.columns.len() {
            return Err(LayoutMismatch::Count { log: columns.len(), declared: declared.columns.len() });
        }
        let fits = |(column, declared): (&ColumnInfo, &DeclaredColumn)| declared.may_be(column.kind);
        if let Some(index) = columns.iter().zip(&declared.columns).position(|pair| !fits(pair)) {
            return Err(LayoutMismatch::Type { column: index + 1 });
        }
        let columns = columns.completed(|index, column| {
            if let Some(declared) = declared.columns.get(index) {
                declared.complete(column);
            }
        });
        Ok(Self {
            schema: declared.schema.clone(),
            table: declared.table.clone(),
            names: declared.columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            primary_key: declared.primary_key.clone(),
            transactional: declared.transactional,
            keys_only: false,
        })
    }

    /// The layout of row images of which only the primary key is certain: it is the first column alone, and the same in
    /// the layouts `before` and `after` theirs. `None` if it is not.
    pub fn keys(columns: TableColumns, before: &DeclaredLayout, after: &DeclaredLayout) -> Option<Self> {
        let key = after.columns.first().filter(|_| have_same_key(before, after))?;
        if !columns.get(0).is_some_and(|column| key.may_be(column.kind)) {
            return None;
        }
        let columns = columns.completed(|index, column| {
            if index == 0 {
                key.complete(column);
            }
        });
        Some(Self {
            schema: after.schema.clone(),
            table: after.table.clone(),
            names: vec![key.name.clone()],
            columns,
            primary_key: vec![0],
            // What a ROLLBACK may or may not undo is read from the table anyway.
            transactional: false,
            keys_only: true,
        })
    }

    /// The primary key in an image; columns that it does not hold are taken from `other`, the update's before image.
    pub(crate) fn key(&self, image: Image<'_>, other: Option<Image<'_>>) -> Result<RowKey, DecodeError> {
        let value = |column: usize| {
            let value = match (image.value(&self.columns, column)?, other) {
                (None, Some(other)) => other.value(&self.columns, column)?,
                (value, _) => value,
            };
            value.ok_or(DecodeError::Malformed { what: "a row image without its primary key" })
        };
        if let [column] = self.primary_key.as_slice() {
            match value(*column)? {
                Value::Int(number) => return Ok(RowKey::Int(number)),
                Value::UInt(number) | Value::Bit(number) => return Ok(RowKey::UInt(number)),
                _ => {}
            }
        }
        let part = |column: &usize| {
            let info = self.columns.get(*column).ok_or(DecodeError::Malformed { what: "a primary key" })?;
            key_part(value(*column)?, info).map_err(|error| error.in_column(*column))
        };
        Ok(RowKey::Columns(self.primary_key.iter().map(part).collect::<Result<_, _>>()?))
    }
}

/// Whether the first column is the primary key, alone, and the same in both.
pub(super) fn have_same_key(one: &DeclaredLayout, other: &DeclaredLayout) -> bool {
    one.primary_key == [0] && other.primary_key == [0] && one.columns.first() == other.columns.first()
}

fn key_part(value: Value<'_>, column: &ColumnInfo) -> Result<KeyPart, DecodeError> {
    Ok(match value {
        Value::Int(number) => KeyPart::Int(number),
        Value::UInt(number) | Value::Bit(number) => KeyPart::UInt(number),
        _ if column.is_binary() => {
            let bytes = value.bytes(column)?;
            KeyPart::Bytes(bytes.unwrap_or_default().into_owned().into())
        }
        _ => {
            let mut text = String::new();
            value.write_text(column, &crate::binlog::Utc, &mut text)?;
            KeyPart::Text(text.into())
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::binlog::ColumnType;

    fn declared(data_type: &str, column_type: &str) -> DeclaredColumn {
        DeclaredColumn {
            name: "c".into(),
            data_type: data_type.into(),
            column_type: column_type.into(),
            octet_length: None,
            precision: None,
            scale: None,
            fraction: None,
            collation: None,
        }
    }

    fn layout(columns: Vec<DeclaredColumn>) -> DeclaredLayout {
        DeclaredLayout {
            schema: "s".to_owned(),
            table: "t".to_owned(),
            columns,
            primary_key: vec![0],
            transactional: true,
        }
    }

    #[test]
    fn r5_columns_of_another_count_or_type_are_refused() {
        let log =
            |kinds: &[ColumnType]| TableColumns::new(kinds.iter().map(|kind| ColumnInfo::new(*kind)).collect(), None);
        let server = layout(vec![declared("bigint", "bigint(20)"), declared("varchar", "varchar(9)")]);
        let good = [ColumnType::LongLong, ColumnType::Varchar { bytes: 9 }];
        assert!(Layout::declared(log(&good), &server).is_ok());
        assert_eq!(
            Layout::declared(log(&good[..1]), &server).unwrap_err(),
            LayoutMismatch::Count { log: 1, declared: 2 }
        );
        let swapped = [good[1], good[0]];
        assert_eq!(Layout::declared(log(&swapped), &server).unwrap_err(), LayoutMismatch::Type { column: 1 });
    }

    #[test]
    fn r3_what_the_log_leaves_out_is_completed() {
        let server = layout(vec![declared("int", "int(10) unsigned"), declared("enum", "enum('a','it''s')")]);
        let log = vec![ColumnInfo::new(ColumnType::Long), ColumnInfo::new(ColumnType::Enum { bytes: 1 })];
        let layout = Layout::declared(TableColumns::new(log, None), &server).unwrap();
        assert_eq!(layout.columns.get(0).unwrap().unsigned, Some(true));
        let labels = layout.columns.get(1).unwrap().labels.clone().unwrap();
        assert_eq!(labels.iter().map(|label| &**label).collect::<Vec<_>>(), [&b"a"[..], b"it's"]);
    }
}
