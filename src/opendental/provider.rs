//! Provider: table `provider`, in the order of Providers GET, without the `serverDateTime` that only GET has.

use super::{
    enums::PROVIDER_STATUS,
    field::{JsonField, TableShape, boolean, color, date, date_time, member, number, text},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "Provider",
    deletions: None,
    table: "provider",
    key: "ProvNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("ProvNum"),
    text("Abbr"),
    text("LName"),
    text("FName"),
    text("MI"),
    text("Suffix"),
    number("FeeSched"),
    number("Specialty"),
    text("SSN"),
    text("StateLicense"),
    boolean("IsSecondary"),
    color("provColor").from("ProvColor"),
    boolean("IsHidden"),
    boolean("UsingTIN"),
    boolean("SigOnFile"),
    text("NationalProvID"),
    date_time("DateTStamp"),
    boolean("IsNotPerson"),
    member("ProvStatus", PROVIDER_STATUS),
    boolean("IsHiddenReport"),
    date("Birthdate"),
    text("SchedNote"),
    text("PreferredName"),
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

    /// Without the serverDateTime at its end, which events do not have since 22.4.
    const DOCUMENTED: &str = r#"{"ProvNum":4,"Abbr":"HYG2","LName":"Bently","FName":"Bruce","MI":"","Suffix":"","FeeSched":53,"Specialty":265,"SSN":"","StateLicense":"","IsSecondary":"true","provColor":"164,164,255","IsHidden":"false","UsingTIN":"false","SigOnFile":"false","NationalProvID":"","DateTStamp":"2016-03-03 13:10:47","IsNotPerson":"false","ProvStatus":"Active","IsHiddenReport":"false","Birthdate":"0001-01-01","SchedNote":"","PreferredName":""}"#;

    fn row() -> SampleRow {
        SampleRow::typed(
            "provider",
            &[
                ("ProvNum", "4"),
                ("Abbr", "HYG2"),
                ("LName", "Bently"),
                ("FName", "Bruce"),
                ("FeeSched", "53"),
                ("Specialty", "265"),
                ("IsSecondary", "1"),
                // 0xFFA4A4FF
                ("ProvColor", "-5987073"),
                ("SigOnFile", "0"),
                ("DateTStamp", "2016-03-03 13:10:47"),
            ],
        )
    }

    #[test]
    fn the_documented_object_comes_out() {
        sample::assert_json(&SHAPE, &row(), &Lookups::new(), DOCUMENTED);
    }

    #[test]
    fn a_deleted_provider_without_abbreviation() {
        let row = row().with("Abbr", Field::Null).with("ProvStatus", Field::Int(1)).with("SigOnFile", Field::UInt(1));
        let expected = DOCUMENTED
            .replace("HYG2", "")
            .replace(r#""ProvStatus":"Active""#, r#""ProvStatus":"Deleted""#)
            .replace(r#""SigOnFile":"false""#, r#""SigOnFile":"true""#);
        sample::assert_json(&SHAPE, &row, &Lookups::new(), &expected);
    }
}
