//! Rows' places in a window, in their order.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Cursor, KeyBytes, ListBuilder, PackedList};
use crate::row::RowKey;

/// A row's place in its window: its time stamp in microseconds UTC, then its primary key (rule W4).
pub type Mark = (i64, RowKey);

/// Marks that are collected before they are packed.
const RUN: usize = 1 << 16;

/// Marks in ascending order, without repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(PackedList);

impl Marks {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory they take.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Each of them.
    pub fn iter(&self) -> MarksFrom<'_> {
        MarksFrom(self.0.cursor())
    }

    /// Those behind `mark`.
    pub fn behind(&self, mark: &Mark) -> MarksFrom<'_> {
        let mut bytes = Vec::new();
        write(mark.0, &mark.1, &mut bytes);
        let mut cursor = self.0.cursor_at(&bytes);
        cursor.skip(&bytes);
        MarksFrom(cursor)
    }
}

impl FromIterator<Mark> for Marks {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        let mut builder = MarksBuilder::default();
        for (stamp, key) in marks {
            builder.push(stamp, &key);
        }
        builder.finish()
    }
}

/// Hands out [`Marks`] in their order.
#[derive(Clone, Debug)]
pub struct MarksFrom<'a>(Cursor<&'a PackedList>);

impl Iterator for MarksFrom<'_> {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        let (mut bytes, _) = self.0.advance()?;
        Some((KeyBytes::read_int(&mut bytes)?, KeyBytes::read(&mut bytes)?))
    }
}

/// Collects marks in any order.
#[derive(Debug, Default)]
pub struct MarksBuilder {
    /// The bytes of the marks that are not packed yet, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    runs: Vec<PackedList>,
}

impl MarksBuilder {
    /// Adds one; one that is there already changes nothing.
    pub fn push(&mut self, stamp: i64, key: &RowKey) {
        write(stamp, key, &mut self.bytes);
        self.ends.push(self.bytes.len());
        if self.ends.len() == RUN {
            self.end_run();
        }
    }

    /// All of them, in order.
    pub fn finish(mut self) -> Marks {
        self.end_run();
        match self.runs.pop() {
            None => Marks::default(),
            Some(only) if self.runs.is_empty() => Marks(only),
            Some(last) => {
                self.runs.push(last);
                Marks(merge(&self.runs))
            }
        }
    }

    fn end_run(&mut self) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut marks: Vec<&[u8]> =
            starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default()).collect();
        marks.sort_unstable();
        marks.dedup();
        let mut builder = ListBuilder::default();
        for mark in &marks {
            builder.push(mark, 0);
        }
        if !marks.is_empty() {
            self.runs.push(builder.finish());
        }
        self.bytes.clear();
        self.ends.clear();
    }
}

fn write(stamp: i64, key: &RowKey, out: &mut Vec<u8>) {
    KeyBytes::write_int(stamp, out);
    KeyBytes::write(key, out);
}

fn merge(runs: &[PackedList]) -> PackedList {
    let mut cursors: Vec<Cursor<&PackedList>> = runs.iter().map(PackedList::cursor).collect();
    let mut heap = BinaryHeap::new();
    for (index, cursor) in cursors.iter_mut().enumerate() {
        heap.extend(cursor.advance().map(|(key, _)| Reverse((key.to_owned(), index))));
    }
    let (mut builder, mut last) = (ListBuilder::default(), None);
    while let Some(Reverse((key, index))) = heap.pop() {
        if last.as_ref() != Some(&key) {
            builder.push(&key, 0);
        }
        // The memory of one before is used again.
        let mut next = last.replace(key).unwrap_or_default();
        if let Some((key, _)) = cursors.get_mut(index).and_then(Cursor::advance) {
            next.clear();
            next.extend_from_slice(key);
            heap.push(Reverse((next, index)));
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{super::key_bytes::tests::key, *};

    proptest! {
        #[test]
        fn w4_marks_come_out_in_the_order_of_stamp_then_key(
            marks in prop::collection::vec((0..4_i64, key()), 0..300),
            wanted in (0..4_i64, key()),
        ) {
            let packed: Marks = marks.iter().cloned().collect();
            let model: BTreeSet<Mark> = marks.into_iter().collect();
            prop_assert_eq!(packed.len(), model.len());
            prop_assert!(packed.iter().eq(model.iter().cloned()));
            for wanted in model.iter().step_by(9).chain([&wanted]) {
                prop_assert!(packed.behind(wanted).eq(model.iter().filter(|mark| *mark > wanted).cloned()));
            }
        }
    }

    #[test]
    fn r6_a_million_rows_of_one_statement_take_a_few_bytes_each() {
        let mut builder = MarksBuilder::default();
        // As several runs that overlap.
        for key in (0..1_000_000).step_by(2).chain((0..1_000_000).rev()) {
            builder.push(1_700_000_000_000_000, &RowKey::Int(key));
        }
        let marks = builder.finish();
        assert_eq!(marks.len(), 1_000_000);
        assert!(marks.bytes() < 5_000_000, "{} bytes", marks.bytes());
        assert!(marks.iter().map(|(_, key)| key).eq((0..1_000_000).map(RowKey::Int)));
    }
}
