//! ToothInitial: table `toothinitial`, in the order of ToothInitials GET. A moved tooth's distance is a string there.

use super::{
    enums::TOOTH_INITIAL_TYPE,
    field::{JsonField, TableShape, color, date_time, member, number, text},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "ToothInitial",
    deletions: Some("ToothInitialDeleted"),
    table: "toothinitial",
    key: "ToothInitialNum",
    stamp: "SecDateTEdit",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("ToothInitialNum"),
    number("PatNum"),
    text("ToothNum"),
    member("InitialType", TOOTH_INITIAL_TYPE),
    text("Movement"),
    text("DrawingSegment"),
    color("ColorDraw"),
    date_time("SecDateTEntry"),
    date_time("SecDateTEdit"),
    text("DrawText"),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::opendental::{
        Lookups,
        sample::{self, SampleRow},
    };

    const DOCUMENTED: &str = r#"{"ToothInitialNum":344,"PatNum":13,"ToothNum":"22","InitialType":"Rotate","Movement":"-20","DrawingSegment":"","ColorDraw":"0,0,0","SecDateTEntry":"2024-05-30 12:42:57","SecDateTEdit":"2024-05-30 12:42:57","DrawText":""}"#;

    #[test]
    fn the_documented_object_comes_out() {
        let row = SampleRow::typed(
            "toothinitial",
            &[
                ("ToothInitialNum", "344"),
                ("PatNum", "13"),
                ("ToothNum", "22"),
                ("InitialType", "6"),
                ("Movement", "-20"),
                ("SecDateTEntry", "2024-05-30 12:42:57"),
                ("SecDateTEdit", "2024-05-30 12:42:57"),
            ],
        );
        sample::assert_json(&SHAPE, &row, &Lookups::new(), DOCUMENTED);
    }
}
