//! A sorted list of byte strings, each with a number.

use std::borrow::Borrow;

/// Entries from one that is stored whole to the next: a search reads half as many.
const BLOCK: usize = 64;

/// An entry's first byte holds how many bytes it shares with the one before it, and how many follow; what does not fit
/// follows as two numbers of variable length.
const SUFFIX_BITS: u32 = 3;
const LONG: u8 = 0b111;
const MAX_SHARED: usize = 31;

/// Byte strings in ascending order, each with a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackedList {
    /// Each of [`BLOCK`] entries, but for the last.
    blocks: Vec<Box<[u8]>>,
    len: usize,
    block_bytes: usize,
}

impl PackedList {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        // An allocation costs a header too.
        self.block_bytes + self.blocks.len() * (size_of::<Box<[u8]>>() + 16)
    }

    /// Its first and its last entry.
    pub(crate) fn ends(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let first = first_of(self.blocks.first()?).to_owned();
        let mut cursor = self.cursor();
        cursor.next = (self.blocks.len() - 1) * BLOCK;
        let mut last = Vec::new();
        while let Some((key, _)) = cursor.advance() {
            last.clear();
            last.extend_from_slice(key);
        }
        Some((first, last))
    }

    /// Reads all from the start.
    pub(crate) fn cursor(&self) -> Cursor<&Self> {
        Cursor::new(self)
    }

    /// As [`PackedList::cursor`], for a list that nobody else needs.
    pub(crate) fn into_cursor(self) -> Cursor<Self> {
        Cursor::new(self)
    }

    /// Reads from the first entry that is not less than `key`.
    pub(crate) fn cursor_at(&self, key: &[u8]) -> Cursor<&Self> {
        // In the block before the first that begins beyond it.
        let block = self.blocks.partition_point(|block| first_of(block) < key).saturating_sub(1);
        let mut cursor = self.cursor();
        cursor.next = block * BLOCK;
        while let Some((found, _)) = cursor.advance() {
            if found >= key {
                cursor.held = true;
                break;
            }
        }
        cursor
    }

    /// The entry `key`: its index and its number.
    pub(crate) fn find(&self, key: &[u8]) -> Option<(usize, i64)> {
        let mut cursor = self.cursor_at(key);
        let index = cursor.index();
        cursor.advance().filter(|(found, _)| *found == key).map(|(_, value)| (index, value))
    }
}

/// The first entry of a block, which shares nothing with the one before it.
fn first_of(block: &[u8]) -> &[u8] {
    let mut rest = block;
    entry(&mut rest).map_or(&[], |entry| entry.suffix)
}

struct Entry<'a> {
    shared: usize,
    suffix: &'a [u8],
    /// Less that of the entry before it.
    value: i64,
}

fn entry<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    let (shared, length) = match first & LONG {
        LONG => (number(rest)?, number(rest)?),
        length => (u64::from(first >> SUFFIX_BITS), u64::from(length)),
    };
    let (suffix, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    let value = number(rest)?;
    let value = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
    Some(Entry { shared: usize::try_from(shared).ok()?, suffix, value })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a [`PackedList`] in its order.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<L> {
    list: L,
    /// The index of the entry that is read next, and where in its block it begins.
    next: usize,
    offset: usize,
    key: Vec<u8>,
    value: i64,
    /// The entry that was read last is given again.
    held: bool,
}

impl<L: Borrow<PackedList>> Cursor<L> {
    fn new(list: L) -> Self {
        Self { list, next: 0, offset: 0, key: Vec::new(), value: 0, held: false }
    }

    /// The list.
    pub(crate) fn list(&self) -> &PackedList {
        self.list.borrow()
    }

    /// The index of the entry that [`Cursor::advance`] gives next.
    pub(crate) fn index(&self) -> usize {
        self.next - usize::from(self.held)
    }

    /// Passes over `key` if it stands at it.
    pub(crate) fn skip(&mut self, key: &[u8]) {
        self.held &= *self.key != *key;
    }

    /// The next entry.
    pub(crate) fn advance(&mut self) -> Option<(&[u8], i64)> {
        if std::mem::take(&mut self.held) {
            return Some((&self.key, self.value));
        }
        if self.next.is_multiple_of(BLOCK) {
            self.offset = 0;
            self.key.clear();
            self.value = 0;
        }
        let block = self.list.borrow().blocks.get(self.next / BLOCK)?;
        let mut rest = block.get(self.offset..)?;
        let entry = entry(&mut rest)?;
        self.offset = block.len() - rest.len();
        self.key.truncate(entry.shared);
        self.key.extend_from_slice(entry.suffix);
        self.value = self.value.wrapping_add(entry.value);
        self.next += 1;
        Some((&self.key, self.value))
    }
}

/// Makes a [`PackedList`] of entries that come in ascending order; in any order if nobody searches the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListBuilder {
    list: PackedList,
    block: Vec<u8>,
    /// The last entry.
    key: Vec<u8>,
    value: i64,
}

impl ListBuilder {
    /// Whether it has no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.len == 0
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.list.bytes() + self.block.capacity() + self.key.capacity()
    }

    /// Appends an entry.
    pub(crate) fn push(&mut self, key: &[u8], value: i64) {
        if self.list.len.is_multiple_of(BLOCK) {
            self.end_block();
        }
        let shared = self.key.iter().zip(key).take_while(|(left, right)| left == right).count();
        let suffix = key.get(shared..).unwrap_or_default();
        match (u8::try_from(shared), u8::try_from(suffix.len())) {
            (Ok(few), Ok(length)) if shared <= MAX_SHARED && length < LONG => {
                self.block.push(few << SUFFIX_BITS | length);
            }
            _ => {
                self.block.push(LONG);
                write_number(shared as u64, &mut self.block);
                write_number(suffix.len() as u64, &mut self.block);
            }
        }
        self.block.extend_from_slice(suffix);
        let step = value.wrapping_sub(self.value);
        write_number(((step << 1) ^ (step >> 63)).cast_unsigned(), &mut self.block);
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        self.value = value;
        self.list.len += 1;
    }

    pub(crate) fn finish(mut self) -> PackedList {
        self.end_block();
        self.list.blocks.shrink_to_fit();
        self.list
    }

    fn end_block(&mut self) {
        if !self.block.is_empty() {
            self.list.block_bytes += self.block.len();
            self.list.blocks.push(self.block.as_slice().into());
        }
        self.block.clear();
        self.key.clear();
        self.value = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn packed(entries: &BTreeMap<Vec<u8>, i64>) -> PackedList {
        let mut builder = ListBuilder::default();
        for (key, value) in entries {
            builder.push(key, *value);
        }
        builder.finish()
    }

    fn rest(mut cursor: Cursor<&PackedList>) -> Vec<(Vec<u8>, i64)> {
        std::iter::from_fn(|| cursor.advance().map(|(key, value)| (key.to_owned(), value))).collect()
    }

    proptest! {
        #[test]
        fn a_packed_list_holds_what_was_put_in_and_finds_it(
            entries in prop::collection::btree_map(prop::collection::vec(0..3_u8, 0..60), any::<i64>(), 0..400),
            wanted in prop::collection::vec(0..3_u8, 0..60),
        ) {
            let list = packed(&entries);
            let all: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), *value)).collect();
            prop_assert_eq!(list.len(), all.len());
            prop_assert_eq!(&rest(list.cursor()), &all);
            let ends = all.first().zip(all.last()).map(|(first, last)| (first.0.clone(), last.0.clone()));
            prop_assert_eq!(list.ends(), ends);
            for wanted in entries.keys().step_by(7).chain([&wanted]) {
                let index = all.partition_point(|(key, _)| key < wanted);
                prop_assert_eq!(&rest(list.cursor_at(wanted)), &all[index..]);
                prop_assert_eq!(list.find(wanted), entries.get(wanted).map(|value| (index, *value)));
            }
        }
    }
}
