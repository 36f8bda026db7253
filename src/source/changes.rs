//! The changes of one rows event.

use std::sync::Arc;

use super::{
    change::{Change, ChangeKind, PartialImage, TableId},
    row_layout::Layout,
    shared_bytes::SharedBytes,
};
use crate::row::RowKey;

/// What a change costs beside its images, in bytes.
const CHANGE_BYTES: usize = 200;

/// The changes of one rows event, in the log's order: what they have in common is held, and handed from task to task,
/// once for all of them.
///
/// Holds patients' values: its `Debug` shows none of them (rule D4).
#[derive(Clone)]
pub struct Changes {
    table: TableId,
    kind: ChangeKind,
    layout: Arc<Layout>,
    /// Holds the images of all rows; empty if none is kept.
    images: Arc<[u8]>,
    rows: Vec<ChangedRow>,
}

/// What a row's change has of its own: see [`Change`]. There is one for each row in the log, so it is kept small.
#[derive(Clone)]
pub(super) struct ChangedRow {
    pub(super) key: RowKey,
    /// Where the image is in the event's; `None` if it is not whole.
    pub(super) image: Option<Part>,
    pub(super) rest: Option<Box<Rest>>,
}

/// What few changes have.
#[derive(Clone, Default)]
pub(super) struct Rest {
    pub(super) old_key: Option<RowKey>,
    pub(super) partial: Option<PartialImage>,
    /// Where the before image is, if it is whole and somebody wants it.
    pub(super) before: Option<Part>,
}

/// One of the changes, as it stands among them: see [`Change`].
///
/// Holds a patient's values: it has no `Debug` (rule D4).
#[derive(Clone, Copy)]
pub struct ChangeRef<'a> {
    /// The row's primary key after the change; before it for a delete.
    pub key: &'a RowKey,
    /// The key before the change, if an update changed it.
    pub old_key: Option<&'a RowKey>,
    /// The row's bytes, if they are whole.
    pub image: Option<&'a [u8]>,
    /// What the log holds of the row where that is not every column.
    pub partial: Option<&'a PartialImage>,
    /// The before image of an update, if it is whole and somebody wants it.
    pub before: Option<&'a [u8]>,
}

/// A stretch of an event's images, whose size has 32 bits.
#[derive(Clone, Copy)]
pub(super) struct Part {
    start: u32,
    end: u32,
}

impl Part {
    /// Where `part` is in `all`; `None` if it is no part of it.
    pub(super) fn of(all: &[u8], part: &[u8]) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(all.as_ptr().addr())?;
        let end = start.checked_add(part.len()).filter(|end| *end <= all.len())?;
        Some(Self { start: start.try_into().ok()?, end: end.try_into().ok()? })
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Changes")
            .field("table", &self.layout.table)
            .field("kind", &self.kind)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Changes {
    /// Copies `images` if any of the rows has a part of it.
    pub(super) fn new(
        table: TableId,
        kind: ChangeKind,
        layout: Arc<Layout>,
        images: &[u8],
        rows: Vec<ChangedRow>,
    ) -> Self {
        let kept =
            rows.iter().any(|row| row.image.is_some() || row.rest.as_ref().is_some_and(|rest| rest.before.is_some()));
        let images = if kept { images.into() } else { Arc::default() };
        Self { table, kind, layout, images, rows }
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// What happened to the rows.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// How to read the images.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Bytes of the images that they came with.
    pub fn image_bytes(&self) -> usize {
        self.images.len()
    }

    /// Each row's key, and the one that it had before if that was another.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&RowKey, Option<&RowKey>)> {
        self.rows.iter().map(|row| (&row.key, row.rest.as_ref().and_then(|rest| rest.old_key.as_ref())))
    }

    /// How many rows changed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row changed; never so in a transaction.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// About how many bytes of memory they take.
    pub(super) fn bytes(&self) -> usize {
        let partial = self.rows.iter().filter_map(|row| row.rest.as_ref()?.partial.as_ref());
        let partial = partial.map(|image| image.bytes.len());
        self.images.len() + self.rows.len() * CHANGE_BYTES + partial.sum::<usize>()
    }

    /// Each change, in the log's order, where it stands. Costs much less than [`Changes::iter`].
    pub fn refs(&self) -> impl Iterator<Item = ChangeRef<'_>> {
        let part = |part: Part| self.images.get(part.start as usize..part.end as usize).unwrap_or_default();
        self.rows.iter().map(move |row| {
            let rest = row.rest.as_deref();
            ChangeRef {
                key: &row.key,
                old_key: rest.and_then(|rest| rest.old_key.as_ref()),
                image: row.image.map(part),
                partial: rest.and_then(|rest| rest.partial.as_ref()),
                before: rest.and_then(|rest| rest.before).map(part),
            }
        })
    }

    /// Each change, in the log's order.
    pub fn iter(&self) -> impl Iterator<Item = Change> {
        self.rows.iter().cloned().map(|row| change(self.table, self.kind, &self.layout, &self.images, row))
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = IntoChanges;

    fn into_iter(self) -> IntoChanges {
        let Self { table, kind, layout, images, rows } = self;
        IntoChanges { table, kind, layout, images, rows: rows.into_iter() }
    }
}

/// Hands out [`Changes`] one by one.
pub struct IntoChanges {
    table: TableId,
    kind: ChangeKind,
    layout: Arc<Layout>,
    images: Arc<[u8]>,
    rows: std::vec::IntoIter<ChangedRow>,
}

impl std::fmt::Debug for IntoChanges {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IntoChanges({} left)", self.rows.len())
    }
}

impl Iterator for IntoChanges {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let row = self.rows.next()?;
        Some(change(self.table, self.kind, &self.layout, &self.images, row))
    }
}

fn change(table: TableId, kind: ChangeKind, layout: &Arc<Layout>, images: &Arc<[u8]>, row: ChangedRow) -> Change {
    let ChangedRow { key, image, rest } = row;
    let Rest { old_key, partial, before } = rest.map(|rest| *rest).unwrap_or_default();
    let shared = |part: Part| SharedBytes::part(images, part.start, part.end);
    let (image, before) = (image.map(shared), before.map(shared));
    Change { table, kind, key, old_key, image, partial: partial.map(Box::new), before, layout: layout.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_in_its_whole_and_nowhere_else() {
        let (all, other) = (vec![7; 100], [7; 10]);
        for range in [0..100, 10..20, 99..100, 100..100, 0..0] {
            let part = Part::of(&all, &all[range.clone()]).map(|part| part.start as usize..part.end as usize);
            assert_eq!(part, Some(range));
        }
        assert!(Part::of(&all, &other).is_none());
        assert!(Part::of(&all[..50], &all[40..60]).is_none());
    }
}
