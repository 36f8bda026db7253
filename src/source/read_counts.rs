//! What was read of the log, counted.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Counts of one reader, for others to look at while it reads.
#[derive(Debug, Default)]
pub struct ReadCounts {
    events: AtomicU64,
    bytes: AtomicU64,
    changes: AtomicU64,
    unchanged: AtomicU64,
    connections_lost: AtomicU64,
    clock: AtomicU32,
}

/// What has been counted and not been told yet: the reading loop counts here, where it costs nothing.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) changes: u64,
    pub(super) unchanged: u64,
}

impl ReadCounts {
    /// Events read, of whatever kind.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Their bytes, as the log has them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Changes of rows of followed tables.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// Updates of such rows that changed nothing, and were dropped (rule W3).
    pub fn unchanged(&self) -> u64 {
        self.unchanged.load(Relaxed)
    }

    /// Connections that broke.
    pub fn connections_lost(&self) -> u64 {
        self.connections_lost.load(Relaxed)
    }

    /// The server's clock in the last event that told it, in seconds since 1970; 0: none yet.
    pub fn clock(&self) -> u32 {
        self.clock.load(Relaxed)
    }

    /// Takes over what was counted since the last time.
    pub(super) fn take(&self, tally: &mut Tally, clock: u32) {
        let Tally { events, bytes, changes, unchanged } = std::mem::take(tally);
        self.events.fetch_add(events, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.changes.fetch_add(changes, Relaxed);
        self.unchanged.fetch_add(unchanged, Relaxed);
        self.clock.store(clock, Relaxed);
    }

    pub(super) fn connection_lost(&self) {
        self.connections_lost.fetch_add(1, Relaxed);
    }
}
