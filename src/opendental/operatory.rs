//! Operatory: table `operatory`, in the order of Operatories GET.

use super::{
    DefinitionCategory::OperatoryTypes,
    field::{JsonField, TableShape, boolean, definition, number, text},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "Operatory",
    deletions: None,
    table: "operatory",
    key: "OperatoryNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("OperatoryNum"),
    text("OpName"),
    text("Abbrev"),
    number("ItemOrder"),
    boolean("IsHidden"),
    number("ProvDentist"),
    number("ProvHygienist"),
    boolean("IsHygiene"),
    number("ClinicNum"),
    boolean("SetProspective"),
    boolean("IsWebSched"),
    number("OperatoryType"),
    definition("operatoryType", "OperatoryType", OperatoryTypes),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::opendental::{
        LookupTable,
        sample::{self, SampleRow},
    };

    const DOCUMENTED: &str = r#"{"OperatoryNum":1,"OpName":"Dr. Brian Albert","Abbrev":"OP-1","ItemOrder":0,"IsHidden":"false","ProvDentist":1,"ProvHygienist":0,"IsHygiene":"false","ClinicNum":2,"SetProspective":"false","IsWebSched":"false","OperatoryType":0,"operatoryType":""}"#;

    const VALUES: &[(&str, &str)] = &[
        ("OperatoryNum", "1"),
        ("OpName", "Dr. Brian Albert"),
        ("Abbrev", "OP-1"),
        ("ProvDentist", "1"),
        ("ClinicNum", "2"),
        ("IsNewPatAppt", "1"),
    ];

    #[test]
    fn the_documented_object_comes_out() {
        let row = SampleRow::typed("operatory", VALUES);
        sample::assert_json(&SHAPE, &row, &sample::lookups(&[]), DOCUMENTED);
    }

    #[test]
    fn an_older_release_has_no_types() {
        let row = SampleRow::typed("operatory", VALUES).without("OperatoryType");
        let expected = DOCUMENTED.replace(r#","OperatoryType":0,"operatoryType":"""#, "");
        sample::assert_json(&SHAPE, &row, &sample::lookups(&[]), &expected);
    }

    #[test]
    fn the_type_is_named() {
        let definition: &[(&str, &str)] = &[("DefNum", "901"), ("Category", "55"), ("ItemName", "Surgery")];
        let row = SampleRow::typed("operatory", &[VALUES, &[("OperatoryType", "901"), ("IsHidden", "1")]].concat());
        let expected = DOCUMENTED
            .replace(r#""OperatoryType":0,"operatoryType":"""#, r#""OperatoryType":901,"operatoryType":"Surgery""#)
            .replace(r#""IsHidden":"false""#, r#""IsHidden":"true""#);
        let lookups = sample::lookups(&[(LookupTable::Definition, definition)]);
        sample::assert_json(&SHAPE, &row, &lookups, &expected);
    }
}
