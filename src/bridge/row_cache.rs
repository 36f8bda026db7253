//! Rows that were read by key for one subscription, kept for others that are about to send them too (rule R6).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{binlog::LogPoint, opendental::WatchId, row::RowKey};

/// What a row takes beside its JSON, about. Bytes.
const ROW_BYTES: usize = 200;

/// A row that takes more than this part of the room is not kept: it would push out all others.
const LARGE: usize = 16;

/// Rows as JSON, as they were at a place in the log. A row's next change in the log, or a doubt, removes it; the oldest
/// make room for new ones.
#[derive(Debug)]
pub(super) struct RowCache {
    rows: HashMap<(WatchId, RowKey), Kept>,
    /// In the order in which they came, with the number of each; what was removed since is passed over.
    order: VecDeque<(WatchId, RowKey, u64)>,
    next: u64,
    bytes: usize,
    room: usize,
    /// By watch table: what was read before this place may be of rows that are gone, and of which no change log knows.
    gone: HashMap<WatchId, LogPoint>,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    /// The row is no older than this.
    at: LogPoint,
    /// Of the lookups.
    generation: u64,
    /// `None`: the row is gone, or is not the watch table's.
    json: Option<Arc<[u8]>>,
}

impl Kept {
    fn bytes(&self) -> usize {
        ROW_BYTES + self.json.as_ref().map_or(0, |json| json.len())
    }
}

impl RowCache {
    /// Keeps so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self { rows: HashMap::new(), order: VecDeque::new(), next: 0, bytes: 0, room, gone: HashMap::new() }
    }

    /// The row as it is no earlier than `since`, rendered with this generation of the lookups. `Some(None)`: it is gone.
    pub(super) fn get(
        &self,
        watch: WatchId,
        key: &RowKey,
        since: Option<LogPoint>,
        generation: u64,
    ) -> Option<Option<Arc<[u8]>>> {
        if self.rows.is_empty() {
            return None;
        }
        let kept = self.rows.get(&(watch, key.clone()))?;
        let is_fresh = kept.generation == generation && since.is_none_or(|since| since <= kept.at);
        is_fresh.then(|| kept.json.clone())
    }

    /// Keeps the row as it was read when the log had been read up to `at`.
    pub(super) fn keep(&mut self, watch: WatchId, key: &RowKey, at: LogPoint, generation: u64, json: Option<&[u8]>) {
        let is_late = self.gone.get(&watch).is_some_and(|gone| at < *gone);
        if is_late || json.map_or(0, <[u8]>::len) > self.room / LARGE {
            return;
        }
        self.forget(watch, key);
        let kept = Kept { number: self.next, at, generation, json: json.map(Arc::from) };
        self.bytes += kept.bytes();
        self.order.push_back((watch, key.clone(), self.next));
        self.rows.insert((watch, key.clone()), kept);
        self.next += 1;
        while (self.bytes > self.room || self.order.len() > 2 * self.rows.len() + 64)
            && let Some((watch, key, number)) = self.order.pop_front()
        {
            let place = (watch, key);
            if self.rows.get(&place).is_some_and(|kept| kept.number == number) {
                self.forget(place.0, &place.1);
            }
        }
    }

    /// Whether there is nothing that could be forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row changed.
    pub(super) fn forget(&mut self, watch: WatchId, key: &RowKey) {
        if self.rows.is_empty() {
            return;
        }
        if let Some(kept) = self.rows.remove(&(watch, key.clone())) {
            self.bytes -= kept.bytes();
        }
    }

    /// A row left the change log at `point`, which does not tell any more that it has changed since it was read.
    pub(super) fn row_left(&mut self, watch: WatchId, point: LogPoint) {
        let gone = self.gone.entry(watch).or_default();
        *gone = point.max(*gone);
    }

    /// Any row of the table may have changed before `point`.
    pub(super) fn forget_table(&mut self, watch: WatchId, point: LogPoint) {
        self.row_left(watch, point);
        self.rows.retain(|(of, _), _| *of != watch);
        self.bytes = self.rows.values().map(Kept::bytes).sum();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::opendental::WatchTables;

    fn table() -> WatchId {
        WatchTables::api().find("Appointment").unwrap().0
    }

    fn point(offset: u64) -> LogPoint {
        LogPoint { file: 1, offset }
    }

    fn get(cache: &RowCache, key: i64, since: u64, generation: u64) -> Option<Option<Vec<u8>>> {
        let kept = cache.get(table(), &RowKey::Int(key), Some(point(since)), generation)?;
        Some(kept.map(|json| json.to_vec()))
    }

    #[test]
    fn r6_a_row_that_changed_since_is_read_again() {
        let mut cache = RowCache::new(1 << 20);
        cache.keep(table(), &RowKey::Int(1), point(10), 1, Some(b"one"));
        cache.keep(table(), &RowKey::Int(2), point(10), 1, None);
        assert_eq!(get(&cache, 1, 10, 1), Some(Some(b"one".to_vec())));
        assert_eq!(get(&cache, 2, 0, 1), Some(None), "gone");
        assert_eq!(get(&cache, 3, 0, 1), None);
        assert_eq!(get(&cache, 1, 11, 1), None, "it changed behind the place at which it was read");
        assert_eq!(get(&cache, 1, 10, 2), None, "a name that it shows changed");
        cache.forget(table(), &RowKey::Int(1));
        assert_eq!(get(&cache, 1, 0, 1), None);
        cache.forget_table(table(), point(20));
        assert_eq!((get(&cache, 2, 0, 1), cache.bytes), (None, 0));
    }

    #[test]
    fn r6_a_row_that_was_read_before_its_table_was_in_doubt_is_not_kept() {
        let mut cache = RowCache::new(1 << 20);
        cache.forget_table(table(), point(20));
        cache.keep(table(), &RowKey::Int(1), point(19), 1, Some(b"as it was"));
        assert_eq!(get(&cache, 1, 0, 1), None);
        cache.keep(table(), &RowKey::Int(1), point(20), 1, Some(b"as it is"));
        assert_eq!(get(&cache, 1, 0, 1), Some(Some(b"as it is".to_vec())));
        // The row is deleted while it is read once more.
        cache.forget(table(), &RowKey::Int(1));
        cache.row_left(table(), point(30));
        cache.keep(table(), &RowKey::Int(1), point(20), 1, Some(b"gone"));
        assert_eq!(get(&cache, 1, 0, 1), None);
    }

    #[test]
    fn r6_the_oldest_rows_make_room() {
        let room = 40 * (ROW_BYTES + 100);
        let mut cache = RowCache::new(room);
        for key in 0..1000 {
            cache.keep(table(), &RowKey::Int(key), point(1), 1, Some(&[b'x'; 100]));
            assert!(cache.bytes <= room && cache.order.len() <= 2 * cache.rows.len() + 64);
        }
        assert_eq!((get(&cache, 959, 0, 1), get(&cache, 960, 0, 1).is_some()), (None, true));
        cache.keep(table(), &RowKey::Int(0), point(1), 1, Some(&vec![b'x'; room / 2]));
        assert_eq!(get(&cache, 0, 0, 1), None, "too large");
        // The same row again and again.
        for at in 0..1000 {
            cache.keep(table(), &RowKey::Int(999), point(at), 1, None);
        }
        assert!(cache.order.len() < 200);
    }
}
