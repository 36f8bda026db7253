//! A row image: a bitmap of NULLs, then the values of the columns that are there.

use super::column_type::{ColumnType, Width};
use super::columns::{COLUMNS_PER_BYTE, ColumnInfo, TableColumns, bit};
use super::error::DecodeError;
use super::value::{self, Value};

/// A row as the binlog carries it (rule R3: bytes until someone asks). Images that are equal hold the same values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Image<'a> {
    bytes: &'a [u8],
    present: &'a [u8],
    /// A bit for each JSON column of the table: the image holds what changed in it, not its value. Mostly empty.
    partial: &'a [u8],
}

impl std::fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} bytes)", self.bytes.len())
    }
}

impl<'a> Image<'a> {
    /// An image whose bytes were kept. `present` is the bitmap of the columns that it holds.
    pub fn new(bytes: &'a [u8], present: &'a [u8]) -> Self {
        Self { bytes, present, partial: &[] }
    }

    /// The same where some JSON values are only told by what changed in them.
    pub(super) fn with_partial(self, partial: &'a [u8]) -> Self {
        Self { partial, ..self }
    }

    /// An image that holds all `columns`.
    pub fn whole(bytes: &'a [u8], columns: &'a TableColumns) -> Self {
        Self { bytes, present: columns.all(), partial: &[] }
    }

    /// Its bytes, to be kept.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bitmap of the columns that it holds, from the lowest bit of the first byte.
    pub fn present(&self) -> &'a [u8] {
        self.present
    }

    /// Whether it holds every column's value (`binlog_row_image=FULL`, and no JSON column is told by its changes alone).
    pub fn is_whole(&self, columns: &TableColumns) -> bool {
        self.holds_values() && holds_all(self.present, columns.len())
    }

    /// Whether no JSON column is told by its changes alone, so that its bytes and [`Image::present`] are all of it.
    pub fn holds_values(&self) -> bool {
        self.partial.iter().all(|byte| *byte == 0)
    }

    /// The values of the columns that it holds, in the table's order, each with its column's index. Ends after its
    /// first error. A JSON column that is told by its changes alone (`binlog_row_value_options=PARTIAL_JSON`) counts as
    /// not held.
    pub fn values<'c>(&self, columns: &'c TableColumns) -> Values<'a, 'c> {
        let count = columns.len();
        let held = if holds_all(self.present, count) { count } else { present_count(self.present, count) };
        let nulls = null_bytes(held);
        let (nulls, rest) = self.bytes.split_at_checked(nulls).unwrap_or((&[], self.bytes));
        let partial = self.partial;
        Values { columns, present: self.present, partial, nulls, rest, column: 0, held: 0, failed: false }
    }

    /// The value of one column; `None` if the image does not hold it. Walks over the columns before it.
    ///
    /// # Errors
    /// If the image is damaged, or does not belong to these columns.
    pub fn value(&self, columns: &TableColumns, column: usize) -> Result<Option<Value<'a>>, DecodeError> {
        let Some(info) = columns.get(column) else { return Ok(None) };
        let read = |bytes| value::read(bytes, info).map(Some).map_err(|error| error.in_column(column));
        if self.partial.is_empty() && holds_all(self.present, columns.len()) {
            return read(column_of_whole(self.bytes, columns, column)?);
        }
        let mut values = self.values(columns);
        while let Some(field) = values.field() {
            let (index, bytes) = field?;
            if index == column {
                return read(bytes);
            }
        }
        Ok(None)
    }
}

/// A column's index and its bytes.
type Field<'a> = (usize, Option<&'a [u8]>);

/// See [`Image::values`].
#[derive(Clone)]
pub struct Values<'a, 'c> {
    columns: &'c TableColumns,
    present: &'a [u8],
    partial: &'a [u8],
    nulls: &'a [u8],
    rest: &'a [u8],
    /// The column to look at next.
    column: usize,
    /// How many columns before it the image holds.
    held: usize,
    failed: bool,
}

impl std::fmt::Debug for Values<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Values(from column {})", self.column + 1)
    }
}

impl<'a> Values<'a, '_> {
    /// The next column that the image holds, as bytes without a length in front; `None` for NULL.
    fn field(&mut self) -> Option<Result<Field<'a>, DecodeError>> {
        while !self.failed && self.column < self.columns.len() {
            let index = self.column;
            self.column += 1;
            if !bit(self.present, index) {
                continue;
            }
            let held = self.held;
            self.held += 1;
            if self.nulls.len() * 8 <= held {
                self.failed = true;
                return Some(Err(short(held / 8 + 1, self.nulls.len())));
            }
            if bit(self.nulls, held) {
                return Some(Ok((index, None)));
            }
            match self.take(index) {
                Ok(_) if !self.partial.is_empty() && self.is_partial(index) => {}
                taken => return Some(taken.map(|bytes| (index, Some(bytes)))),
            }
        }
        if self.failed || self.rest.is_empty() {
            return None;
        }
        self.failed = true;
        Some(Err(DecodeError::Malformed { what: "a row image (longer than its columns)" }))
    }

    fn is_partial(&self, index: usize) -> bool {
        let is_json = |column: &&ColumnInfo| matches!(column.kind, ColumnType::Json { .. });
        let before = self.columns.iter().take(index).filter(is_json).count();
        self.columns.get(index).as_ref().is_some_and(is_json) && bit(self.partial, before)
    }

    fn take(&mut self, index: usize) -> Result<&'a [u8], DecodeError> {
        let mut taken = None;
        if let Some(width) = self.columns.widths().get(index)
            && let Some((prefix, rest)) = self.rest.split_at_checked(usize::from(width.prefix))
        {
            let length = if width.prefix == 0 { usize::from(width.fixed) } else { length(prefix) };
            taken = rest.split_at_checked(length);
        }
        match taken {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => {
                self.failed = true;
                Err(short(1, 0))
            }
        }
    }
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = Result<(usize, Value<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let value = match self.field()? {
            Ok((index, bytes)) => match self.columns.get(index) {
                Some(info) => {
                    value::read(bytes, info).map(|value| (index, value)).map_err(|error| error.in_column(index))
                }
                None => return None,
            },
            Err(error) => Err(error),
        };
        self.failed |= value.is_err();
        Some(value)
    }
}

/// Bytes of an image at the start of `bytes`. All that reading a row costs when nobody asks for its values.
/// `whole`: all columns are there.
pub(super) fn size(bytes: &[u8], present: &[u8], whole: bool, columns: &TableColumns) -> Result<usize, DecodeError> {
    let count = columns.len();
    let held = if whole { count } else { present_count(present, count) };
    let nulls = null_bytes(held);
    let Some(null_bits) = bytes.get(..nulls) else {
        return Err(short(nulls, bytes.len()));
    };
    let mut at = nulls;
    if whole {
        for ((widths, runs), null_bits) in columns.bytes_of_nulls().zip(null_bits) {
            at = behind_eight(at, bytes, (widths, runs), *null_bits)?;
        }
    } else {
        let held = columns.widths().iter().enumerate().filter(|(index, _)| bit(present, *index));
        for (position, (_, width)) in held.enumerate() {
            if !bit(null_bits, position) {
                at = behind(at, bytes, width)?;
            }
        }
    }
    if at > bytes.len() { Err(short(at, bytes.len())) } else { Ok(at) }
}

/// A column's bytes in an image that holds all columns, without a length in front; `None` for NULL.
fn column_of_whole<'a>(
    bytes: &'a [u8],
    columns: &TableColumns,
    column: usize,
) -> Result<Option<&'a [u8]>, DecodeError> {
    let nulls = null_bytes(columns.len());
    let Some(null_bits) = bytes.get(..nulls) else {
        return Err(short(nulls, bytes.len()));
    };
    if bit(null_bits, column) {
        return Ok(None);
    }
    let mut at = nulls;
    let before = column / COLUMNS_PER_BYTE;
    for (widths, null_bits) in columns.bytes_of_nulls().zip(null_bits).take(before) {
        at = behind_eight(at, bytes, widths, *null_bits)?;
    }
    for index in before * COLUMNS_PER_BYTE..column {
        if !bit(null_bits, index)
            && let Some(width) = columns.widths().get(index)
        {
            at = behind(at, bytes, width)?;
        }
    }
    let Some(width) = columns.widths().get(column) else { return Ok(None) };
    let end = behind(at, bytes, width)?;
    let begin = at.saturating_add(usize::from(width.prefix));
    bytes.get(begin..end).map(Some).ok_or_else(|| short(end, bytes.len()))
}

/// Where eight columns end that begin at `at` and share a byte of NULL bits, which is mostly zero.
#[inline]
fn behind_eight(
    mut at: usize,
    bytes: &[u8],
    (widths, runs): (&[Width], &[Width]),
    mut null_bits: u8,
) -> Result<usize, DecodeError> {
    if null_bits == 0 {
        for run in runs {
            at = behind(at, bytes, run)?;
        }
    } else {
        for width in widths {
            if null_bits & 1 == 0 {
                at = behind(at, bytes, width)?;
            }
            null_bits >>= 1;
        }
    }
    Ok(at)
}

/// Where a value, or a run of them, ends that begins at `at`; that may be behind the bytes' end.
#[inline]
fn behind(at: usize, bytes: &[u8], width: &Width) -> Result<usize, DecodeError> {
    let at = at.saturating_add(usize::from(width.fixed));
    if width.prefix == 0 {
        return Ok(at);
    }
    let end = at.saturating_add(usize::from(width.prefix));
    let Some(prefix) = bytes.get(at..end) else {
        return Err(short(end, bytes.len()));
    };
    Ok(end.saturating_add(length(prefix)))
}

/// Whether the first `count` bits are all set.
pub(super) fn holds_all(bitmap: &[u8], count: usize) -> bool {
    let (whole, odd) = (count / 8, (1u8 << (count % 8)) - 1);
    bitmap.get(..whole).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0xff))
        && (odd == 0 || bitmap.get(whole).is_some_and(|byte| byte & odd == odd))
}

/// How many of the first `count` bits are set.
pub(super) fn present_count(bitmap: &[u8], count: usize) -> usize {
    let (whole, odd) = (count / 8, count % 8);
    let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
    let last = bitmap.get(whole).map_or(0, |byte| (byte & ((1u8 << odd) - 1)).count_ones() as usize);
    bitmap.get(..whole).map_or_else(|| ones(bitmap), ones) + last
}

fn null_bytes(held: usize) -> usize {
    held.div_ceil(8)
}

#[inline]
fn length(prefix: &[u8]) -> usize {
    match *prefix {
        [a] => usize::from(a),
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]) as usize,
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => 0,
    }
}

fn short(wanted: usize, left: usize) -> DecodeError {
    DecodeError::Truncated { what: "a row image", wanted, left }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Twenty columns, every third of variable length and the others of eight bytes; those of `nulls` are NULL.
    fn image(nulls: u32) -> (Vec<u8>, TableColumns) {
        let kinds = [ColumnType::LongLong, ColumnType::LongLong, ColumnType::Varchar { bytes: 20 }];
        let columns: Vec<ColumnInfo> = (0..20).map(|index| ColumnInfo::new(kinds[index % 3])).collect();
        let mut bytes = nulls.to_le_bytes()[..3].to_vec();
        for index in (0..20_u8).filter(|index| nulls >> index & 1 == 0) {
            if index % 3 == 2 {
                bytes.push(index % 7);
                bytes.resize(bytes.len() + usize::from(index % 7), index);
            } else {
                bytes.extend([index; 8]);
            }
        }
        (bytes, TableColumns::new(columns, None))
    }

    #[test]
    fn r3_one_column_is_what_a_walk_over_all_finds() {
        for nulls in [0, 1, 0x100, 0x80, 0xf_ffff, 0x5_5555, 0xff, 0x4_0204] {
            let (bytes, columns) = image(nulls);
            let image = Image::whole(&bytes, &columns);
            for (index, value) in image.values(&columns).map(Result::unwrap) {
                let one = image.value(&columns, index).unwrap().unwrap();
                assert_eq!(format!("{one:?}"), format!("{value:?}"), "column {index} with NULLs {nulls:x}");
            }
            assert!(image.value(&columns, 20).unwrap().is_none(), "there is none");
            let cut = Image::whole(&bytes[..bytes.len() - 1], &columns);
            let last = (0..20).rfind(|index| nulls >> index & 1 == 0);
            assert!(last.is_none_or(|last| cut.value(&columns, last).is_err()), "cut off, with NULLs {nulls:x}");
        }
    }
}
