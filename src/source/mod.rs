//! One MySQL or MariaDB server and the Open Dental database on it: the binlog connection and its reader, layouts of
//! watched tables, and the SQL connection (barriers, snapshots, scans, rows by key, write-back).

mod answer;
mod api_keys;
mod barrier;
mod batch;
mod batches;
mod change;
mod changed_keys;
mod changes;
mod collecting;
mod connection;
mod connection_maker;
mod database;
mod database_error;
mod declared_column;
mod direct_connection;
mod dump_error;
mod dump_start;
mod error;
mod failure_columns;
mod filter;
mod follower;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod image_row;
mod layout;
mod layout_history;
mod layout_query;
mod log_files;
mod log_identity;
mod login_error;
mod mysql_async_connection;
#[cfg(feature = "mysql-cdc")]
mod mysql_cdc_connection;
mod poll;
mod read_counts;
mod reader;
mod replica_clash;
mod replica_facts;
mod replica_id;
mod replica_session;
mod row_by_key;
mod row_layout;
mod savepoints;
mod scan;
mod session;
mod shared_bytes;
mod sids;
mod snapshot;
mod sql_text;
mod sql_token;
mod statement;
mod subscription_rows;
mod table_facts;
mod text_row;
mod time_zone;
mod time_zone_query;
mod tracked_layout;
mod transaction;
mod write_back;
mod xa_id;

pub use barrier::Barrier;
pub use change::{
    Boundary, Change, ChangeKind, Doubt, Gtid, Message, Misread, PartialImage, Step, TableId, Transaction,
};
pub use changed_keys::{ChangedKeys, IntoChangedKeys};
pub use changes::{Changes, IntoChanges};
pub use database::Database;
pub use database_error::DatabaseError;
pub use declared_column::DeclaredColumn;
pub use error::SourceError;
pub use failure_columns::{Failing, FailureColumns, FailureNote};
pub use identity::Identity;
pub use image_row::{ImageRow, stamp};
pub use layout::{DeclaredLayout, KnownLayout, LayoutReader};
pub use log_files::{LogFiles, Reach};
pub use log_identity::LogFileMade;
pub use poll::ChangedRows;
pub use read_counts::ReadCounts;
pub use reader::{Reader, ReaderConfig};
pub use row_layout::{Layout, LayoutMismatch};
pub use scan::Scan;
pub use shared_bytes::SharedBytes;
pub use snapshot::Snapshot;
pub(crate) use statement::Statement;
pub use subscription_rows::{ColumnValue, Misfit, SubscriptionEdit};
pub use table_facts::{KeyColumn, TableFacts};
pub use text_row::TextRow;
pub use time_zone::TimeZone;
pub(crate) use transaction::{Assembler, Broken, Progress};
pub use write_back::{WriteBack, WriteBackOutcome};
