//! The table map event: which table the rows behind it belong to, and its columns.

use super::columns::TableColumns;
use super::error::DecodeError;
use super::format::Flavor;
use super::input::Input;

/// A table map event. Only the names are read; the rest stays bytes until [`TableMap::columns`] is asked (rule R2).
#[derive(Clone, Copy, Debug)]
pub struct TableMap<'a> {
    /// Number by which the rows events behind it name the table; good until the statement's or transaction's end.
    pub table_id: u64,
    /// The schema (database), UTF-8.
    pub schema: &'a [u8],
    /// The table, UTF-8.
    pub table: &'a [u8],
    /// All behind the names: equal bytes mean equal columns.
    pub body: &'a [u8],
    /// Whose server wrote it.
    pub flavor: Flavor,
}

impl<'a> TableMap<'a> {
    pub(super) fn read(body: &'a [u8], post_header: u8, flavor: Flavor) -> Result<Self, DecodeError> {
        let mut input = Input::new(body, "the table map event");
        let table_id = input.table_id(post_header)?;
        let _flags = input.u16()?;
        let schema = input.name()?;
        let table = input.name()?;
        Ok(Self { table_id, schema, table, body: input.rest(), flavor })
    }

    /// The table's columns as far as this event tells them.
    ///
    /// # Errors
    /// If the event is damaged, or a column's type is unknown, so that its rows cannot be walked.
    pub fn columns(&self) -> Result<TableColumns, DecodeError> {
        TableColumns::read(self.body, self.flavor)
    }
}
