//! The keys of the rows that a large transaction changed.

use std::sync::Arc;

use super::{
    change::{Change, ChangeKind, TableId},
    changes::{ChangedRow, Changes, Rest},
    row_layout::Layout,
};
use crate::{
    packed::{Cursor, KeyBytes, ListBuilder, PackedList},
    row::RowKey,
};

/// So many rows are handed out together.
const ROWS: usize = 1000;

/// What an entry is.
const KEY: i64 = 0;
/// The key before the change, in front of the key after it.
const OLD_KEY: i64 = 1;

/// Changes of rows of one table of which only the keys are known, in the log's order.
#[derive(Clone)]
pub struct ChangedKeys {
    table: TableId,
    kind: ChangeKind,
    layout: Arc<Layout>,
    keys: ListBuilder,
}

impl std::fmt::Debug for ChangedKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ChangedKeys")
            .field("table", &self.layout.table)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl ChangedKeys {
    /// The keys of `changes`.
    pub(super) fn of(changes: &Changes) -> Self {
        let keys = ListBuilder::default();
        let mut of = Self { table: changes.table(), kind: changes.kind(), layout: changes.layout().clone(), keys };
        of.add(changes);
        of
    }

    /// Whether [`ChangedKeys::add`] may be called with `changes`.
    pub(super) fn takes(&self, changes: &Changes) -> bool {
        self.table == changes.table() && self.kind == changes.kind() && Arc::ptr_eq(&self.layout, changes.layout())
    }

    pub(super) fn add(&mut self, changes: &Changes) {
        let mut bytes = Vec::new();
        for (key, old_key) in changes.keys() {
            for (key, kind) in old_key.map(|key| (key, OLD_KEY)).into_iter().chain([(key, KEY)]) {
                bytes.clear();
                KeyBytes::write(key, &mut bytes);
                self.keys.push(&bytes, kind);
            }
        }
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.table
    }

    pub(super) fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Whether no row changed; never so in a transaction.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// About how many bytes of memory they take.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.keys.bytes()
    }

    /// The same as changes without images, some rows at a time.
    pub fn into_changes(self) -> impl Iterator<Item = Changes> {
        let (table, kind, layout) = (self.table, self.kind, self.layout.clone());
        let mut keys = self.into_iter();
        std::iter::from_fn(move || {
            let next = || {
                let (key, old_key) = keys.next_keys()?;
                let rest = old_key.map(|old_key| Box::new(Rest { old_key: Some(old_key), ..Rest::default() }));
                Some(ChangedRow { key, image: None, rest })
            };
            let rows: Vec<_> = std::iter::from_fn(next).take(ROWS).collect();
            (!rows.is_empty()).then(|| Changes::new(table, kind, layout.clone(), &[], rows))
        })
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.keys = ListBuilder::default();
    }
}

impl IntoIterator for ChangedKeys {
    type Item = Change;
    type IntoIter = IntoChangedKeys;

    fn into_iter(self) -> IntoChangedKeys {
        let Self { table, kind, layout, keys } = self;
        IntoChangedKeys { table, kind, layout, keys: keys.finish().into_cursor() }
    }
}

/// Hands out [`ChangedKeys`] as changes without images.
pub struct IntoChangedKeys {
    table: TableId,
    kind: ChangeKind,
    layout: Arc<Layout>,
    keys: Cursor<PackedList>,
}

impl std::fmt::Debug for IntoChangedKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("IntoChangedKeys").finish_non_exhaustive()
    }
}

impl IntoChangedKeys {
    fn next_key(&mut self) -> Option<(RowKey, i64)> {
        let (mut key, kind) = self.keys.advance()?;
        Some((KeyBytes::read(&mut key)?, kind))
    }

    /// A row's key, and the one that it had before if that was another.
    fn next_keys(&mut self) -> Option<(RowKey, Option<RowKey>)> {
        Some(match self.next_key()? {
            (old_key, OLD_KEY) => (self.next_key()?.0, Some(old_key)),
            (key, _) => (key, None),
        })
    }
}

impl Iterator for IntoChangedKeys {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let (key, old_key) = self.next_keys()?;
        let (table, kind, layout) = (self.table, self.kind, self.layout.clone());
        Some(Change { table, kind, key, old_key, image: None, partial: None, before: None, layout })
    }
}
