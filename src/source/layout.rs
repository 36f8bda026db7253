//! A table's columns as the server declares them: names, types and primary key.

use super::error::SourceError;
use crate::binlog::LogPoint;

/// A table's columns as the server's `information_schema` shows them at one moment.
///
/// Row images do not say how their columns are called, unless the server sends `binlog_row_metadata=FULL`; then this
/// does, once the columns' types have been found equal (rule R5).
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredLayout {
    /// The database.
    pub schema: String,
    /// The table.
    pub table: String,
    /// In the table's order (`ORDINAL_POSITION`), generated and invisible columns included.
    pub columns: Vec<DeclaredColumn>,
    /// Indices into `columns` of the primary key's columns, in the key's order; empty if the table has none.
    pub primary_key: Vec<usize>,
    /// Whether a ROLLBACK undoes changes of it: InnoDB yes; MyISAM, Aria and MEMORY no.
    pub transactional: bool,
}

/// One column, as a row of `information_schema.COLUMNS`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredColumn {
    /// `COLUMN_NAME`.
    pub name: Box<str>,
    /// `DATA_TYPE` in lower case, such as `bigint`.
    pub data_type: Box<str>,
    /// `COLUMN_TYPE`, such as `bigint(20) unsigned` or `enum('a','b')`.
    pub column_type: Box<str>,
    /// `CHARACTER_OCTET_LENGTH`.
    pub octet_length: Option<u64>,
    /// `NUMERIC_PRECISION`.
    pub precision: Option<u64>,
    /// `NUMERIC_SCALE`.
    pub scale: Option<u64>,
    /// `DATETIME_PRECISION`.
    pub fraction: Option<u64>,
    /// `information_schema.COLLATIONS.ID` of `COLLATION_NAME`; `None` for columns that hold no text, and for collations
    /// that the server lists without an id.
    pub collation: Option<u32>,
}

/// Reads layouts from the server; implemented by the SQL side.
pub trait LayoutReader: Send + Sync {
    /// The table's present layout in the practice's database (`None`: there is no such table), with a point of the
    /// log that is not before the layout was read: no DDL that lies behind that point is in the layout.
    fn layout(
        &self,
        table: &str,
    ) -> impl std::future::Future<Output = Result<Option<(DeclaredLayout, LogPoint)>, SourceError>> + Send;
}
