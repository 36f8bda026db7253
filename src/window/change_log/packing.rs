//! How a change log gets by with less memory: the oldest changes are packed, which keeps of each row its key and its
//! stamp. The row is read by its key when it is sent (rule R6).

use std::collections::VecDeque;

use super::{ChangeLog, Commit, Entry, Slot, index, pack::Pack};
use crate::{
    binlog::LogPoint,
    packed::{Cursor, KeyBytes, ListBuilder, PackedList},
    row::RowKey,
};

/// The packed changes of a log, which come before all others, in the order of their points.
///
/// A row may be in several packs, and in the log's slots, until the next packing: the newest word counts.
#[derive(Debug, Default)]
pub(super) struct Packs(VecDeque<Pack>);

impl Packs {
    pub(super) fn last_point(&self) -> Option<LogPoint> {
        self.0.back().map(Pack::point)
    }

    /// How many rows are in them.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Pack::live).sum()
    }

    /// How many rows are in those that end behind `from`.
    pub(super) fn len_behind(&self, from: LogPoint) -> usize {
        self.0.iter().filter(|pack| pack.point() > from).map(Pack::live).sum()
    }

    /// How much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Pack::bytes).sum()
    }

    /// The point of the row `key`, if it is in one of them.
    pub(super) fn point_of(&self, key: &RowKey) -> Option<LogPoint> {
        if self.0.is_empty() {
            return None;
        }
        let mut bytes = Vec::new();
        KeyBytes::write(key, &mut bytes);
        self.0.iter().rev().find(|pack| pack.holds(&bytes)).map(Pack::point)
    }

    /// Each row whose point lies behind `from` and not behind `to`, with its stamp.
    pub(super) fn range(&self, from: LogPoint, to: LogPoint) -> impl Iterator<Item = (RowKey, i64)> {
        let packs = self.0.iter().filter(move |pack| pack.point() > from && pack.point() <= to);
        packs.flat_map(Pack::rows)
    }

    /// Drops those at or before `point`.
    pub(super) fn trim(&mut self, point: LogPoint) {
        while self.0.pop_front_if(|pack| pack.point() <= point).is_some() {}
    }

    /// Drops those that end behind `point`.
    pub(super) fn forget_behind(&mut self, point: LogPoint) {
        while self.0.pop_back_if(|pack| pack.point() > point).is_some() {}
    }

    /// Those that are not apart by a cut become one, so that few are searched. What is joined is at most twice as large
    /// as what it is joined with, so that a row is not copied for each packing.
    fn join(&mut self, cuts: &[LogPoint]) {
        let mut joined: Vec<Pack> = Vec::with_capacity(self.0.len());
        for pack in self.0.drain(..).filter(|pack| pack.live() > 0) {
            joined.push(pack);
            while let [.., older, newer] = &*joined
                && stretch(cuts, older.point()) == stretch(cuts, newer.point())
                && older.live() <= 2 * newer.live()
            {
                if let (Some(newer), Some(older)) = (joined.pop(), joined.pop()) {
                    joined.push(older.join(newer));
                }
            }
        }
        self.0 = joined.into();
    }
}

/// Between which cuts a point lies.
fn stretch(cuts: &[LogPoint], point: LogPoint) -> usize {
    cuts.partition_point(|cut| *cut < point)
}

impl ChangeLog {
    /// Packs the older half of the changes that are not packed yet.
    ///
    /// `cuts`, in ascending order, are all points at which a cursor stands or an open window begins or ends: from one to
    /// the next nobody will ask where a change stands. `stamp` tells a row's time stamp in microseconds UTC.
    pub fn pack(&mut self, cuts: &[LogPoint], stamp: impl Fn(&Entry<'_>) -> i64) {
        let count = self.slots.len().div_ceil(2);
        let order = self.by_key(count);
        let leaves = self.may_be_packed(&order);
        let (mut all, mut key) = (ListBuilder::default(), Vec::new());
        // Of each stretch its rows, where its last change stands, and the least stamp.
        let mut stretches: Vec<(ListBuilder, LogPoint, i64)> = Vec::new();
        stretches.resize_with(cuts.len() + 1, || (ListBuilder::default(), LogPoint::default(), i64::MAX));
        for place in order {
            let Some(slot) = self.slots.get(place as usize) else { continue };
            key.clear();
            KeyBytes::write(&slot.key, &mut key);
            if leaves {
                all.push(&key, 0);
            }
            if !slot.removed {
                let entry = self.entry(slot);
                if let Some((rows, end, oldest)) = stretches.get_mut(stretch(cuts, entry.point)) {
                    let stamp = stamp(&entry);
                    rows.push(&key, stamp);
                    (*end, *oldest) = (entry.point.max(*end), stamp.min(*oldest));
                }
            }
        }
        let all = all.finish();
        for pack in &mut self.packs.0 {
            pack.leave(&all);
        }
        let packs = stretches.into_iter().map(|(rows, end, oldest)| Pack::new(rows.finish(), end, oldest));
        self.packs.0.extend(packs);
        self.packs.join(cuts);
        self.drop_first(count);
    }

    /// Takes all packed changes out of the log, which does not know these rows any more.
    pub fn take_packed(&mut self) -> PackedChanges {
        let (mut all, mut key) = (ListBuilder::default(), Vec::new());
        for place in self.by_key(self.slots.len()) {
            let Some(slot) = self.slots.get(place as usize) else { continue };
            key.clear();
            KeyBytes::write(&slot.key, &mut key);
            all.push(&key, 0);
        }
        let all = all.finish();
        let mut packs = std::mem::take(&mut self.packs).0;
        packs.iter_mut().for_each(|pack| pack.leave(&all));
        PackedChanges(packs.into_iter().map(|pack| (pack.point(), pack.into_rows().into_cursor())).collect())
    }

    /// No row's stamp is less; `None` if there is none. `stamp` tells a row's that is not packed.
    pub fn oldest_stamp(&self, stamp: impl Fn(&Entry<'_>) -> i64) -> Option<i64> {
        let packed = self.packs.0.iter().map(Pack::oldest);
        let slots = self.slots.iter().filter(|slot| !slot.superseded && !slot.removed);
        packed.chain(slots.map(|slot| stamp(&self.entry(slot)))).min()
    }

    /// Bytes of what is packed.
    pub fn packed_bytes(&self) -> usize {
        self.packs.bytes()
    }

    /// Bytes that packing sets free, about: what is not packed.
    pub fn unpacked_bytes(&self) -> usize {
        self.bytes() - self.packs.bytes()
    }

    /// The packed rows whose latest change lies behind `from` and not behind `to`, in no particular order, each with its
    /// stamp in microseconds UTC.
    pub fn packed(&self, from: LogPoint, to: LogPoint) -> impl Iterator<Item = (RowKey, i64)> {
        self.packs.range(from, to).filter(|(key, _)| self.number(key).is_none())
    }

    /// Where the latest change of the row `key` stands, if it is in the log; a packed one stands at its stretch's end.
    pub fn point_of(&self, key: &RowKey) -> Option<LogPoint> {
        match self.number(key).and_then(|number| self.slots.get(index(self.first, number))) {
            Some(slot) => (!slot.removed).then(|| self.point(slot)),
            None => self.packs.point_of(key),
        }
    }

    /// Puts a mark in the row's place that it is not to be sent, if a pack may hold it.
    pub(super) fn remove_packed(&mut self, key: &RowKey) {
        let Some(packed) = self.packs.last_point() else { return };
        let last = self.slots.back().map_or(packed, |slot| self.point(slot));
        let commit = self.commits.add(Commit { point: last.max(packed), committed: 0 });
        self.push(Slot { removed: true, ..Slot::new(key.clone(), commit, None) });
    }

    /// The places of the first slots that are not superseded, in the order of their keys.
    fn by_key(&self, count: usize) -> Vec<u32> {
        let slots = || (0..).zip(self.slots.iter().take(count)).filter(|(_, slot)| !slot.superseded);
        let number = |(place, slot): (u32, &Slot)| match slot.key {
            RowKey::Int(number) => Some((number, place)),
            _ => None,
        };
        // Nearly all keys are one integer: these are sorted without a look at the slots, which lie far from each other.
        let numbers: Option<Vec<(i64, u32)>> = slots().map(number).collect();
        if let Some(mut numbers) = numbers {
            numbers.sort_unstable();
            return numbers.into_iter().map(|(_, place)| place).collect();
        }
        let mut places: Vec<u32> = slots().map(|(place, _)| place).collect();
        places.sort_unstable_by(|left, right| self.key_at(*left).cmp(&self.key_at(*right)));
        places
    }

    fn key_at(&self, place: u32) -> Option<&RowKey> {
        self.slots.get(place as usize).map(|slot| &slot.key)
    }

    /// Whether a pack may hold any of the rows of these slots, which are in the order of their keys.
    fn may_be_packed(&self, places: &[u32]) -> bool {
        let bytes = |place: &u32| {
            let mut bytes = Vec::new();
            KeyBytes::write(self.key_at(*place)?, &mut bytes);
            Some(bytes)
        };
        let (Some(first), Some(last)) = (places.first().and_then(bytes), places.last().and_then(bytes)) else {
            return false;
        };
        self.packs.0.iter().any(|pack| pack.may_hold_any(&first, &last))
    }

    /// Drops the first slots, which have been packed or are superseded.
    fn drop_first(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(slot) = self.slots.pop_front() {
                self.forget(slot.image, slot.rendered);
            }
        }
        let first = self.first.wrapping_add(count as u32);
        let left = self.slots.len();
        self.rows.retain(|number| index(first, number) < left);
        self.first = first;
        if let Some(slot) = self.slots.front() {
            self.commits.forget_before(slot.commit);
        }
        // The memory is given back, but for what will be needed again soon.
        self.slots.shrink_to(left * 5 / 4);
        if self.rows.is_roomy() {
            self.rows = Default::default();
            self.index_again();
        }
    }
}

/// Changes that were packed and have left their log: rows' keys, stamps in microseconds UTC and places, a change's being
/// the end of its stretch.
#[derive(Debug)]
pub struct PackedChanges(VecDeque<(LogPoint, Cursor<PackedList>)>);

impl PackedChanges {
    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(_, rows)| rows.list().bytes()).sum()
    }

    /// The least and the greatest key; `None` if there are none.
    pub fn ends(&self) -> Option<(RowKey, RowKey)> {
        let ends = self.0.iter().filter_map(|(_, rows)| rows.list().ends());
        let (least, greatest) = ends.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))?;
        Some((KeyBytes::read(&mut least.as_slice())?, KeyBytes::read(&mut greatest.as_slice())?))
    }

    /// Drops those that stand behind this place.
    pub fn forget_behind(&mut self, from: LogPoint) {
        while self.0.pop_back_if(|(point, _)| *point > from).is_some() {}
    }

    /// None of them stands behind this place.
    pub fn end(&self) -> LogPoint {
        self.0.back().map(|(point, _)| *point).unwrap_or_default()
    }
}

impl Iterator for PackedChanges {
    type Item = (RowKey, i64, LogPoint);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (point, rows) = self.0.front_mut()?;
            if let Some((mut key, stamp)) = rows.advance() {
                return Some((KeyBytes::read(&mut key)?, stamp, *point));
            }
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn point(offset: u64) -> LogPoint {
        LogPoint { file: 1, offset }
    }

    #[test]
    fn r6_what_is_taken_out_of_a_log_and_what_is_left_are_all_that_was_in_it() {
        let mut random = fastrand::Rng::with_seed(5);
        for round in 0..200_u64 {
            let mut log = ChangeLog::default();
            let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
            let cuts = [point(random.u64(1..200)), point(200)];
            for step in 1..random.u64(2..300) {
                let key = random.i64(0..60);
                match random.u8(0..20) {
                    0..14 => {
                        log.record(RowKey::Int(key), point(step), step as i64, None);
                        expected.insert(key, step as i64);
                    }
                    14..18 => {
                        log.remove(&RowKey::Int(key));
                        expected.remove(&key);
                    }
                    _ => log.pack(&cuts, |entry| entry.committed),
                }
            }
            assert_eq!(log.oldest_stamp(|entry| entry.committed).is_some(), !log.is_empty(), "round {round}");
            if let (Some(oldest), Some(least)) = (log.oldest_stamp(|entry| entry.committed), expected.values().min()) {
                assert!(oldest <= *least, "round {round}");
            }
            let mut found: BTreeMap<i64, i64> = BTreeMap::new();
            let int = |key: &RowKey| if let RowKey::Int(key) = key { *key } else { panic!("{key:?}") };
            let mut last = LogPoint::default();
            for (key, stamp, at) in log.take_packed() {
                assert!(at >= point(stamp as u64) && at >= last, "round {round}: behind its stretch");
                last = at;
                assert_eq!(found.insert(int(&key), stamp), None, "round {round}: twice");
            }
            assert_eq!(log.packed_bytes(), 0);
            for (key, entry) in log.range(point(0), point(u64::MAX)) {
                assert_eq!(found.insert(int(key), entry.committed), None, "round {round}: in both");
            }
            assert_eq!(found, expected, "round {round}");
        }
    }
}
