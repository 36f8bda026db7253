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
    left_out: Box<[&'static str]>,
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
        let (mut fields, mut left_out) = (Vec::new(), Vec::new());
        for field in shape.fields.iter().copied().flatten() {
            let release = field.only_with.map(find);
            if release == Some(None) {
                continue;
            }
            let Some(index) = find(field.column) else {
                left_out.push(field.name);
                continue;
            };
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
            left_out: left_out.into_boxed_slice(),
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

    /// The JSON fields that are not sent because the table lacks their columns (an older release of Open Dental).
    pub fn left_out(&self) -> &[&'static str] {
        &self.left_out
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample::{self, SampleRow, text};
    use super::*;

    #[test]
    fn d4_an_error_names_the_column_and_never_the_value() {
        let row = SampleRow::typed("patient", &[("PatNum", "1")]).with("Guarantor", text("Jane Smith"));
        let mut out = b"[".to_vec();
        let error = WatchTable::Patient.bind(row.columns()).render(&row, &Lookups::new(), &mut out).unwrap_err();
        let message = format!("{error} {error:?}");
        assert!(message.contains("patient.Guarantor"), "{message}");
        assert!(!message.contains("Jane") && !message.contains("Smith"), "{message}");
        assert_eq!(out, b"[", "nothing of the row is left behind");
    }

    #[test]
    fn column_names_are_compared_without_case() {
        let row = SampleRow::typed("patfield", &[("PatFieldNum", "5"), ("FieldValue", "Yes")]);
        let lower: Vec<Box<str>> =
            row.columns().iter().map(|name| name.to_ascii_lowercase().into_boxed_str()).collect();
        let mut out = Vec::new();
        let binding = WatchTable::PatField.bind(&lower);
        binding.render(&row, &Lookups::new(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), sample::json(WatchTable::PatField, &row, &Lookups::new()));
        assert_eq!(binding.left_out(), [""; 0]);
    }

    #[test]
    fn r6_an_incomplete_image_gives_the_columns_at_hand() {
        let mut row = SampleRow::typed("patfield", &[("PatFieldNum", "5")]);
        for column in ["PatNum", "FieldName", "FieldValue", "SecDateEntry", "SecDateTEdit"] {
            row = row.with(column, Field::Absent);
        }
        assert_eq!(sample::json(WatchTable::PatField, &row, &Lookups::new()), r#"{"PatFieldNum":5}"#);
        let row = row.with("PatFieldNum", Field::Absent);
        let mut out = Vec::new();
        let error = WatchTable::PatField.bind(row.columns()).render(&row, &Lookups::new(), &mut out);
        assert_eq!(error, Err(RenderError::Missing { table: "patfield", column: "PatFieldNum" }));
    }

    #[test]
    fn every_table_but_the_history_takes_every_row() {
        for watch in WatchTable::ALL.into_iter().filter(|watch| *watch != WatchTable::AppointmentDeleted) {
            let row = SampleRow::typed(watch.table(), &[]);
            assert_eq!(watch.bind(row.columns()).accepts(&row), Ok(true), "{watch}");
        }
    }

    #[test]
    fn only_what_is_sent_is_selected() {
        let row = SampleRow::typed("histappointment", &[]).with("IsMirrored", Field::Int(0));
        let binding = WatchTable::AppointmentDeleted.bind(row.columns());
        let has = |name: &str| binding.columns().iter().any(|column| **column == *name);
        for needed in ["HistApptNum", "DateTStamp", "HistApptAction", "ColorOverride", "IsMirrored"] {
            assert!(has(needed), "{needed}");
        }
        for spared in ["SecurityHash", "ProcsColored", "Assistant", "ProvBarText"] {
            assert!(!has(spared), "{spared}");
        }
    }
}
