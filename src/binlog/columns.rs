//! The columns that a table map describes.

use super::charset::BINARY;
use super::column_type::{ColumnType, Width};
use super::error::DecodeError;
use super::format::Flavor;
use super::input::Input;
use super::metadata;

/// The servers' limit of columns in a table.
const MAX_COLUMNS: usize = 4096;
/// Columns that share a byte of a bitmap.
pub(super) const COLUMNS_PER_BYTE: usize = 8;

/// A table's columns, as far as they are known, with all that walking its row images needs worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumns {
    columns: Box<[ColumnInfo]>,
    /// Of each column; apart so that walking an image touches nothing else.
    widths: Box<[Width]>,
    /// The same for each eight columns, which share a byte of NULL bits: runs of fixed widths are added up.
    runs: Box<[Box<[Width]>]>,
    /// A bitmap with a bit for each column.
    all: Box<[u8]>,
    primary_key: Option<Box<[usize]>>,
}

/// What is known of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether a number has no sign; `None` where the log does not tell (it has no bearing on other types).
    pub unsigned: Option<bool>,
    /// Id of the collation of text, 63 for binary; `None` where the log does not tell, or there is none.
    pub collation: Option<u16>,
    /// Digits behind the point of a FLOAT(M,D) or DOUBLE(M,D); the log never tells.
    pub decimals: Option<u8>,
    /// Its name, where the log tells it (`binlog_row_metadata=FULL`).
    pub name: Option<Box<str>>,
    /// Labels of an ENUM or SET in the column's character set, where the log tells them.
    pub labels: Option<Box<[Box<[u8]>]>>,
}

impl ColumnInfo {
    /// A column of which only the type is known.
    pub fn new(kind: ColumnType) -> Self {
        Self { kind, nullable: true, unsigned: None, collation: None, decimals: None, name: None, labels: None }
    }
}

impl TableColumns {
    /// Columns that are known from elsewhere (information_schema).
    pub fn new(columns: Vec<ColumnInfo>, primary_key: Option<Vec<usize>>) -> Self {
        let widths: Box<[Width]> = columns.iter().map(|column| column.kind.width()).collect();
        let runs = widths.chunks(COLUMNS_PER_BYTE).map(Width::runs).collect();
        let mut all = vec![0xff; columns.len() / COLUMNS_PER_BYTE];
        if !columns.len().is_multiple_of(COLUMNS_PER_BYTE) {
            all.push((1 << (columns.len() % COLUMNS_PER_BYTE)) - 1);
        }
        let primary_key = primary_key.map(Vec::into_boxed_slice);
        Self { columns: columns.into(), widths, runs, all: all.into(), primary_key }
    }

    /// Reads what stands behind the names in a table map event.
    pub(super) fn read(body: &[u8], flavor: Flavor) -> Result<Self, DecodeError> {
        let mut input = Input::new(body, "the table map event");
        let count = input.packed_length()?;
        if count > MAX_COLUMNS {
            return Err(input.malformed());
        }
        let codes = input.bytes(count)?;
        let mut types = Input::new(input.packed_bytes()?, "the table map's column metadata");
        let nullable = input.bytes(count.div_ceil(8))?;
        let mut columns = Vec::with_capacity(count);
        for (index, code) in codes.iter().enumerate() {
            let kind = ColumnType::read(*code, &mut types).map_err(|error| error.in_column(index))?;
            let mut column = ColumnInfo::new(kind);
            column.nullable = bit(nullable, index);
            columns.push(column);
        }
        if !types.is_empty() {
            return Err(types.malformed());
        }
        let primary_key = metadata::read(input, &mut columns, flavor == Flavor::Mariadb)?;
        Ok(Self::new(columns, primary_key))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The column at `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&ColumnInfo> {
        self.columns.get(index)
    }

    /// All of them, in the table's order.
    pub fn iter(&self) -> std::slice::Iter<'_, ColumnInfo> {
        self.columns.iter()
    }

    /// The same columns with what the log does not tell: names, signs, collations, labels, and types that it cannot
    /// tell from others. `complete` is given each column with its index.
    pub fn completed(self, mut complete: impl FnMut(usize, &mut ColumnInfo)) -> Self {
        let mut columns = self.columns.into_vec();
        columns.iter_mut().enumerate().for_each(|(index, column)| complete(index, column));
        Self::new(columns, self.primary_key.map(<[usize]>::into_vec))
    }

    /// Whether somebody other than the log must tell what some of them are: MariaDB's UUID, INET4 and INET6, which are
    /// BINARY in the log, and the fractions of its old temporal types.
    pub fn need_declaration(&self) -> bool {
        let may_be_address = |column: &ColumnInfo| {
            matches!(column.kind, ColumnType::Char { bytes: 4 | 16 })
                && column.collation.is_none_or(|collation| collation == BINARY)
        };
        self.have_old_temporal() || self.columns.iter().any(may_be_address)
    }

    /// Whether some are of the temporal types of old servers, whose fraction the log does not tell.
    pub fn have_old_temporal(&self) -> bool {
        let old = |column: &ColumnInfo| {
            use ColumnType::{OldDateTime, OldTime, OldTimestamp};
            matches!(column.kind, OldTime { .. } | OldDateTime { .. } | OldTimestamp { .. })
        };
        self.columns.iter().any(old)
    }

    /// The primary key's columns, from 0, in the key's order, where the log tells them (`binlog_row_metadata=FULL`);
    /// empty if the table has none.
    pub fn primary_key(&self) -> Option<&[usize]> {
        self.primary_key.as_deref()
    }

    /// Whether every column has its name.
    pub fn has_names(&self) -> bool {
        self.columns.iter().all(|column| column.name.is_some())
    }

    /// How long the values of each column are.
    pub(super) fn widths(&self) -> &[Width] {
        &self.widths
    }

    /// For each eight columns: their widths, and the same with runs of fixed ones added up.
    pub(super) fn bytes_of_nulls(&self) -> impl Iterator<Item = (&[Width], &[Width])> {
        self.widths.chunks(COLUMNS_PER_BYTE).zip(self.runs.iter().map(AsRef::as_ref))
    }

    /// A bitmap with a bit for each column: the one of a whole image.
    pub(super) fn all(&self) -> &[u8] {
        &self.all
    }
}

/// Bit `index` of a bitmap that starts at the lowest bit of its first byte.
#[inline]
pub(super) fn bit(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}
