//! LabCase: table `labcase`, in the order of LabCases GET.

use super::field::{JsonField, TableShape, date_time, money, number, text};

pub(super) const SHAPE: TableShape = TableShape {
    name: "LabCase",
    deletions: Some("LabCaseDeleted"),
    table: "labcase",
    key: "LabCaseNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("LabCaseNum"),
    number("PatNum"),
    number("LaboratoryNum"),
    number("AptNum"),
    number("PlannedAptNum"),
    date_time("DateTimeDue"),
    date_time("DateTimeCreated"),
    date_time("DateTimeSent"),
    date_time("DateTimeRecd"),
    date_time("DateTimeChecked"),
    number("ProvNum"),
    text("Instructions"),
    money("LabFee"),
    date_time("DateTStamp"),
    text("InvoiceNum"),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::opendental::{
        Lookups,
        sample::{self, SampleRow},
    };

    const DOCUMENTED: &str = r#"{"LabCaseNum":226,"PatNum":33,"LaboratoryNum":1,"AptNum":143,"PlannedAptNum":0,"DateTimeDue":"0001-01-01 00:00:00","DateTimeCreated":"2022-09-30 14:23:12","DateTimeSent":"2022-10-03 14:24:12","DateTimeRecd":"2022-10-04 14:24:12","DateTimeChecked":"2022-10-05 14:24:12","ProvNum":3,"Instructions":"Repair clasps on Max partial","LabFee":0.0,"DateTStamp":"2022-10-05 14:24:12","InvoiceNum":""}"#;

    #[test]
    fn the_documented_object_comes_out() {
        let row = SampleRow::typed(
            "labcase",
            &[
                ("LabCaseNum", "226"),
                ("PatNum", "33"),
                ("LaboratoryNum", "1"),
                ("AptNum", "143"),
                ("DateTimeCreated", "2022-09-30 14:23:12"),
                ("DateTimeSent", "2022-10-03 14:24:12"),
                ("DateTimeRecd", "2022-10-04 14:24:12"),
                ("DateTimeChecked", "2022-10-05 14:24:12"),
                ("ProvNum", "3"),
                ("Instructions", "Repair clasps on Max partial"),
                ("DateTStamp", "2022-10-05 14:24:12"),
            ],
        );
        sample::assert_json(&SHAPE, &row, &Lookups::new(), DOCUMENTED);
    }
}
