//! Rows of a change log of which nothing is kept but their keys and stamps.

use crate::{
    binlog::LogPoint,
    packed::{Cursor, KeyBytes, ListBuilder, PackedList},
    row::RowKey,
};

/// Rows that changed in a stretch of the log in which no cursor stands and no window ends, so that nobody asks where in
/// it each of them did.
#[derive(Debug)]
pub(super) struct Pack {
    /// Keys, each with the row's stamp.
    rows: PackedList,
    /// A bit for each of `rows` that has changed again, or was deleted, since; none if there is none.
    gone: Vec<u64>,
    live: usize,
    /// The end of the stretch.
    point: LogPoint,
    /// No row's stamp is less.
    oldest: i64,
}

impl Pack {
    /// The rows of a list of keys with stamps, none less than `oldest`, the last of which changed at `point`.
    pub(super) fn new(rows: PackedList, point: LogPoint, oldest: i64) -> Self {
        Self { live: rows.len(), rows, gone: Vec::new(), point, oldest }
    }

    pub(super) fn point(&self) -> LogPoint {
        self.point
    }

    /// No row's stamp is less.
    pub(super) fn oldest(&self) -> i64 {
        self.oldest
    }

    /// How many rows are still in it.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.rows.bytes() + self.gone.capacity() * size_of::<u64>()
    }

    /// Whether the row of these [`KeyBytes`] is still in it.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.rows.find(key).is_some_and(|(index, _)| !self.is_gone(index))
    }

    /// The rows that are still in it, each with its stamp.
    pub(super) fn rows(&self) -> Live<'_> {
        Live { pack: self, cursor: self.rows.cursor() }
    }

    /// Whether there is a row in it whose [`KeyBytes`] are neither less than `first` nor more than `last`.
    pub(super) fn may_hold_any(&self, first: &[u8], last: &[u8]) -> bool {
        self.rows.cursor_at(first).advance().is_some_and(|(key, _)| key <= last)
    }

    /// The rows of `newer` leave it: they have changed again.
    pub(super) fn leave(&mut self, newer: &PackedList) {
        let mut theirs = newer.cursor();
        let mut their = theirs.advance();
        let Some((first, _)) = their else { return };
        let mut ours = self.rows.cursor_at(first);
        let mut gone = Vec::new();
        loop {
            let index = ours.index();
            let Some((key, _)) = ours.advance() else { break };
            while their.is_some_and(|(other, _)| other < key) {
                their = theirs.advance();
            }
            match their {
                Some((other, _)) if other == key => gone.push(index),
                Some(_) => {}
                None => break,
            }
        }
        for index in gone {
            self.set_gone(index);
        }
    }

    /// Both as one, `self` being the older.
    pub(super) fn join(self, newer: Self) -> Self {
        let mut builder = ListBuilder::default();
        let (mut left, mut right) = (self.rows(), newer.rows());
        let (mut older, mut later) = (left.advance(), right.advance());
        loop {
            match (older, later) {
                (Some((key, stamp)), Some((other, _))) if key < other => {
                    builder.push(key, stamp);
                    older = left.advance();
                }
                (Some((key, stamp)), None) => {
                    builder.push(key, stamp);
                    older = left.advance();
                }
                (_, Some((key, stamp))) => {
                    builder.push(key, stamp);
                    later = right.advance();
                }
                (None, None) => break,
            }
        }
        Self::new(builder.finish(), newer.point, self.oldest.min(newer.oldest))
    }

    /// The rows that are still in it, for good.
    pub(super) fn into_rows(self) -> PackedList {
        if self.live == self.rows.len() {
            return self.rows;
        }
        let (mut builder, mut rows) = (ListBuilder::default(), self.rows());
        while let Some((key, stamp)) = rows.advance() {
            builder.push(key, stamp);
        }
        builder.finish()
    }

    fn is_gone(&self, index: usize) -> bool {
        self.gone.get(index / 64).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }

    fn set_gone(&mut self, index: usize) {
        if self.gone.is_empty() {
            self.gone = vec![0; self.rows.len().div_ceil(64)];
        }
        if let Some(bits) = self.gone.get_mut(index / 64) {
            let before = *bits;
            *bits |= 1 << (index % 64);
            self.live -= usize::from(*bits != before);
        }
    }
}

/// Hands out the rows that are still in a [`Pack`].
#[derive(Debug)]
pub(super) struct Live<'a> {
    pack: &'a Pack,
    cursor: Cursor<&'a PackedList>,
}

impl Live<'_> {
    /// The next row's [`KeyBytes`] and stamp.
    fn advance(&mut self) -> Option<(&[u8], i64)> {
        while self.pack.is_gone(self.cursor.index()) {
            self.cursor.advance()?;
        }
        self.cursor.advance()
    }
}

impl Iterator for Live<'_> {
    type Item = (RowKey, i64);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut key, stamp) = self.advance()?;
        Some((KeyBytes::read(&mut key)?, stamp))
    }
}
