//! PatField: table `patfield`, in the order of PatFields GET.

use super::field::{JsonField, TableShape, date, date_time, number, text};

pub(super) const SHAPE: TableShape = TableShape {
    name: "PatField",
    deletions: Some("PatFieldDeleted"),
    table: "patfield",
    key: "PatFieldNum",
    stamp: "SecDateTEdit",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("PatFieldNum"),
    number("PatNum"),
    text("FieldName"),
    text("FieldValue"),
    date("SecDateEntry"),
    date_time("SecDateTEdit"),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::{
        opendental::{
            Lookups,
            sample::{self, SampleRow},
        },
        row::Field,
    };

    const DOCUMENTED: &str = r#"{"PatFieldNum":5,"PatNum":69,"FieldName":"Ins Verified","FieldValue":"Yes","SecDateEntry":"2021-12-04","SecDateTEdit":"2022-12-15 11:26:31"}"#;

    fn row() -> SampleRow {
        SampleRow::typed(
            "patfield",
            &[
                ("PatFieldNum", "5"),
                ("PatNum", "69"),
                ("FieldName", "Ins Verified"),
                ("FieldValue", "Yes"),
                ("SecUserNumEntry", "1"),
                ("SecDateEntry", "2021-12-04"),
                ("SecDateTEdit", "2022-12-15 11:26:31"),
            ],
        )
    }

    #[test]
    fn the_documented_object_comes_out() {
        sample::assert_json(&SHAPE, &row(), &Lookups::new(), DOCUMENTED);
    }

    #[test]
    fn null_is_no_text() {
        let row = row().with("FieldValue", Field::Null).with("FieldName", Field::Null);
        let expected = DOCUMENTED.replace("Yes", "").replace("Ins Verified", "");
        sample::assert_json(&SHAPE, &row, &Lookups::new(), &expected);
    }
}
