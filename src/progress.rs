//! What takes long, and how far it has come: plain values that those at work update, and anyone may look at.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::watch;

/// The target of the log lines that tell of progress while it is made: whoever shows it otherwise leaves them out.
pub const LOG_TARGET: &str = "opendental_cdc::progress";

/// What a bridge has under way. Clones share it; neither updating nor looking waits for anyone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<watch::Sender<UnderWay>>);

impl Progress {
    /// What is under way at present.
    pub fn under_way(&self) -> UnderWay {
        self.0.borrow().clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut UnderWay)) {
        self.0.send_modify(change);
    }
}

/// What takes long, of one moment; the rows of its scans go on being counted.
#[derive(Clone, Debug, Default)]
pub struct UnderWay {
    /// Tables that are searched for a catch-up.
    pub scans: Vec<TableScan>,
    /// How far the log is still to be read; `None`: no further than is read at once.
    pub reading: Option<Behind>,
    /// The same for the second reader, which reads for subscriptions far behind the others.
    pub second_reading: Option<Behind>,
}

/// The search of one table.
#[derive(Clone, Debug)]
pub struct TableScan {
    /// The table's name.
    pub table: String,
    /// How many subscriptions wait for it.
    pub subscriptions: usize,
    /// When it began.
    pub began: Instant,
    /// What it has found.
    pub rows: RowCount,
}

/// Rows that a search has found so far. Clones share one count.
#[derive(Clone, Debug, Default)]
pub struct RowCount(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    found: AtomicU64,
    /// About how many rows the table has, and whether all of them are to be found.
    table: OnceLock<(u64, bool)>,
}

impl RowCount {
    /// How many have been found.
    pub fn found(&self) -> u64 {
        self.0.found.load(Ordering::Relaxed)
    }

    /// About how many rows the table has, found or not, as the server estimates; `None`: it has not told.
    pub fn in_table(&self) -> Option<u64> {
        self.0.table.get().map(|&(rows, _)| rows)
    }

    /// About how many will have been found, where all rows of the table are.
    pub fn expected(&self) -> Option<u64> {
        self.0.table.get().and_then(|&(rows, all)| all.then_some(rows))
    }

    pub(crate) fn one_more(&self) {
        self.0.found.fetch_add(1, Ordering::Relaxed);
    }

    /// The table has about so many rows, of which `all` are to be found.
    pub(crate) fn set_in_table(&self, rows: u64, all: bool) {
        // The first estimate stands.
        let _ = self.0.table.set((rows, all));
    }
}

/// How far what was read of the log lies behind its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Bytes that are still to be read, about.
    pub bytes: u64,
    /// Bytes that were to be read when reading fell behind.
    pub at_first: u64,
    /// The age of the last commit that was read, in seconds by the server's clock; `None`: none was read yet.
    pub seconds: Option<u64>,
}
