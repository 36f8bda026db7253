//! One MySQL or MariaDB server and the Open Dental database on it: the binlog connection and its reader, layouts of
//! watched tables, and the SQL connection (barriers, snapshots, scans, rows by key, write-back).

mod change;
mod error;
mod identity;
mod layout;
mod reader;
mod row_layout;

pub use change::{Boundary, Change, ChangeKind, Doubt, Message, Step, TableId, Transaction};
pub use error::SourceError;
pub use identity::Identity;
pub use layout::{DeclaredColumn, DeclaredLayout, LayoutReader};
pub use reader::{Reader, ReaderConfig};
pub use row_layout::Layout;
