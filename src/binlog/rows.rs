//! Rows events: row images, one after the other.

use super::column_type::ColumnType;
use super::columns::TableColumns;
use super::error::DecodeError;
use super::event_type as types;
use super::image::{self, Image};
use super::input::Input;
use super::zlib::Inflater;

/// What a rows event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsKind {
    /// Inserts: after images.
    Write,
    /// Updates: before and after images.
    Update,
    /// Deletes: before images.
    Delete,
}

/// A rows event of version 1 (MariaDB, MySQL 5.1 to 5.5) or 2 (MySQL 5.6 and later); MariaDB's compressed ones and MySQL's
/// partial updates of JSON (`binlog_row_value_options=PARTIAL_JSON`) too.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// What it does.
    pub kind: RowsKind,
    /// The table map that it belongs to.
    pub table_id: u64,
    /// The last rows event of its statement: the table maps are void behind it.
    pub statement_end: bool,
    columns: usize,
    /// Which columns the images hold: of the only image, or of the before image.
    present: &'a [u8],
    /// Of an update's after image; else the same.
    present_after: &'a [u8],
    images: &'a [u8],
    /// Each after image may tell JSON columns by what changed in them.
    partial: bool,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("kind", &self.kind)
            .field("table_id", &self.table_id)
            .field("bytes", &self.images.len())
            .finish_non_exhaustive()
    }
}

const STATEMENT_END: u16 = 1;
/// The only option known for the values of partial updates.
const PARTIAL_JSON: u64 = 1;
const WHAT: &str = "the rows event";

impl<'a> Rows<'a> {
    pub(super) fn read(type_code: u8, body: &'a [u8], post_header: u8) -> Result<Self, DecodeError> {
        let kind = match type_code {
            types::WRITE_ROWS_V1
            | types::WRITE_ROWS_V2
            | types::WRITE_ROWS_COMPRESSED_V1
            | types::WRITE_ROWS_COMPRESSED_V2 => RowsKind::Write,
            types::UPDATE_ROWS_V1
            | types::UPDATE_ROWS_V2
            | types::PARTIAL_UPDATE_ROWS
            | types::UPDATE_ROWS_COMPRESSED_V1
            | types::UPDATE_ROWS_COMPRESSED_V2 => RowsKind::Update,
            _ => RowsKind::Delete,
        };
        let mut input = Input::new(body, WHAT);
        let table_id = input.table_id(post_header)?;
        let flags = input.u16()?;
        if matches!(
            type_code,
            types::WRITE_ROWS_V2..=types::DELETE_ROWS_V2
                | types::PARTIAL_UPDATE_ROWS
                | types::WRITE_ROWS_COMPRESSED_V2..=types::DELETE_ROWS_COMPRESSED_V2
        ) {
            // Extra data of NDB and of partitioned tables; its length counts its own two bytes.
            let Some(extra) = usize::from(input.u16()?).checked_sub(2) else {
                return Err(input.malformed());
            };
            input.bytes(extra)?;
        }
        let columns = usize::try_from(input.packed()?).map_err(|_| input.malformed())?;
        let present = input.bytes(columns.div_ceil(8))?;
        let present_after = if kind == RowsKind::Update { input.bytes(columns.div_ceil(8))? } else { present };
        let statement_end = flags & STATEMENT_END != 0;
        let partial = type_code == types::PARTIAL_UPDATE_ROWS;
        Ok(Self { kind, table_id, statement_end, columns, present, present_after, images: input.rest(), partial })
    }

    /// The same where the images are compressed.
    pub(super) fn inflated(self, inflater: &'a mut Inflater) -> Result<Self, DecodeError> {
        Ok(Self { images: inflater.inflate(self.images)?, ..self })
    }

    /// The bytes of all images: what each row's images are parts of.
    pub fn images(&self) -> &'a [u8] {
        self.images
    }

    /// A copy with bytes of its own.
    pub fn keep(&self) -> KeptRows {
        KeptRows {
            rows: Rows { present: &[], present_after: &[], images: &[], ..*self },
            present: self.present.into(),
            present_after: self.present_after.into(),
            images: self.images.into(),
        }
    }

    /// The rows, in order. `columns` are those of the table map with this table id.
    ///
    /// # Errors
    /// If the event has another number of columns, or holds rows without any column, which nobody could count.
    pub fn iter<'c>(&self, columns: &'c TableColumns) -> Result<RowsIter<'a, 'c>, DecodeError> {
        if self.columns != columns.len() {
            return Err(DecodeError::ColumnCount { rows: self.columns, map: columns.len() });
        }
        let any = |present| image::present_count(present, self.columns) > 0;
        if self.columns > 0 && !any(self.present) && !any(self.present_after) {
            return Err(DecodeError::Malformed { what: "a rows event without columns" });
        }
        let whole = |present| image::holds_all(present, self.columns);
        let whole = [whole(self.present), whole(self.present_after)];
        Ok(RowsIter { rows: *self, columns, whole, rest: self.images })
    }
}

/// A rows event that outlives the bytes it was read from; see [`Rows::keep`].
pub struct KeptRows {
    rows: Rows<'static>,
    present: Box<[u8]>,
    present_after: Box<[u8]>,
    images: Box<[u8]>,
}

impl std::fmt::Debug for KeptRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rows().fmt(f)
    }
}

impl KeptRows {
    /// The event.
    pub fn rows(&self) -> Rows<'_> {
        Rows { present: &self.present, present_after: &self.present_after, images: &self.images, ..self.rows }
    }
}

/// One row of a rows event.
#[derive(Clone, Copy, Debug)]
pub struct RowChange<'a> {
    /// The row before; `None` for an insert.
    pub before: Option<Image<'a>>,
    /// The row after; `None` for a delete.
    pub after: Option<Image<'a>>,
}

impl RowChange<'_> {
    /// Whether it is an update that changed nothing. Compares bytes; decodes nothing.
    pub fn is_no_op(&self) -> bool {
        self.before.is_some() && self.before == self.after
    }
}

/// Walks the rows of one event without allocating or decoding. Ends after its first error.
pub struct RowsIter<'a, 'c> {
    rows: Rows<'a>,
    columns: &'c TableColumns,
    /// Whether all columns are there: in the only or the before image, and in the after image.
    whole: [bool; 2],
    rest: &'a [u8],
}

impl std::fmt::Debug for RowsIter<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowsIter({} bytes left)", self.rest.len())
    }
}

impl<'a> RowsIter<'a, '_> {
    fn image(&mut self, present: &'a [u8], whole: bool) -> Result<Image<'a>, DecodeError> {
        let size = image::size(self.rest, present, whole, self.columns)?;
        let (bytes, rest) = self.rest.split_at_checked(size).unwrap_or((self.rest, &[]));
        self.rest = rest;
        Ok(Image::new(bytes, present))
    }

    fn after(&mut self) -> Result<Image<'a>, DecodeError> {
        let partial = if self.rows.partial { self.partial()? } else { &[] };
        Ok(self.image(self.rows.present_after, self.whole[1])?.with_partial(partial))
    }

    /// What stands before the after image of a partial update: options, and if the first of them is set, a bit for each
    /// JSON column of the table (MySQL source documentation, "Rows_event").
    fn partial(&mut self) -> Result<&'a [u8], DecodeError> {
        let mut input = Input::new(self.rest, WHAT);
        let bits = match input.packed()? {
            0 => &[],
            PARTIAL_JSON => {
                let json = self.columns.iter().filter(|column| matches!(column.kind, ColumnType::Json { .. })).count();
                input.bytes(json.div_ceil(8))?
            }
            _ => return Err(input.malformed()),
        };
        self.rest = input.rest();
        Ok(bits)
    }

    fn row(&mut self) -> Result<RowChange<'a>, DecodeError> {
        let left = self.rest.len();
        let first = self.image(self.rows.present, self.whole[0])?;
        let change = match self.rows.kind {
            RowsKind::Write => RowChange { before: None, after: Some(first) },
            RowsKind::Delete => RowChange { before: Some(first), after: None },
            RowsKind::Update => RowChange { before: Some(first), after: Some(self.after()?) },
        };
        // A row of no bytes would repeat for ever.
        if self.rest.len() == left { Err(DecodeError::Malformed { what: WHAT }) } else { Ok(change) }
    }
}

impl<'a> Iterator for RowsIter<'a, '_> {
    type Item = Result<RowChange<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_err() {
            self.rest = &[];
        }
        Some(row)
    }
}
