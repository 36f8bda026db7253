//! The transactions that a change log holds rows of.

use std::collections::VecDeque;

use crate::binlog::LogPoint;

/// One transaction, as far as its rows need to know.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Commit {
    /// Just behind it.
    pub(super) point: LogPoint,
    /// When it was committed, in microseconds UTC.
    pub(super) committed: i64,
}

/// Commits by number, in the log's order. Each is held once, however many rows it changed.
#[derive(Debug, Default)]
pub(super) struct Commits {
    commits: VecDeque<Commit>,
    /// The number of the first; the others count on from there, and begin at 0 again behind `u32::MAX`.
    first: u32,
}

impl Commits {
    /// The number of a commit that is the last one or comes behind it.
    pub(super) fn add(&mut self, commit: Commit) -> u32 {
        if self.commits.back() != Some(&commit) {
            self.commits.push_back(commit);
        }
        self.first.wrapping_add(self.commits.len() as u32).wrapping_sub(1)
    }

    /// The commit of this number.
    pub(super) fn get(&self, number: u32) -> Commit {
        self.commits.get(number.wrapping_sub(self.first) as usize).copied().unwrap_or_default()
    }

    /// Forgets those at or before `point`.
    pub(super) fn trim(&mut self, point: LogPoint) {
        while self.commits.pop_front_if(|commit| commit.point <= point).is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Forgets those before the one of this number.
    pub(super) fn forget_before(&mut self, number: u32) {
        let count = (number.wrapping_sub(self.first) as usize).min(self.commits.len());
        self.commits.drain(..count);
        self.first = self.first.wrapping_add(count as u32);
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.commits.capacity() * size_of::<Commit>()
    }

    /// Gives back memory beyond what a thousand take.
    pub(super) fn shrink(&mut self) {
        self.commits.shrink_to(1024);
    }
}
