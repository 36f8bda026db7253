//! What the engine's jobs bring back.

use chrono::{DateTime, Utc};

use super::{
    deleted_keys::KeysFound,
    reading::RowsAnswer,
    reload::Loaded,
    storing::Batch,
    ui_events::{PatientRead, UiEventOver},
    unlogged::{SearchError, Unlogged},
};
use crate::{
    delivery::Attempt,
    opendental::WatchId,
    source::{Barrier, Boundary, DatabaseError, LogFiles, Scan, TableFacts, WriteBack, WriteBackOutcome},
    state::{State, StateError},
};

/// A job's result. Jobs never fail silently: an error is a result too.
pub(super) enum Done {
    /// The server's clock and position.
    Barrier(Box<BarrierAnswer>),
    /// The state file holds what was to be stored, or not.
    Stored { state: State, batch: Batch, result: Result<(), StateError> },
    /// What became of DateTimeStart.
    WrittenBack { writes: Vec<WriteBack>, result: Result<Vec<WriteBackOutcome>, DatabaseError> },
    /// A table was scanned for a catch-up.
    Scanned(ScanAnswer),
    /// Keys of deletions were read from the state file.
    KeysFound(Box<KeysFound>),
    /// Rows of an event were read by their keys.
    RowsRead(Box<RowsAnswer>),
    /// An event was tried.
    Attempted(Attempted),
    /// What a table's primary key is was looked up.
    KeyLookedUp { watch: WatchId, result: Result<Option<TableFacts>, DatabaseError> },
    /// Failures of these subscriptions were noted in their rows, or could not be.
    FailuresNoted { nums: Vec<i64>, result: Result<(), DatabaseError> },
    /// A patient who was selected was read.
    PatientRead(PatientRead),
    /// A UI event was accepted or given up.
    UiEventOver(UiEventOver),
    /// Subscriptions and lookups were read anew.
    Reloaded(Result<Loaded, DatabaseError>),
    /// Rows were searched for that the log does not tell.
    Audited(Box<Result<Unlogged, SearchError>>),
    /// The bridge is to stop.
    GivenUp,
}

pub(super) struct BarrierAnswer {
    /// The log had been read up to here when the question was asked.
    pub(super) asked: Boundary,
    pub(super) before: DateTime<Utc>,
    pub(super) after: DateTime<Utc>,
    pub(super) result: Result<Barrier, DatabaseError>,
    /// The log's files, where the barrier lies in another than had been read.
    pub(super) files: Option<LogFiles>,
}

pub(super) struct ScanAnswer {
    pub(super) watch: WatchId,
    /// The subscriptions that asked, each with its epoch and the stamp from which it wants rows.
    pub(super) asked: Vec<(i64, u64, i64)>,
    /// The log had been read up to here before the scan began: changes behind it are in the log.
    pub(super) at: Boundary,
    pub(super) result: Result<Scan, DatabaseError>,
}

pub(super) struct Attempted {
    pub(super) num: i64,
    pub(super) epoch: u64,
    /// The watch table's name.
    pub(super) watch_table: String,
    /// The number of the event's window.
    pub(super) window: u64,
    /// Its `webhook-id`.
    pub(super) id: String,
    /// Elements and bytes of its body.
    pub(super) elements: usize,
    pub(super) bytes: usize,
    pub(super) attempt: Attempt,
}
