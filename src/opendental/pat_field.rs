//! PatField: table `patfield`, in the order of PatFields GET.

use super::field::{JsonField, TableShape, date, date_time, number, text};

pub(super) const SHAPE: TableShape =
    TableShape { table: "patfield", key: "PatFieldNum", stamp: "SecDateTEdit", only: None, fields: &[FIELDS] };

const FIELDS: &[JsonField] = &[
    number("PatFieldNum"),
    number("PatNum"),
    text("FieldName"),
    text("FieldValue"),
    date("SecDateEntry"),
    date_time("SecDateTEdit"),
];
