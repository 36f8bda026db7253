//! MedicationPat: table `medicationpat`, in the order of MedicationPats GET, which shows PatNum as a string.

use super::field::{JsonField, TableShape, date, medication_name, number, number_string, text};

pub(super) const SHAPE: TableShape = TableShape {
    name: "MedicationPat",
    deletions: Some("MedicationPatDeleted"),
    table: "medicationpat",
    key: "MedicationPatNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("MedicationPatNum"),
    number_string("PatNum"),
    medication_name("medName", "MedicationNum"),
    number("MedicationNum"),
    text("PatNote"),
    date("DateStart"),
    date("DateStop"),
    number("ProvNum"),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::opendental::{
        LookupTable,
        sample::{self, SampleRow},
    };

    const EXPECTED: &str = r#"{"MedicationPatNum":7,"PatNum":"234","medName":"Amoxicillin","MedicationNum":3,"PatNote":"twice a day","DateStart":"2024-05-30","DateStop":"0001-01-01","ProvNum":1}"#;

    const VALUES: &[(&str, &str)] = &[
        ("MedicationPatNum", "7"),
        ("PatNum", "234"),
        ("MedicationNum", "3"),
        ("PatNote", "twice a day"),
        ("DateStart", "2024-05-30"),
        ("ProvNum", "1"),
        ("MedDescript", "not shown"),
    ];

    #[test]
    fn the_fields_come_out_in_the_documented_order() {
        let medication: &[(&str, &str)] = &[("MedicationNum", "3"), ("MedName", "Amoxicillin")];
        let lookups = sample::lookups(&[(LookupTable::Medication, medication)]);
        sample::assert_json(&SHAPE, &SampleRow::typed("medicationpat", VALUES), &lookups, EXPECTED);
    }

    #[test]
    fn a_medication_that_is_not_in_the_list_has_no_name() {
        let expected = EXPECTED.replace("Amoxicillin", "");
        sample::assert_json(&SHAPE, &SampleRow::typed("medicationpat", VALUES), &sample::lookups(&[]), &expected);
    }
}
