//! A watch table: the API's name, the database table behind it, and how its rows become JSON.

use super::{Binding, LookupTable, Shown, field::TableShape, plain::PlainTable};

/// What of its table's rows a watch table tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Rows as they are after an insert or an update.
    Changes,
    /// Rows as they were before they were deleted.
    Deletions,
}

/// What a subscription for database events watches (`apisubscription.WatchTable`). Made by [`super::WatchTables`].
#[derive(Debug)]
pub struct WatchTable {
    name: Box<str>,
    tells: Tells,
    form: Form,
    table: Box<str>,
    key: Box<[Box<str>]>,
    stamp: Option<Box<str>>,
}

/// How its rows become JSON.
#[derive(Clone, Debug)]
enum Form {
    /// As Open Dental documents it.
    Api(&'static TableShape),
    /// Column by column; these columns are left out.
    Plain { hidden: Box<[Box<str>]> },
}

impl WatchTable {
    pub(super) fn api(shape: &'static TableShape, name: &str, tells: Tells) -> Self {
        Self {
            name: name.into(),
            tells,
            form: Form::Api(shape),
            table: shape.table.into(),
            key: [shape.key.into()].into(),
            stamp: Some(shape.stamp.into()),
        }
    }

    pub(super) fn plain(table: &PlainTable, name: &str, tells: Tells) -> Self {
        Self {
            name: name.into(),
            tells,
            form: Form::Plain { hidden: table.hidden.iter().map(|column| column.as_str().into()).collect() },
            table: table.table.as_str().into(),
            key: table.key.iter().map(|column| column.as_str().into()).collect(),
            stamp: table.stamp.as_deref().map(Into::into),
        }
    }

    /// The name as it stands in `apisubscription.WatchTable` and in the `Event-Type` header.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it tells of its table's rows.
    pub fn tells(&self) -> Tells {
        self.tells
    }

    /// Whether it is a table of `opendental.tables`, whose columns are what the server says they are.
    pub fn is_plain(&self) -> bool {
        matches!(self.form, Form::Plain { .. })
    }

    /// The database table whose rows it sends.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The columns of the table's primary key, in the key's order: one BIGINT in all tables of the API.
    pub fn key_columns(&self) -> &[Box<str>] {
        &self.key
    }

    /// The TIMESTAMP column that tells when a row was last changed, if the table has one.
    pub fn stamp_column(&self) -> Option<&str> {
        self.stamp.as_deref()
    }

    /// The column, and the number in it, that rows must have to belong to it; `None`: all rows of the table do.
    pub fn only(&self) -> Option<(&'static str, i64)> {
        match self.form {
            Form::Api(shape) => shape.only,
            Form::Plain { .. } => None,
        }
    }

    /// Whether only some of the table's rows belong to it: see [`Binding::accepts`].
    pub fn is_choosy(&self) -> bool {
        self.only().is_some()
    }

    /// Whether its JSON may hold this.
    pub fn shows(&self, shown: Shown) -> bool {
        match self.form {
            Form::Api(shape) => shape.fields().any(|field| field.conversion.shows() == Some(shown)),
            Form::Plain { .. } => false,
        }
    }

    /// Whether its JSON holds anything of this lookup table.
    pub fn looks_up(&self, table: LookupTable) -> bool {
        match self.form {
            Form::Api(shape) => {
                let mut shown = shape.fields().filter_map(|field| field.conversion.shows());
                shown.any(|shown| shown.table() == table)
            }
            Form::Plain { .. } => false,
        }
    }

    /// Finds the columns of the JSON fields among `columns` (names in the row's order; case does not count).
    ///
    /// Columns of the API that are not there (an older release of Open Dental) leave their fields out of the JSON;
    /// columns that the API does not show do no harm.
    pub fn bind(&self, columns: &[Box<str>]) -> Binding {
        match &self.form {
            Form::Api(shape) => Binding::api(shape, columns),
            Form::Plain { hidden } => Binding::plain(&self.table, &self.key, hidden, columns),
        }
    }
}

impl std::fmt::Display for WatchTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
