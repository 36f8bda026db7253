//! One MySQL or MariaDB server and the Open Dental database on it: the binlog connection and its reader, layouts of
//! watched tables, and the SQL connection (barriers, snapshots, scans, rows by key, write-back).

mod barrier;
mod change;
mod database;
mod database_error;
mod error;
mod identity;
mod layout;
mod layout_query;
mod reader;
mod row_by_key;
mod row_layout;
mod scan;
mod session;
mod snapshot;
mod sql_text;
mod text_row;
mod time_zone;
mod time_zone_query;
mod write_back;

pub use barrier::Barrier;
pub use change::{Boundary, Change, ChangeKind, Doubt, Message, Step, TableId, Transaction};
pub use database::Database;
pub use database_error::DatabaseError;
pub use error::SourceError;
pub use identity::Identity;
pub use layout::{DeclaredColumn, DeclaredLayout, LayoutReader};
pub use reader::{Reader, ReaderConfig};
pub use row_layout::Layout;
pub use scan::Scan;
pub use snapshot::Snapshot;
pub use text_row::TextRow;
pub use time_zone::TimeZone;
pub use write_back::{WriteBack, WriteBackOutcome};
