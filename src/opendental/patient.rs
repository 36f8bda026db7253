//! Patient: table `patient`, in the order of Patients GET (single).

use super::{
    DefinitionCategory::BillingTypes,
    enums::{CONTACT_METHOD, PATIENT_GENDER, PATIENT_POSITION, PATIENT_STATUS, YES_NO},
    field::{
        JsonField, TableShape, boolean, clinic_abbr, date, date_time, definition, member, money, number, provider_abbr,
        site_description, text,
    },
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "Patient",
    deletions: None,
    table: "patient",
    key: "PatNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("PatNum"),
    text("LName"),
    text("FName"),
    text("MiddleI"),
    text("Preferred"),
    member("PatStatus", PATIENT_STATUS),
    member("Gender", PATIENT_GENDER),
    member("Position", PATIENT_POSITION),
    date("Birthdate"),
    text("SSN"),
    text("Address"),
    text("Address2"),
    text("City"),
    text("State"),
    text("Zip"),
    text("HmPhone"),
    text("WkPhone"),
    text("WirelessPhone"),
    number("Guarantor"),
    text("Email"),
    money("EstBalance"),
    number("PriProv"),
    provider_abbr("priProvAbbr", "PriProv"),
    number("SecProv"),
    provider_abbr("secProvAbbr", "SecProv"),
    number("FeeSched"),
    // A name, not a number, although it starts with a capital.
    definition("BillingType", "BillingType", BillingTypes),
    text("ImageFolder"),
    text("FamFinUrgNote"),
    text("ChartNumber"),
    text("MedicaidID"),
    money("BalTotal"),
    number("EmployerNum"),
    date("DateFirstVisit"),
    number("ClinicNum"),
    clinic_abbr("clinicAbbr", "ClinicNum"),
    boolean("Premed"),
    text("Ward"),
    member("PreferConfirmMethod", CONTACT_METHOD),
    member("PreferContactMethod", CONTACT_METHOD),
    member("PreferRecallMethod", CONTACT_METHOD),
    text("Language"),
    date("AdmitDate"),
    site_description("siteDesc", "SiteNum"),
    date_time("DateTStamp"),
    number("SuperFamily"),
    member("TxtMsgOk", YES_NO),
    date("SecDateEntry"),
];

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::{
        opendental::{
            LookupTable, Lookups,
            sample::{self, SampleRow, text},
        },
        row::Field,
    };

    const DOCUMENTED: &str = r#"{"PatNum":48,"LName":"Smith","FName":"Jane","MiddleI":"","Preferred":"","PatStatus":"Patient","Gender":"Female","Position":"Single","Birthdate":"1976-05-24","SSN":"","Address":"125 Satin Heights","Address2":"","City":"San Jose","State":"CA","Zip":"97301","HmPhone":"(536)624-5871","WkPhone":"(536)987-4822","WirelessPhone":"(536)987-4822","Guarantor":48,"Email":"smithfam@yahoo.com","EstBalance":0.0,"PriProv":1,"priProvAbbr":"DOC","SecProv":0,"secProvAbbr":"","FeeSched":0,"BillingType":"Standard Account","ImageFolder":"SmithJane48","FamFinUrgNote":"CC on file expiring soon","ChartNumber":"","MedicaidID":"","BalTotal":111.9,"EmployerNum":0,"DateFirstVisit":"2021-12-16","ClinicNum":0,"clinicAbbr":"","Premed":"false","Ward":"","PreferConfirmMethod":"None","PreferContactMethod":"WirelessPh","PreferRecallMethod":"TextMessage","Language":"spa","AdmitDate":"0001-01-01","siteDesc":"","DateTStamp":"2021-12-08 15:34:34","SuperFamily":0,"TxtMsgOk":"Unknown","SecDateEntry":"2021-12-04"}"#;

    fn row() -> SampleRow {
        SampleRow::typed(
            "patient",
            &[
                ("PatNum", "48"),
                ("LName", "Smith"),
                ("FName", "Jane"),
                ("Gender", "1"),
                ("Birthdate", "1976-05-24"),
                ("Address", "125 Satin Heights"),
                ("City", "San Jose"),
                ("State", "CA"),
                ("Zip", "97301"),
                ("HmPhone", "(536)624-5871"),
                ("WkPhone", "(536)987-4822"),
                ("WirelessPhone", "(536)987-4822"),
                ("Guarantor", "48"),
                ("Email", "smithfam@yahoo.com"),
                ("PriProv", "1"),
                ("BillingType", "40"),
                ("ImageFolder", "SmithJane48"),
                ("FamFinUrgNote", "CC on file expiring soon"),
                ("BalTotal", "111.9"),
                ("DateFirstVisit", "2021-12-16"),
                ("PreferContactMethod", "4"),
                ("PreferRecallMethod", "8"),
                ("Language", "spa"),
                ("DateTStamp", "2021-12-08 15:34:34"),
                ("SecDateEntry", "2021-12-04"),
            ],
        )
    }

    fn lookups() -> Lookups {
        sample::lookups(&[
            (LookupTable::Definition, &[("DefNum", "40"), ("Category", "4"), ("ItemName", "Standard Account")]),
            (LookupTable::Provider, &[("ProvNum", "1"), ("Abbr", "DOC")]),
            (LookupTable::Provider, &[("ProvNum", "2"), ("Abbr", "HYG")]),
            (LookupTable::Clinic, &[("ClinicNum", "3"), ("Abbr", "East")]),
            (LookupTable::Site, &[("SiteNum", "9"), ("Description", "Oak School")]),
        ])
    }

    #[test]
    fn the_documented_object_comes_out() {
        sample::assert_json(&SHAPE, &row(), &lookups(), DOCUMENTED);
    }

    #[test]
    fn names_are_looked_up_by_their_own_numbers() {
        let row = row()
            .with("SecProv", Field::Int(2))
            .with("ClinicNum", Field::Int(3))
            .with("SiteNum", Field::Int(9))
            .with("PatStatus", Field::UInt(6))
            .with("TxtMsgOk", Field::Int(2))
            .with("Premed", Field::UInt(1))
            .with("EstBalance", Field::Double(-12.34));
        let expected = DOCUMENTED
            .replace(r#""SecProv":0,"secProvAbbr":"""#, r#""SecProv":2,"secProvAbbr":"HYG""#)
            .replace(r#""ClinicNum":0,"clinicAbbr":"""#, r#""ClinicNum":3,"clinicAbbr":"East""#)
            .replace(r#""siteDesc":"""#, r#""siteDesc":"Oak School""#)
            .replace(r#""PatStatus":"Patient""#, r#""PatStatus":"Prospective""#)
            .replace(r#""TxtMsgOk":"Unknown""#, r#""TxtMsgOk":"No""#)
            .replace(r#""Premed":"false""#, r#""Premed":"true""#)
            .replace(r#""EstBalance":0.0"#, r#""EstBalance":-12.34"#);
        sample::assert_json(&SHAPE, &row, &lookups(), &expected);
    }

    #[test]
    fn nulls_and_zero_dates_are_none() {
        let row = row()
            .with("LName", Field::Null)
            .with("Language", Field::Null)
            .with("FamFinUrgNote", Field::Null)
            .with("Birthdate", text("0000-00-00"))
            .with("AdmitDate", text("0000-00-00"));
        let expected = DOCUMENTED
            .replace(r#""LName":"Smith""#, r#""LName":"""#)
            .replace(r#""Language":"spa""#, r#""Language":"""#)
            .replace("CC on file expiring soon", "")
            .replace("1976-05-24", "0001-01-01");
        sample::assert_json(&SHAPE, &row, &lookups(), &expected);
    }
}
