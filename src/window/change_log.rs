//! The change log of one watch table: the latest change of every row, ordered by when it was committed.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use foldhash::fast::RandomState;

use crate::{
    binlog::LogPoint,
    row::RowKey,
    source::{Layout, SharedBytes},
};

/// A row image with the layout that tells its columns.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// The image as the binlog carried it.
    pub bytes: SharedBytes,
    /// The bitmap of the columns that it holds, from the lowest bit of the first byte; `None`: all.
    pub present: Option<Box<[u8]>>,
    /// The layout that held at its position.
    pub layout: Arc<Layout>,
}

/// The latest change of one row.
#[derive(Debug)]
pub struct Entry {
    /// Just behind the commit that made the change.
    pub point: LogPoint,
    /// When it was committed, in microseconds UTC: stands in for a stamp that the image does not hold.
    pub committed: i64,
    /// The row after the change, or a deleted one before it; `None`: read it by its key when it is sent (rule R6).
    pub image: Option<StoredImage>,
    rendered: Option<(u64, Arc<[u8]>)>,
}

impl Entry {
    /// The row as JSON, if it was rendered with this generation of the lookups.
    pub fn rendered(&self, generation: u64) -> Option<Arc<[u8]>> {
        self.rendered.as_ref().filter(|(rendered, _)| *rendered == generation).map(|(_, json)| json.clone())
    }
}

/// Rendered rows are kept up to this many bytes; beyond, they are rendered for each event that they are in.
const RENDERED_KEPT: usize = 32 << 20;

#[derive(Debug)]
struct Slot {
    key: RowKey,
    /// The row has changed again, or was deleted; nothing but the entry's point is left.
    superseded: bool,
    entry: Entry,
}

/// The latest change of every row of one watch table (rule W3).
///
/// A row's next change supersedes the one before, which costs the same however many subscriptions watch the table:
/// a subscription is only a point in here.
#[derive(Debug, Default)]
pub struct ChangeLog {
    // The number of each row's slot.
    rows: HashMap<RowKey, usize, RandomState>,
    // In the order of commits, so that what a burst of changes adds lies side by side in memory. Superseded slots are
    // skipped, and swept out when they are more than half.
    slots: VecDeque<Slot>,
    // The number of the first slot; those behind it count on from there.
    first: usize,
    image_bytes: usize,
    rendered_bytes: usize,
}

impl ChangeLog {
    /// Records that the row `key` was inserted or updated, or for a watch table of deletions deleted, by the transaction
    /// that committed just before `point`.
    ///
    /// Points must not go backwards; a repeated point is another row (or the same again) of the same transaction.
    pub fn record(&mut self, key: RowKey, point: LogPoint, committed: i64, image: Option<StoredImage>) {
        let image = image.map(|image| StoredImage { bytes: image.bytes.compact(), ..image });
        self.image_bytes += image.as_ref().map_or(0, |image| image.bytes.len());
        let superseded = self.rows.insert(key.clone(), self.first + self.slots.len());
        let entry = Entry { point, committed, image, rendered: None };
        self.slots.push_back(Slot { key, superseded: false, entry });
        if let Some(number) = superseded {
            self.supersede(number);
        }
        if self.slots.len() > 64 && self.slots.len() / 2 > self.rows.len() {
            self.sweep();
        }
    }

    /// Records that the row `key` is not to be sent: it was deleted, or for a watch table of deletions is there again.
    pub fn remove(&mut self, key: &RowKey) {
        if let Some(number) = self.rows.remove(key) {
            self.supersede(number);
        }
    }

    /// Records TRUNCATE or DROP: no row is left to send.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops the changes at or before `point`: every cursor is past them.
    pub fn trim(&mut self, point: LogPoint) {
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.entry.point <= point) {
            self.first += 1;
            if !slot.superseded {
                self.rows.remove(&slot.key);
                self.forget(&slot.entry);
            }
        }
        if self.slots.is_empty() {
            // A burst must not keep its memory for ever.
            self.slots.shrink_to(1024);
            self.rows.shrink_to(1024);
        }
    }

    /// The latest change of the row `key`, if it is in the log.
    pub fn get(&self, key: &RowKey) -> Option<&Entry> {
        let number = self.rows.get(key)?;
        self.slots.get(number - self.first).map(|slot| &slot.entry)
    }

    fn get_mut(&mut self, key: &RowKey) -> Option<&mut Entry> {
        let number = self.rows.get(key)?;
        self.slots.get_mut(number - self.first).map(|slot| &mut slot.entry)
    }

    /// Keeps the row as it was rendered with this generation of the lookups, for the other subscriptions.
    pub fn keep_rendered(&mut self, key: &RowKey, generation: u64, json: Arc<[u8]>) {
        let kept = self.rendered_bytes;
        let Some(entry) = self.get_mut(key) else { return };
        let mut kept = kept - entry.rendered.take().map_or(0, |(_, json)| json.len());
        if kept + json.len() <= RENDERED_KEPT {
            kept += json.len();
            entry.rendered = Some((generation, json));
        }
        self.rendered_bytes = kept;
    }

    /// Drops the row's image: the row is read by its key when it is sent.
    pub fn drop_image(&mut self, key: &RowKey) {
        if let Some(image) = self.get_mut(key).and_then(|entry| entry.image.take()) {
            self.image_bytes -= image.bytes.len();
        }
    }

    /// The rows whose latest change lies behind `from` and not behind `to`, in the order of their commits.
    pub fn range(&self, from: LogPoint, to: LogPoint) -> impl Iterator<Item = (&RowKey, &Entry)> {
        let start = self.slots.partition_point(|slot| slot.entry.point <= from);
        let slots = self.slots.range(start..).take_while(move |slot| slot.entry.point <= to);
        slots.filter(|slot| !slot.superseded).map(|slot| (&slot.key, &slot.entry))
    }

    /// Whether any row's latest change lies behind `from` and not behind `to`.
    pub fn any(&self, from: LogPoint, to: LogPoint) -> bool {
        // Most windows are empty: the newest slot answers for them.
        self.slots.back().is_some_and(|slot| slot.entry.point > from) && self.range(from, to).next().is_some()
    }

    /// How many rows are in the log.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is in the log.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all row images in the log.
    pub fn image_bytes(&self) -> usize {
        self.image_bytes
    }

    fn supersede(&mut self, number: usize) {
        let Some(slot) = self.slots.get_mut(number - self.first) else { return };
        slot.superseded = true;
        let rest = Entry { image: None, rendered: None, ..slot.entry };
        let entry = std::mem::replace(&mut slot.entry, rest);
        self.forget(&entry);
    }

    fn forget(&mut self, entry: &Entry) {
        self.image_bytes -= entry.image.as_ref().map_or(0, |image| image.bytes.len());
        self.rendered_bytes -= entry.rendered.as_ref().map_or(0, |(_, json)| json.len());
    }

    fn sweep(&mut self) {
        self.slots.retain(|slot| !slot.superseded);
        self.first = 0;
        for (number, slot) in self.slots.iter().enumerate() {
            if let Some(known) = self.rows.get_mut(&slot.key) {
                *known = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(offset: u64) -> LogPoint {
        LogPoint { file: 1, offset }
    }

    fn keys(log: &ChangeLog, from: u64, to: u64) -> Vec<i64> {
        log.range(point(from), point(to))
            .map(|(key, _)| match key {
                RowKey::Int(key) => *key,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn w3_a_row_is_in_the_log_once_at_its_last_change() {
        let mut log = ChangeLog::default();
        log.record(RowKey::Int(1), point(10), 0, None);
        log.record(RowKey::Int(2), point(20), 0, None);
        log.record(RowKey::Int(1), point(30), 0, None);
        assert_eq!(keys(&log, 0, 100), [2, 1]);
        assert_eq!(keys(&log, 0, 20), [2]);
        assert_eq!(keys(&log, 20, 30), [1]);
        assert!(!log.any(point(30), point(100)));
    }

    #[test]
    fn w3_a_deleted_row_leaves_and_a_new_one_of_its_key_comes_back() {
        let mut log = ChangeLog::default();
        log.record(RowKey::Int(1), point(10), 0, None);
        log.remove(&RowKey::Int(1));
        assert!(log.is_empty());
        assert!(!log.any(point(0), point(100)));
        // REPLACE may log a delete and an insert in one transaction.
        log.record(RowKey::Int(1), point(20), 0, None);
        log.remove(&RowKey::Int(1));
        log.record(RowKey::Int(1), point(20), 0, None);
        assert_eq!(keys(&log, 0, 100), [1]);
    }

    #[test]
    fn trimming_drops_what_all_cursors_have_passed_and_nothing_else() {
        let mut log = ChangeLog::default();
        for key in 0..10 {
            log.record(RowKey::Int(key), point(key as u64 * 10 + 10), 0, None);
        }
        log.record(RowKey::Int(0), point(200), 0, None);
        log.trim(point(50));
        assert_eq!(keys(&log, 0, 1000), [5, 6, 7, 8, 9, 0]);
    }

    #[test]
    fn a_row_changed_a_million_times_takes_the_space_of_one() {
        let mut log = ChangeLog::default();
        for step in 0..1_000_000 {
            log.record(RowKey::Int(1), point(step), 0, None);
        }
        assert_eq!(log.len(), 1);
        assert!(log.slots.len() <= 65, "{} slots for one row", log.slots.len());
    }
}
