//! A watch table's JSON fields, matched to the columns that its table really has.

use super::{
    Lookups, RenderError,
    conversion::{self, Conversion},
    field::TableShape,
    plain::PlainBinding,
};
use crate::row::{Field, Row};

/// Writes rows of a watch table as JSON objects. Made by [`super::WatchTable::bind`] for rows of one list of columns.
#[derive(Clone, Debug)]
pub struct Binding(Form);

#[derive(Clone, Debug)]
enum Form {
    Api(ApiBinding),
    Plain(PlainBinding),
}

/// Writes rows as Open Dental documents them.
#[derive(Clone, Debug)]
struct ApiBinding {
    table: &'static str,
    key: Source,
    only: Option<(Source, i64)>,
    fields: Box<[BoundField]>,
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
    pub(super) fn api(shape: &'static TableShape, columns: &[Box<str>]) -> Self {
        Self(Form::Api(ApiBinding::new(shape, columns)))
    }

    pub(super) fn plain(table: &str, key: &[Box<str>], hidden: &[Box<str>], columns: &[Box<str>]) -> Self {
        Self(Form::Plain(PlainBinding::new(table, key, hidden, columns)))
    }

    /// The JSON fields that are not sent because the table lacks their columns (an older release of Open Dental).
    pub fn left_out(&self) -> &[&'static str] {
        match &self.0 {
            Form::Api(binding) => &binding.left_out,
            Form::Plain(_) => &[],
        }
    }

    /// Whether the row belongs to the watch table: AppointmentDeleted takes only rows whose HistApptAction is
    /// Deleted, the others take every row.
    ///
    /// # Errors
    /// The row does not hold the column that decides (an incomplete row image), or no integer in it.
    pub fn accepts(&self, row: &dyn Row) -> Result<bool, RenderError> {
        match &self.0 {
            Form::Api(binding) => binding.accepts(row),
            Form::Plain(_) => Ok(true),
        }
    }

    /// Appends the row as one JSON object. Columns that the row does not hold are left out.
    ///
    /// # Errors
    /// The row does not hold its primary key, or a value that its column cannot have. `out` is then as it was.
    pub fn render(&self, row: &dyn Row, lookups: &Lookups, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let start = out.len();
        let result = match &self.0 {
            Form::Api(binding) => binding.append(row, lookups, out),
            Form::Plain(binding) => binding.append(row, out),
        };
        if result.is_err() {
            out.truncate(start);
        }
        result
    }
}

impl ApiBinding {
    fn new(shape: &'static TableShape, columns: &[Box<str>]) -> Self {
        let find = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let source = |column| Source { column, index: find(column) };
        let (mut fields, mut left_out) = (Vec::new(), Vec::new());
        for field in shape.fields() {
            if field.only_with.is_some_and(|release| find(release).is_none()) {
                continue;
            }
            let Some(index) = find(field.column) else {
                left_out.push(field.name);
                continue;
            };
            let label = format!("\"{}\":", field.name).into_bytes().into_boxed_slice();
            fields.push(BoundField { label, column: field.column, index, conversion: field.conversion });
        }
        Self {
            table: shape.table,
            key: source(shape.key),
            only: shape.only.map(|(column, number)| (source(column), number)),
            fields: fields.into_boxed_slice(),
            left_out: left_out.into_boxed_slice(),
        }
    }

    fn accepts(&self, row: &dyn Row) -> Result<bool, RenderError> {
        let Some((Source { column, index }, number)) = self.only else { return Ok(true) };
        match index.map_or(Field::Absent, |index| row.field_at(index)) {
            Field::Absent => Err(RenderError::Missing { table: self.table.into(), column: column.into() }),
            field => match conversion::key(&field) {
                Ok(found) => Ok(found == number),
                Err(expected) => Err(RenderError::Value { table: self.table.into(), column: column.into(), expected }),
            },
        }
    }

    fn append(&self, row: &dyn Row, lookups: &Lookups, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let Source { column, index } = self.key;
        if index.is_none_or(|index| matches!(row.field_at(index), Field::Absent | Field::Null)) {
            return Err(RenderError::Missing { table: self.table.into(), column: column.into() });
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
                table: self.table.into(),
                column: field.column.into(),
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

    use super::super::{
        WatchTables, pat_field, patient,
        sample::{self, SampleRow, text},
    };
    use super::*;

    #[test]
    fn d4_an_error_names_the_column_and_never_the_value() {
        let row = SampleRow::typed("patient", &[("PatNum", "1")]).with("Guarantor", text("Jane Smith"));
        let mut out = b"[".to_vec();
        let error = sample::bind(&patient::SHAPE, row.columns()).render(&row, &Lookups::new(), &mut out).unwrap_err();
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
        let binding = sample::bind(&pat_field::SHAPE, &lower);
        binding.render(&row, &Lookups::new(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), sample::json(&pat_field::SHAPE, &row, &Lookups::new()));
        assert_eq!(binding.left_out(), [""; 0]);
    }

    #[test]
    fn r6_an_incomplete_image_gives_the_columns_at_hand() {
        let mut row = SampleRow::typed("patfield", &[("PatFieldNum", "5")]);
        for column in ["PatNum", "FieldName", "FieldValue", "SecDateEntry", "SecDateTEdit"] {
            row = row.with(column, Field::Absent);
        }
        assert_eq!(sample::json(&pat_field::SHAPE, &row, &Lookups::new()), r#"{"PatFieldNum":5}"#);
        let row = row.with("PatFieldNum", Field::Absent);
        let mut out = Vec::new();
        let error = sample::bind(&pat_field::SHAPE, row.columns()).render(&row, &Lookups::new(), &mut out);
        assert_eq!(error, Err(RenderError::Missing { table: "patfield".into(), column: "PatFieldNum".into() }));
    }

    #[test]
    fn every_table_but_the_history_takes_every_row() {
        for (_, watch) in WatchTables::api().iter().filter(|(_, watch)| watch.name() != "AppointmentDeleted") {
            let row = SampleRow::typed(watch.table(), &[]);
            assert_eq!(watch.bind(row.columns()).accepts(&row), Ok(true), "{watch}");
            assert!(!watch.is_choosy(), "{watch}");
        }
    }
}
