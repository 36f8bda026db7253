//! How `memory.budget` is shared out.

use crate::config::ByteSize;

/// The parts of the budget, in bytes. Rows that are being read by key take a few times [`Shares::event`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// The bodies of events under way; as much again of subscriptions whose last attempt failed, so that endpoints that
    /// hang delay no others.
    pub(super) bodies: usize,
    /// One event's body. One element may be larger.
    pub(super) event: usize,
}

impl Shares {
    pub(super) fn new(budget: ByteSize) -> Self {
        let budget = budget.in_memory();
        Self { bodies: budget / 16, event: budget / 64 }
    }
}
