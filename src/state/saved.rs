//! What the state file holds, as values.

use super::{DeletedKey, Delivery, ForgetDeleted, ForgetDeliveries, StoredKeys};
use crate::{
    binlog::{LogPoint, Position},
    row::RowKey,
};

/// Everything in the state file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// The server and log that all positions belong to, as its own JSON text; `None` in a new file.
    pub identity: Option<String>,
    /// Where the last audit ended, as its own JSON text; `None`: there was none.
    pub audit: Option<String>,
    /// How many seconds the server's clock was ahead of this machine's; `None`: it is not known.
    pub server_ahead: Option<i64>,
    /// By ascending number.
    pub subscriptions: Vec<SavedSubscription>,
    /// By table, then by ascending point.
    pub layouts: Vec<SavedLayout>,
    /// The files of the log that were read: the number of each, and when the server made it, in seconds since 1970 UTC.
    pub log_files: Vec<(u64, u32)>,
    /// Of which watch tables keys of deleted rows are held; see [`super::find_deleted`].
    pub deleted: Vec<StoredKeys>,
}

/// How far one subscription has come.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedSubscription {
    /// `SubscriptionNum`.
    pub num: i64,
    /// What the subscription was made of (watch table, workstation, …): another one means another subscription under
    /// a reused number.
    pub fingerprint: String,
    /// How far the log has been delivered; `None`: it holds no cursor.
    pub cursor: Option<Cursor>,
    /// The instant of the last closed window, in seconds since 1970 UTC.
    pub last_instant: Option<i64>,
    /// The `DateTimeStart` last seen in the table, in the server's local time.
    pub last_seen: String,
    /// A `DateTimeStart` that is about to be written, and may have been written already when we find it here.
    pub pending: Option<String>,
    /// No window closes before this instant, in seconds since 1970 UTC: somebody moved `DateTimeStart` ahead.
    pub paused_until: Option<i64>,
    /// The number of its last window; it only grows.
    pub window_number: u64,
    /// The closed window that is not delivered yet.
    pub window: Option<SavedWindow>,
    /// A catch-up is due, for rows stamped at or after this instant, in microseconds since 1970 UTC.
    pub catch_up: Option<i64>,
}

/// A place in the log up to which everything is delivered, and how to read on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The comparable place.
    pub point: LogPoint,
    /// Where reading has to resume for it.
    pub resume: Position,
}

/// A closed window on its way to the endpoint (rule W6).
#[derive(Clone, Debug, PartialEq)]
pub struct SavedWindow {
    /// Where its stretch of the log begins.
    pub from: LogPoint,
    /// Where it ends.
    pub to: LogPoint,
    /// Where reading resumes once it is delivered.
    pub resume: Position,
    /// The server's clock at its barrier, in seconds since 1970 UTC.
    pub instant: i64,
    /// The same in the server's local time: the next `DateTimeStart`.
    pub local: String,
    /// The last accepted element: its stamp in microseconds since 1970 UTC (0 without a stamp), and its key.
    pub progress: Option<(i64, RowKey)>,
    /// The last element of the event under way, in the same form.
    pub event_end: Option<(i64, RowKey)>,
    /// The window holds a catch-up for rows stamped at or after this instant, in microseconds since 1970 UTC.
    pub catch_up: Option<i64>,
}

/// A table's layout from a place in the log on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedLayout {
    /// The table's name.
    pub table: String,
    /// It holds from here on.
    pub point: LogPoint,
    /// The layout as its own JSON text.
    pub json: String,
}

/// What one [`super::State::commit`] writes. The parts are applied in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The new identity.
    pub identity: Option<String>,
    /// Subscriptions to remove; those that are not there are passed over.
    pub remove: Vec<i64>,
    /// Subscriptions to write in the place of what is there under their number.
    pub upsert: Vec<SavedSubscription>,
    /// Layouts to remove.
    pub forget_layouts: Option<ForgetLayouts>,
    /// Layouts to write in the place of what is there for their table and point.
    pub layouts: Vec<SavedLayout>,
    /// Files of the log to forget: those with numbers below this one.
    pub forget_log_files: Option<u64>,
    /// Files of the log, as in [`Saved::log_files`], to write in the place of what is there under their number.
    pub log_files: Vec<(u64, u32)>,
    /// Where the last audit ended.
    pub audit: Option<String>,
    /// How many seconds the server's clock is ahead of this machine's.
    pub server_ahead: Option<i64>,
    /// The places of all stored keys of deleted rows were in another log.
    pub forget_deleted_places: bool,
    /// Stored keys of deleted rows to forget, each with its watch table's name.
    pub forget_deleted: Vec<(String, ForgetDeleted)>,
    /// Keys of deleted rows to write in the place of what is there of the same rows, by the watch table's name.
    pub deleted: Vec<(String, Vec<DeletedKey>)>,
    /// Deliveries to append to the log, by ascending end.
    pub deliveries: Vec<Delivery>,
    /// Deliveries to remove.
    pub forget_deliveries: Option<ForgetDeliveries>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which layouts to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetLayouts {
    /// All of them: they belong to another log.
    All,
    /// Those that nobody needs who reads from this point on: of each table the last one at or before it is kept.
    Before(LogPoint),
}
