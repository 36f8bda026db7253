//! A table's columns: their names, types and primary key.

use super::error::SourceError;
use crate::binlog::LogPoint;

/// A table's columns as they were at some point of the log (rule R5).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The database.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The columns' names, in the table's order.
    pub names: Vec<Box<str>>,
    /// Indices into `names` of the primary key's columns, in the key's order; empty if the table has none.
    pub primary_key: Vec<usize>,
    /// Whether a ROLLBACK undoes changes of it: InnoDB yes; MyISAM, Aria and MEMORY no.
    pub transactional: bool,
}

/// Reads layouts from the server; implemented by the SQL side.
pub trait LayoutReader: Send + Sync {
    /// The table's present layout in the practice's database (`None`: there is no such table), with a point of the
    /// log that is not before the layout was read: no DDL that lies behind that point is in the layout.
    fn layout(
        &self,
        table: &str,
    ) -> impl std::future::Future<Output = Result<Option<(Layout, LogPoint)>, SourceError>> + Send;
}
