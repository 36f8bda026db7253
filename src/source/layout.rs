//! A table's columns as the server declares them: names, types and primary key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::declared_column::DeclaredColumn;
use super::error::SourceError;
use crate::binlog::LogPoint;

/// A table's columns as the server's `information_schema` shows them at one moment.
///
/// Row images do not say how their columns are called, unless the server sends `binlog_row_metadata=FULL`; then this
/// does, once the columns' types have been found equal (rule R5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What is known of a table's layout from a place in the log on, until the next change of its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownLayout {
    /// The table's name.
    pub table: String,
    /// A change of its columns ends here, or its reading began here.
    pub from: LogPoint,
    /// `None`: its columns were changed, and what they are since then is not known.
    pub layout: Option<Arc<DeclaredLayout>>,
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
