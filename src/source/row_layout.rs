//! How to read the images of one table's rows.

/// A table's columns, as the row images that carry it were written (rule R5).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The database.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The columns' names, in the table's order.
    pub names: Vec<Box<str>>,
    /// Indices into `names` of the primary key's columns, in the key's order; empty if the table has none.
    pub primary_key: Vec<usize>,
    /// Whether a ROLLBACK undoes changes of it: InnoDB yes; MyISAM, Aria and MEMORY no.
    pub transactional: bool,
}
