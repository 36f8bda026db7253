//! A watch table's JSON fields, matched to the columns that its table really has.

use super::{
    Lookups, RenderError, WatchTable,
    conversion::{self, Conversion},
    field::TableShape,
};
use crate::row::{Field, Row};

/// Writes rows of a watch table as JSON objects. Made by [`WatchTable::bind`] for rows of one list of columns.
#[derive(Clone, Debug)]
pub struct Binding {
    watch: WatchTable,
    table: &'static str,
    key: Source,
    only: Option<(Source, i64)>,
    fields: Box<[BoundField]>,
    columns: Box<[Box<str>]>,
}

/// A column by its name, and where rows have it; `None`: the table lacks it.
#[derive(Clone, Copy, Debug)]
struct Source {
    column: &'static str,
    index: Option<usize>,
}

#[derive(Clone, Debug)]
struct BoundField {
    /// The name with its quotes and the colon, ready to be copied.
    label: Box<[u8]>,
    column: &'static str,
    index: usize,
    conversion: Conversion,
}

impl Binding {
    pub(super) fn new(watch: WatchTable, shape: &'static TableShape, columns: &[Box<str>]) -> Self {
        let find = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let source = |column| Source { column, index: find(column) };
        let mut used = vec![find(shape.key), find(shape.stamp), shape.only.and_then(|(column, _)| find(column))];
        let mut fields = Vec::new();
        for field in shape.fields.iter().copied().flatten() {
            let release = field.only_with.map(find);
            let Some(index) = find(field.column).filter(|_| release != Some(None)) else { continue };
            used.extend([Some(index), release.flatten()]);
            let label = format!("\"{}\":", field.name).into_bytes().into_boxed_slice();
            fields.push(BoundField { label, column: field.column, index, conversion: field.conversion });
        }
        let columns =
            columns.iter().enumerate().filter(|(index, _)| used.contains(&Some(*index))).map(|(_, name)| name.clone());
        Self {
            watch,
            table: shape.table,
            key: source(shape.key),
            only: shape.only.map(|(column, number)| (source(column), number)),
            fields: fields.into_boxed_slice(),
            columns: columns.collect(),
        }
    }

    /// The watch table.
    pub fn watch(&self) -> WatchTable {
        self.watch
    }

    /// The columns that are needed, as the table names them and in its order: the key, the stamp and what the JSON
    /// is made from. A row with just these needs a binding of its own: `binding.watch().bind(binding.columns())`
    /// gives the same JSON.
    pub fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    /// Whether the row belongs to the watch table: AppointmentDeleted takes only rows whose HistApptAction is
    /// Deleted, the others take every row.
    ///
    /// # Errors
    /// The row does not hold the column that decides (an incomplete row image), or no integer in it.
    pub fn accepts(&self, row: &dyn Row) -> Result<bool, RenderError> {
        let Some((Source { column, index }, number)) = self.only else { return Ok(true) };
        match index.map_or(Field::Absent, |index| row.field_at(index)) {
            Field::Absent => Err(RenderError::Missing { table: self.table, column }),
            field => match conversion::key(&field) {
                Ok(found) => Ok(found == number),
                Err(expected) => Err(RenderError::Value { table: self.table, column, expected }),
            },
        }
    }

    /// Appends the row as one JSON object. Columns that the row does not hold are left out.
    ///
    /// # Errors
    /// The row does not hold its primary key, or a value that its column cannot have. `out` is then as it was.
    pub fn render(&self, row: &dyn Row, lookups: &Lookups, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let start = out.len();
        let result = self.append(row, lookups, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn append(&self, row: &dyn Row, lookups: &Lookups, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let Source { column, index } = self.key;
        if index.is_none_or(|index| matches!(row.field_at(index), Field::Absent | Field::Null)) {
            return Err(RenderError::Missing { table: self.table, column });
        }
        out.push(b'{');
        let mut is_first = true;
        for field in &self.fields {
            let value = row.field_at(field.index);
            if value == Field::Absent {
                continue;
            }
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            out.extend_from_slice(&field.label);
            field.conversion.write(&value, lookups, out).map_err(|expected| RenderError::Value {
                table: self.table,
                column: field.column,
                expected,
            })?;
        }
        out.push(b'}');
        Ok(())
    }
}
