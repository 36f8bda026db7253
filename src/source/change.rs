//! What the reader hands out: committed changes, how far the log has been read, and what could not be read.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    changed_keys::ChangedKeys, changes::Changes, identity::Identity, layout::KnownLayout, log_identity::LogFileMade,
    row_layout::Layout, shared_bytes::SharedBytes,
};
use crate::{
    binlog::{LogPoint, MariadbGtid, MysqlGtid, Position},
    row::RowKey,
};

/// A watched table: its index in [`super::ReaderConfig::tables`].
pub type TableId = u16;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The row is new.
    Insert,
    /// The row differs from what it was; updates that change nothing are never handed out (rule W3).
    Update,
    /// The row is gone.
    Delete,
}

/// One row's insert, update or delete, out of a committed transaction.
///
/// Holds a patient's values: its `Debug` shows none of them (rule D4).
#[derive(Clone)]
pub struct Change {
    /// The table.
    pub table: TableId,
    /// What happened.
    pub kind: ChangeKind,
    /// The row's primary key after the change; before it for a delete.
    pub key: RowKey,
    /// The key before the change, if an update changed it.
    pub old_key: Option<RowKey>,
    /// The row's bytes: the after image, or for a delete the before image. `None` if the image does not hold every
    /// column (`binlog_row_image` is not FULL): read the row by its key (rule R6).
    pub image: Option<SharedBytes>,
    /// What the log holds of the row where that is not every column.
    pub partial: Option<Box<PartialImage>>,
    /// The before image of an update, if it is whole and either changed the key or is of a table for which
    /// [`super::ReaderConfig::keep_before`] asked for it.
    pub before: Option<SharedBytes>,
    /// How to read the images.
    pub layout: Arc<Layout>,
}

/// A row image that does not hold every column.
///
/// Holds a patient's values: its `Debug` shows none of them (rule D4).
#[derive(Clone)]
pub struct PartialImage {
    /// Its bytes.
    pub bytes: Box<[u8]>,
    /// The bitmap of the columns that it holds, from the lowest bit of the first byte.
    pub present: Box<[u8]>,
}

impl std::fmt::Debug for PartialImage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PartialImage({} bytes)", self.bytes.len())
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Change")
            .field("table", &self.layout.table)
            .field("kind", &self.kind)
            .field("image", &self.image.as_ref().map(|image| image.len()))
            .finish_non_exhaustive()
    }
}

/// One thing that a transaction did, in the log's order.
#[derive(Clone, Debug)]
pub enum Step {
    /// Rows of a table changed.
    Changes(Changes),
    /// Rows of a table changed, in a transaction that is too large for more than their keys to be kept: see
    /// [`super::ReaderConfig::transaction_bytes`].
    Keys(ChangedKeys),
    /// The table was emptied or dropped (TRUNCATE, DROP).
    Cleared(TableId),
    /// Rows may have changed that the log does not tell with certainty (rule R4).
    Doubt(Box<Doubt>),
}

/// A transaction's GTID, in its server's dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gtid {
    /// MySQL's.
    Mysql(MysqlGtid),
    /// MariaDB's.
    Mariadb(MariadbGtid),
}

impl std::fmt::Display for Gtid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mysql(gtid) => gtid.fmt(formatter),
            Self::Mariadb(gtid) => gtid.fmt(formatter),
        }
    }
}

/// A committed transaction's changes of watched tables.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Just behind its commit.
    pub point: LogPoint,
    /// Its GTID, where the server has them.
    pub gtid: Option<Gtid>,
    /// The server's clock at the commit, in whole seconds.
    pub committed: DateTime<Utc>,
    /// What it did to watched tables; never empty.
    pub steps: Vec<Step>,
}

/// How far the log has been read: always between two transactions (rule R1).
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// Everything before this position has been handed out or concerned no watched table.
    pub position: Position,
    /// Where reading must begin after a restart: `position`, or the position before the oldest XA transaction that
    /// is prepared and has no outcome yet.
    pub resume: Position,
}

/// A stretch of the log that could not be read with certainty (rule R4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The watched table concerned; `None` if it may be any of them.
    pub table: Option<TableId>,
    /// Its name, or `any watched table`.
    pub table_name: String,
    /// Start of the event, or of the first event, that is in doubt.
    pub from: LogPoint,
    /// End of the stretch.
    pub to: LogPoint,
    /// The server's clock when the first of its statements began: the rows that it hides are stamped no earlier.
    pub since: DateTime<Utc>,
    /// What was handed out of it already.
    pub misread: Misread,
    /// What could not be read and what to do about it; holds no statement text and no values.
    pub reason: String,
}

/// What is wrong with the changes of a doubtful stretch that were handed out before the doubt was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misread {
    /// Nothing: what could not be read was left out.
    Nothing,
    /// Their values may stand under wrong names; their keys are right.
    Values,
    /// Their keys may be wrong too.
    Keys,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table_name, from, to, reason, .. } = self;
        write!(
            formatter,
            "{table_name}: binlog file number {} from byte {} to file number {} byte {}: {reason}",
            from.file, from.offset, to.file, to.offset
        )
    }
}

/// What the reader sends over its channel.
#[derive(Clone, Debug)]
pub enum Message {
    /// Committed transactions, and how far the log has been read with them. An empty list is progress alone:
    /// heartbeats, list events and transactions of other tables.
    Transactions {
        /// In the log's order.
        transactions: Vec<Transaction>,
        /// Behind the last of them.
        boundary: Boundary,
    },
    /// The columns of this table are only known to be right once the log has been read up to `until`: until then no
    /// window of it closes. A [`Step::Doubt`] follows if they turn out to be wrong.
    LayoutUnsure {
        /// The table.
        table: TableId,
        /// Where its layout was read from the server.
        until: LogPoint,
    },
    /// What was learned of the tables' layouts, behind what was handed out before and up to what is handed out next. Who
    /// has it after a restart ([`super::Reader::knowing`]) reads rows from before a change of columns as they were.
    Layouts(Vec<KnownLayout>),
    /// A file of the log that was not read before; tells whether the log is the same when it is read on.
    LogFile(LogFileMade),
    /// The log is being read, from this server.
    Connected {
        /// The server and its log.
        identity: Identity,
    },
    /// The connection is lost; the reader comes back by itself.
    Disconnected {
        /// Why.
        reason: String,
    },
}
