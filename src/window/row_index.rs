//! Finds a row's slot by its key, without a copy of the key.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table};

use crate::row::RowKey;

/// The number of each row's slot. Whoever holds the slots tells the keys in them.
#[derive(Debug, Default)]
pub(super) struct RowIndex {
    numbers: HashTable<u32>,
    state: RandomState,
}

impl RowIndex {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Bytes of memory, or a little more.
    pub(super) fn bytes(&self) -> usize {
        self.numbers.allocation_size()
    }

    /// The number of the row `key`.
    pub(super) fn get<'a>(&self, key: &RowKey, key_of: impl Fn(u32) -> Option<&'a RowKey>) -> Option<u32> {
        self.numbers.find(hash(&self.state, key), |number| is(key_of(*number), key)).copied()
    }

    /// Sets the number of the row `key`; the one that it had before.
    pub(super) fn set<'a>(
        &mut self,
        key: &RowKey,
        number: u32,
        key_of: impl Fn(u32) -> Option<&'a RowKey>,
    ) -> Option<u32> {
        let state = &self.state;
        // Where a key is not known any more, its place does not matter either.
        let hash_of = |number: &u32| key_of(*number).map_or(0, |key| hash(state, key));
        match self.numbers.entry(hash(state, key), |number| is(key_of(*number), key), hash_of) {
            hash_table::Entry::Occupied(mut row) => Some(std::mem::replace(row.get_mut(), number)),
            hash_table::Entry::Vacant(row) => {
                row.insert(number);
                None
            }
        }
    }

    /// Sets the number of the row `key`, which has none.
    pub(super) fn insert<'a>(&mut self, key: &RowKey, number: u32, key_of: impl Fn(u32) -> Option<&'a RowKey>) {
        let state = &self.state;
        let hash_of = |number: &u32| key_of(*number).map_or(0, |key| hash(state, key));
        self.numbers.insert_unique(hash(state, key), number, hash_of);
    }

    /// Removes the rows whose numbers are not to be kept, without a look at their keys.
    pub(super) fn retain(&mut self, is_kept: impl Fn(u32) -> bool) {
        self.numbers.retain(|number| is_kept(*number));
    }

    /// Whether it takes several times the memory that its rows need.
    pub(super) fn is_roomy(&self) -> bool {
        self.numbers.capacity() / 4 > self.numbers.len()
    }

    /// Removes the row `key`; the number that it had.
    pub(super) fn remove<'a>(&mut self, key: &RowKey, key_of: impl Fn(u32) -> Option<&'a RowKey>) -> Option<u32> {
        let row = self.numbers.find_entry(hash(&self.state, key), |number| is(key_of(*number), key));
        row.ok().map(|row| row.remove().0)
    }

    /// Removes all rows, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Gives back memory beyond what a thousand rows take. For an empty index.
    pub(super) fn shrink(&mut self) {
        self.numbers.shrink_to(1024, |_| 0);
    }
}

/// Keys that differ in these bits alone lie side by side in the table: rows that follow each other are mostly changed
/// together, and the table is too large for the processor's caches.
const NEIGHBOURS: u64 = 0b111;

/// Nearly all keys are one integer: what is done for each row's is done without asking which kind of key it is twice.
#[inline]
fn hash(state: &RandomState, key: &RowKey) -> u64 {
    match key {
        RowKey::Int(number) => hash_number(state, number.cast_unsigned()),
        RowKey::UInt(number) => hash_number(state, *number),
        RowKey::Columns(parts) => state.hash_one(parts),
    }
}

/// The table finds a place by the lowest bits, and tells the rows there from each other by the highest.
#[inline]
fn hash_number(state: &RandomState, number: u64) -> u64 {
    let within = number & NEIGHBOURS;
    state.hash_one(number & !NEIGHBOURS) ^ within ^ within.reverse_bits()
}

#[inline]
fn is(found: Option<&RowKey>, key: &RowKey) -> bool {
    match (found, key) {
        (Some(RowKey::Int(found)), RowKey::Int(key)) => found == key,
        (found, key) => found == Some(key),
    }
}
