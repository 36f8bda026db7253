//! The change log of one watch table: the latest change of every row, ordered by when it was committed.

mod pack;
mod packing;

use std::{collections::VecDeque, sync::Arc};

pub use self::packing::PackedChanges;
use self::packing::Packs;
use super::{
    commits::{Commit, Commits},
    images::{Images, Place, StoredImage},
    row_index::RowIndex,
};
use crate::{binlog::LogPoint, row::RowKey};

/// The latest change of one row.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Just behind the commit that made the change.
    pub point: LogPoint,
    /// When it was committed, in microseconds UTC: stands in for a stamp that the image does not hold.
    pub committed: i64,
    /// The row after the change, or a deleted one before it; `None`: read it by its key when it is sent (rule R6).
    pub image: Option<StoredImage<'a>>,
    rendered: Option<&'a Rendered>,
}

impl Entry<'_> {
    /// The row as JSON, if it was rendered with this generation of the lookups.
    pub fn rendered(&self, generation: u64) -> Option<Arc<[u8]>> {
        self.rendered.filter(|rendered| rendered.generation == generation).map(|rendered| rendered.json.clone())
    }
}

/// Rendered rows are kept up to this many bytes; beyond, they are rendered for each event that they are in.
const RENDERED_KEPT: usize = 32 << 20;

/// A row as JSON.
#[derive(Debug)]
struct Rendered {
    /// Of the lookups.
    generation: u64,
    json: Arc<[u8]>,
}

/// One row's change. There is one for each row that changed since the last cursor: it is kept small.
#[derive(Debug)]
struct Slot {
    key: RowKey,
    /// The number of its commit.
    commit: u32,
    /// The row has changed again, or was deleted; nothing but the commit is left.
    superseded: bool,
    /// The row is not to be sent, and a pack may still hold it.
    removed: bool,
    /// Neither this row nor any before it has an image.
    is_bare: bool,
    image: Option<Place>,
    rendered: Option<Box<Rendered>>,
}

impl Slot {
    fn new(key: RowKey, commit: u32, image: Option<Place>) -> Self {
        Self { key, commit, superseded: false, removed: false, is_bare: false, image, rendered: None }
    }
}

/// The latest change of every row of one watch table (rule W3).
///
/// A row's next change supersedes the one before, which costs the same however many subscriptions watch the table:
/// a subscription is only a point in here.
#[derive(Debug, Default)]
pub struct ChangeLog {
    // The number of each row's slot.
    rows: RowIndex,
    // In the order of commits, so that what a burst of changes adds lies side by side in memory. Superseded slots are
    // skipped, and swept out when they are more than half.
    slots: VecDeque<Slot>,
    // The number of the first slot; those behind it count on from there, and begin at 0 again behind `u32::MAX`.
    first: u32,
    commits: Commits,
    images: Images,
    rendered_bytes: usize,
    // What came before the slots and of which little is kept.
    packs: Packs,
}

impl ChangeLog {
    /// Records that the row `key` was inserted or updated, or for a watch table of deletions deleted, by the transaction
    /// that committed just before `point`.
    ///
    /// Points must not go backwards; a repeated point is another row (or the same again) of the same transaction.
    pub fn record(&mut self, key: RowKey, point: LogPoint, committed: i64, image: Option<StoredImage<'_>>) {
        let commit = self.commits.add(Commit { point, committed });
        let image = image.and_then(|image| self.images.add(image));
        self.push(Slot::new(key, commit, image));
    }

    fn push(&mut self, slot: Slot) {
        let number = self.first.wrapping_add(self.slots.len() as u32);
        let superseded = self.rows.set(&slot.key, number, key_of(&self.slots, self.first));
        self.slots.push_back(slot);
        if let Some(number) = superseded {
            self.supersede(number);
        }
        let is_sparse = self.slots.len() > 64 && self.slots.len() / 2 > self.rows.len();
        if is_sparse || self.images.are_sparse() {
            self.sweep();
        }
    }

    /// Records that the row `key` is not to be sent: it was deleted, or for a watch table of deletions is there again.
    pub fn remove(&mut self, key: &RowKey) {
        if self.rows.len() > 0
            && let Some(number) = self.rows.remove(key, key_of(&self.slots, self.first))
        {
            self.supersede(number);
        }
        self.remove_packed(key);
    }

    /// Records TRUNCATE or DROP: no row is left to send.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops the changes at or before `point`: every cursor is past them.
    pub fn trim(&mut self, point: LogPoint) {
        while let Some(slot) = self.slots.front()
            && self.commits.get(slot.commit).point <= point
        {
            if !slot.superseded {
                self.rows.remove(&slot.key, key_of(&self.slots, self.first));
            }
            if let Some(slot) = self.slots.pop_front() {
                self.forget(slot.image, slot.rendered);
            }
            self.first = self.first.wrapping_add(1);
        }
        self.commits.trim(point);
        self.packs.trim(point);
        if self.slots.is_empty() {
            // A burst must not keep its memory for ever.
            self.slots.shrink_to(1024);
            self.rows.shrink();
            self.commits.shrink();
            self.images.shrink();
        }
    }

    /// The latest change of the row `key`, if it is in the log and not packed.
    pub fn get(&self, key: &RowKey) -> Option<Entry<'_>> {
        let slot = self.slots.get(index(self.first, self.number(key)?))?;
        (!slot.removed).then(|| self.entry(slot))
    }

    /// The number of the row's slot.
    fn number(&self, key: &RowKey) -> Option<u32> {
        self.rows.get(key, key_of(&self.slots, self.first))
    }

    fn get_mut(&mut self, key: &RowKey) -> Option<&mut Slot> {
        let number = self.number(key)?;
        self.slots.get_mut(index(self.first, number))
    }

    fn entry<'a>(&'a self, slot: &'a Slot) -> Entry<'a> {
        let Commit { point, committed } = self.commits.get(slot.commit);
        let image = slot.image.and_then(|place| self.images.get(place));
        Entry { point, committed, image, rendered: slot.rendered.as_deref() }
    }

    fn point(&self, slot: &Slot) -> LogPoint {
        self.commits.get(slot.commit).point
    }

    /// Keeps the row as it was rendered with this generation of the lookups, for the other subscriptions.
    pub fn keep_rendered(&mut self, key: &RowKey, generation: u64, json: Arc<[u8]>) {
        let kept = self.rendered_bytes;
        let Some(slot) = self.get_mut(key) else { return };
        let mut kept = kept - slot.rendered.take().map_or(0, |rendered| rendered.json.len());
        if kept + json.len() <= RENDERED_KEPT {
            kept += json.len();
            slot.rendered = Some(Box::new(Rendered { generation, json }));
        }
        self.rendered_bytes = kept;
    }

    /// Drops the row's image: the row is read by its key when it is sent.
    pub fn drop_image(&mut self, key: &RowKey) {
        let image = self.get_mut(key).and_then(|slot| slot.image.take());
        self.forget(image, None);
    }

    /// Drops all images of changes behind `from`: these rows are read by their keys when they are sent.
    pub fn distrust(&mut self, from: LogPoint) {
        let commits = &self.commits;
        // Whoever doubts all may do so often.
        let doubted = |slot: &&mut Slot| !slot.is_bare && commits.get(slot.commit).point > from;
        for slot in self.slots.iter_mut().rev().take_while(doubted) {
            slot.is_bare = from == LogPoint::default();
            if let Some(place) = slot.image.take() {
                self.images.remove(place);
            }
            self.rendered_bytes -= slot.rendered.take().map_or(0, |rendered| rendered.json.len());
        }
    }

    /// Drops all changes behind `from`, and those that are packed together with such.
    pub fn forget_behind(&mut self, from: LogPoint) {
        self.packs.forget_behind(from);
        while let Some(slot) = self.slots.back()
            && self.commits.get(slot.commit).point > from
        {
            if !slot.superseded {
                self.rows.remove(&slot.key, key_of(&self.slots, self.first));
            }
            if let Some(slot) = self.slots.pop_back() {
                self.forget(slot.image, slot.rendered);
            }
        }
    }

    /// The rows whose latest change lies behind `from` and not behind `to`, in the order of their commits; without those
    /// that are packed: see [`ChangeLog::packed`].
    pub fn range(&self, from: LogPoint, to: LogPoint) -> impl Iterator<Item = (&RowKey, Entry<'_>)> {
        let start = self.slots.partition_point(|slot| self.point(slot) <= from);
        let slots = self.slots.range(start..).take_while(move |slot| self.point(slot) <= to);
        slots.filter(|slot| !slot.superseded && !slot.removed).map(|slot| (&slot.key, self.entry(slot)))
    }

    /// Whether any row's latest change lies behind `from` and not behind `to`.
    pub fn any(&self, from: LogPoint, to: LogPoint) -> bool {
        // Most windows are empty: the newest slot answers for them.
        let in_slots = self.slots.back().is_some_and(|slot| self.point(slot) > from);
        (in_slots && self.range(from, to).next().is_some()) || self.packed(from, to).next().is_some()
    }

    /// How many rows changed behind `from`, at most: one that changed several times may count as often. Costs little.
    pub fn changes_behind(&self, from: LogPoint) -> usize {
        let start = self.slots.partition_point(|slot| self.point(slot) <= from);
        let slots = self.slots.len().saturating_sub(start).min(self.rows.len());
        slots.saturating_add(self.packs.len_behind(from))
    }

    /// How many rows are in the log; rows that were packed and have changed since may count twice.
    pub fn len(&self) -> usize {
        self.rows.len() + self.packs.len()
    }

    /// How many of them are packed.
    pub fn packed_len(&self) -> usize {
        self.packs.len()
    }

    /// Whether no row is in the log.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all row images in the log.
    pub fn image_bytes(&self) -> usize {
        self.images.live()
    }

    /// About how many bytes of memory the log takes, with its keys and images; long keys' own bytes are not counted.
    pub fn bytes(&self) -> usize {
        let slots = self.slots.capacity() * size_of::<Slot>();
        slots + self.rows.bytes() + self.commits.bytes() + self.images.held() + self.rendered_bytes + self.packs.bytes()
    }

    fn supersede(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(index(self.first, number)) else { return };
        slot.superseded = true;
        let (image, rendered) = (slot.image.take(), slot.rendered.take());
        self.forget(image, rendered);
    }

    fn forget(&mut self, image: Option<Place>, rendered: Option<Box<Rendered>>) {
        if let Some(place) = image {
            self.images.remove(place);
        }
        self.rendered_bytes -= rendered.map_or(0, |rendered| rendered.json.len());
    }

    /// Makes the index of the slots anew.
    fn index_again(&mut self) {
        self.rows.clear();
        for (place, slot) in (0..).zip(&self.slots) {
            if !slot.superseded {
                let number = self.first.wrapping_add(place);
                self.rows.insert(&slot.key, number, key_of(&self.slots, self.first));
            }
        }
    }

    /// Moves what is still needed together.
    fn sweep(&mut self) {
        self.slots.retain(|slot| !slot.superseded);
        self.first = 0;
        let commits = std::mem::take(&mut self.commits);
        for slot in &mut self.slots {
            slot.commit = self.commits.add(commits.get(slot.commit));
        }
        self.index_again();
        if self.images.are_sparse() {
            self.images.move_together(self.slots.iter_mut().map(|slot| &mut slot.image));
        }
    }
}

/// Where the slot of this number is. (There are fewer than 2^32 of them: they would take 200 GB.)
fn index(first: u32, number: u32) -> usize {
    number.wrapping_sub(first) as usize
}

/// Tells the key in the slot of a number.
fn key_of<'a>(slots: &'a VecDeque<Slot>, first: u32) -> impl Fn(u32) -> Option<&'a RowKey> {
    move |number| slots.get(index(first, number)).map(|slot| &slot.key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{binlog::TableColumns, source::Layout};

    fn point(offset: u64) -> LogPoint {
        LogPoint { file: 1, offset }
    }

    fn layout() -> Arc<Layout> {
        Arc::new(Layout {
            schema: "s".to_owned(),
            table: "t".to_owned(),
            names: Vec::new(),
            columns: TableColumns::new(Vec::new(), None),
            primary_key: Vec::new(),
            transactional: false,
            keys_only: false,
        })
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
    fn r4_doubtful_images_are_dropped_and_doubtful_deletions_forgotten() {
        let mut log = ChangeLog::default();
        let layout = layout();
        let record = |log: &mut ChangeLog, key| {
            let image = StoredImage { bytes: b"image", present: None, layout: &layout };
            log.record(RowKey::Int(key), point(key as u64), 0, Some(image));
        };
        let images =
            |log: &ChangeLog| [1, 2, 3].map(|key| log.get(&RowKey::Int(key)).map(|entry| entry.image.is_some()));
        (1..=3).for_each(|key| record(&mut log, key));
        log.distrust(point(2));
        assert_eq!(images(&log), [Some(true), Some(true), Some(false)]);
        log.distrust(LogPoint::default());
        assert_eq!((images(&log), log.image_bytes()), ([Some(false); 3], 0));
        record(&mut log, 3);
        assert_eq!(images(&log), [Some(false), Some(false), Some(true)]);
        log.distrust(LogPoint::default());
        log.forget_behind(point(1));
        assert_eq!(images(&log), [Some(false), None, None]);
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
        assert!(log.bytes() < 20_000, "{} bytes for one row", log.bytes());
    }

    #[test]
    fn rows_keep_their_images_whatever_happens_to_their_neighbours() {
        let layout = layout();
        let (mut log, mut random) = (ChangeLog::default(), fastrand::Rng::with_seed(7));
        let mut expected: BTreeMap<i64, (u64, Option<Vec<u8>>)> = BTreeMap::new();
        for step in 1..30_000 {
            let key = random.i64(0..3000) * random.i64(0..3);
            match random.u8(0..100) {
                0..75 => {
                    let bytes = vec![random.u8(..); random.usize(1..2000)];
                    let image = StoredImage { bytes: &bytes, present: None, layout: &layout };
                    let image = random.bool().then_some(image);
                    log.record(RowKey::Int(key), point(step / 3), 0, image);
                    expected.insert(key, (step / 3, image.map(|image| image.bytes.to_vec())));
                }
                75..95 => {
                    log.remove(&RowKey::Int(key));
                    expected.remove(&key);
                }
                95..99 => {
                    log.drop_image(&RowKey::Int(key));
                    expected.entry(key).and_modify(|(_, image)| *image = None);
                }
                _ => {
                    let to = (step / 3).saturating_sub(random.u64(0..20_000));
                    log.trim(point(to));
                    expected.retain(|_, (point, _)| *point > to);
                }
            }
            let entry = log.get(&RowKey::Int(key));
            let found = entry.map(|entry| (entry.point.offset, entry.image.map(|image| image.bytes.to_vec())));
            assert_eq!(found.as_ref(), expected.get(&key), "step {step}");
        }
        let found = log.range(point(0), point(u64::MAX)).map(|(key, entry)| match key {
            RowKey::Int(key) => (*key, (entry.point.offset, entry.image.map(|image| image.bytes.to_vec()))),
            other => panic!("{other:?}"),
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
        let live: usize = expected.values().filter_map(|(_, image)| image.as_ref()).map(Vec::len).sum();
        assert_eq!(log.image_bytes(), live);
        assert!(log.bytes() < 3 * live + (2 << 20), "{} bytes for images of {live}", log.bytes());
    }
}
