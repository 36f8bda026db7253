//! How `memory.budget` is shared out.

use crate::config::ByteSize;

/// The parts of the budget, in bytes. Between the reader and the engine there may be a few times
/// [`Shares::transaction`], and rows that are being read by key take a few times [`Shares::event`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// What the change logs hold, the order of the rows in windows, and the lookups.
    pub(super) logs: usize,
    /// A transaction whose end has not been read yet. Keys alone may take a few times as much.
    pub(super) transaction: usize,
    /// The bodies of events under way; as much again of subscriptions whose last attempt failed, so that endpoints that
    /// hang delay no others.
    pub(super) bodies: usize,
    /// One event's body. One element may be larger.
    pub(super) event: usize,
    /// Rows that were read by key for one subscription and are kept for others.
    pub(super) rows: usize,
}

impl Shares {
    pub(super) fn new(budget: ByteSize) -> Self {
        let budget = budget.in_memory();
        Self { logs: budget / 2, transaction: budget / 16, bodies: budget / 16, event: budget / 64, rows: budget / 32 }
    }
}
