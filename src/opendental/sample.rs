//! Rows for tests, of the tables as `schema.sql` makes them: typed as a row image gives them, or all text as a
//! SELECT does.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use super::{Binding, LookupTable, Lookups, field::TableShape, schema};
use crate::row::{Field, Kind, Row};

/// A row that tests can change.
#[derive(Clone, Debug)]
pub(super) struct SampleRow {
    columns: Vec<Box<str>>,
    fields: Vec<Field<'static>>,
}

impl Row for SampleRow {
    fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        self.fields.get(index).cloned().unwrap_or(Field::Absent)
    }

    fn kind_at(&self, index: usize) -> Kind {
        match self.fields.get(index) {
            Some(Field::Int(_) | Field::UInt(_)) => Kind::Exact,
            Some(Field::Double(_)) => Kind::Approximate,
            Some(Field::Bytes(_)) => Kind::Bytes,
            _ => Kind::Text,
        }
    }
}

impl SampleRow {
    /// A row of `table` with every column that the schema has: the given values, else the column's default.
    pub(super) fn typed(table: &str, values: &[(&str, &str)]) -> Self {
        let create = schema::statements(schema::Engine::MyIsam)
            .find(|sql| sql.starts_with(&format!("CREATE TABLE `{table}` (")))
            .unwrap();
        let mut row = Self { columns: Vec::new(), fields: Vec::new() };
        for line in create.lines() {
            let Some((name, definition)) = line.strip_prefix("  `").and_then(|line| line.split_once("` ")) else {
                continue;
            };
            let given = values.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
            row.columns.push(name.into());
            row.fields.push(typed_field(definition, given));
        }
        for (column, _) in values {
            assert!(row.columns.iter().any(|name| **name == **column), "{table} has no column {column}");
        }
        row
    }

    /// The same row as a SELECT gives it.
    pub(super) fn to_text(&self) -> Self {
        let text = |field: &Field<'static>| match field {
            Field::Int(number) => Field::Text(number.to_string().into()),
            Field::UInt(number) => Field::Text(number.to_string().into()),
            // A server shows 0.0 as 0.
            Field::Double(number) => Field::Text(number.to_string().into()),
            other => other.clone(),
        };
        Self { columns: self.columns.clone(), fields: self.fields.iter().map(text).collect() }
    }

    /// Sets a column, adding it at the end if the table lacks it.
    pub(super) fn with(mut self, column: &str, field: Field<'static>) -> Self {
        match self.columns.iter().position(|name| **name == *column) {
            Some(index) => self.fields[index] = field,
            None => {
                self.columns.push(column.into());
                self.fields.push(field);
            }
        }
        self
    }

    /// The row as an older release has it, without a column.
    pub(super) fn without(mut self, column: &str) -> Self {
        let index = self.columns.iter().position(|name| **name == *column).unwrap();
        self.columns.remove(index);
        self.fields.remove(index);
        self
    }
}

fn typed_field(definition: &str, given: Option<&str>) -> Field<'static> {
    let default = definition.split_once("DEFAULT '").and_then(|(_, rest)| rest.split('\'').next());
    let value = given.or(default);
    let type_name = definition.split(['(', ' ', ',']).next().unwrap();
    match type_name {
        "bigint" | "int" | "smallint" | "tinyint" => {
            let value = value.unwrap_or("0");
            if definition.contains("unsigned") {
                Field::UInt(value.parse().unwrap())
            } else {
                Field::Int(value.parse().unwrap())
            }
        }
        "double" => Field::Double(value.unwrap_or("0").parse().unwrap()),
        // A row image gives a FLOAT's text.
        "float" => text(value.unwrap_or("0")),
        "timestamp" => text(value.unwrap_or("2024-01-01 00:00:00")),
        "datetime" => text(value.unwrap_or("0000-00-00 00:00:00")),
        "char" | "varchar" | "text" | "date" | "time" if value.is_some() || definition.contains("NOT NULL") => {
            text(value.unwrap_or(""))
        }
        "char" | "varchar" | "text" | "date" | "time" => Field::Null,
        other => panic!("type {other}"),
    }
}

/// A text field.
pub(super) fn text(text: &str) -> Field<'static> {
    Field::Text(Cow::Owned(text.to_owned()))
}

/// Lookups with these rows.
pub(super) fn lookups(rows: &[(LookupTable, &[(&str, &str)])]) -> Lookups {
    let mut lookups = Lookups::new();
    for (table, values) in rows {
        lookups.upsert(*table, &SampleRow::typed(table.table(), values)).unwrap();
    }
    lookups
}

/// The binding of a watch table of this shape.
pub(super) fn bind(shape: &'static TableShape, columns: &[Box<str>]) -> Binding {
    Binding::api(shape, columns)
}

/// The row's JSON.
pub(super) fn json(shape: &'static TableShape, row: &dyn Row, lookups: &Lookups) -> String {
    let mut out = Vec::new();
    bind(shape, row.columns()).render(row, lookups, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Asserts that the row's JSON is `expected`, byte for byte: typed, and as text.
pub(super) fn assert_json(shape: &'static TableShape, row: &SampleRow, lookups: &Lookups, expected: &str) {
    assert_eq!(json(shape, row, lookups), expected, "typed");
    assert_eq!(json(shape, &row.to_text(), lookups), expected, "as text");
}
