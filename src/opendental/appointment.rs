//! Appointment: table `appointment`, in the order of the API's events page.

use super::{
    DefinitionCategory::{ApptConfirmed, RecallUnschedStatus},
    enums::{APPT_PRIORITY, APPT_STATUS},
    field::{JsonField, TableShape, boolean, color, date_time, definition, member, number, provider_abbr, text},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "Appointment",
    deletions: None,
    table: "appointment",
    key: "AptNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[APPOINTMENT, ENTRY, PLANNING],
};

/// What the history of appointments shows in the same order.
pub(super) const APPOINTMENT: &[JsonField] = &[
    number("AptNum"),
    number("PatNum"),
    member("AptStatus", APPT_STATUS),
    text("Pattern"),
    number("Confirmed"),
    definition("confirmed", "Confirmed", ApptConfirmed),
    boolean("TimeLocked"),
    number("Op"),
    text("Note"),
    number("ProvNum"),
    provider_abbr("provAbbr", "ProvNum"),
    number("ProvHyg"),
    date_time("AptDateTime"),
    number("NextAptNum"),
    number("UnschedStatus"),
    definition("unschedStatus", "UnschedStatus", RecallUnschedStatus),
    boolean("IsNewPatient"),
    text("ProcDescript"),
    number("ClinicNum"),
    boolean("IsHygiene"),
    date_time("DateTStamp"),
    date_time("DateTimeArrived"),
    date_time("DateTimeSeated"),
    date_time("DateTimeDismissed"),
    number("InsPlan1"),
    number("InsPlan2"),
    date_time("DateTimeAskedToArrive"),
    color("colorOverride").from("ColorOverride"),
    number("AppointmentTypeNum"),
];

/// Who made the appointment, and when. The events page lacks SecUserNumEntry; Appointments GET has it since 25.1.
const ENTRY: &[JsonField] = &[number("SecUserNumEntry").only_with(RELEASE_25), date_time("SecDateTEntry")];

/// What the history of appointments shows at its end.
pub(super) const PLANNING: &[JsonField] =
    &[member("Priority", APPT_PRIORITY), text("PatternSecondary"), number("ItemOrderPlanned")];

/// The column that came with the 25.x releases (between 24.4 and 25.4), to both tables of appointments.
pub(super) const RELEASE_25: &str = "IsMirrored";

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

    const DOCUMENTED: &str = r#"{"AptNum":18,"PatNum":17,"AptStatus":"Scheduled","Pattern":"//XXXX//","Confirmed":19,"confirmed":"Not Called","TimeLocked":"false","Op":3,"Note":"","ProvNum":1,"provAbbr":"DOC1","ProvHyg":0,"AptDateTime":"2020-07-31 08:30:00","NextAptNum":0,"UnschedStatus":0,"unschedStatus":"","IsNewPatient":"false","ProcDescript":"Seal, Seal","ClinicNum":0,"IsHygiene":"false","DateTStamp":"2021-05-03 08:30:12","DateTimeArrived":"0001-01-01 00:00:00","DateTimeSeated":"0001-01-01 00:00:00","DateTimeDismissed":"0001-01-01 00:00:00","InsPlan1":3,"InsPlan2":0,"DateTimeAskedToArrive":"0001-01-01 00:00:00","colorOverride":"0,0,0","AppointmentTypeNum":0,"SecDateTEntry":"2020-07-04 09:12:05","Priority":"Normal","PatternSecondary":"XX////XX","ItemOrderPlanned":0}"#;

    fn row() -> SampleRow {
        // DateTimeArrived, DateTimeSeated and DateTimeDismissed have no default: they are 0000-00-00 here.
        SampleRow::typed(
            "appointment",
            &[
                ("AptNum", "18"),
                ("PatNum", "17"),
                ("AptStatus", "1"),
                ("Pattern", "//XXXX//"),
                ("Confirmed", "19"),
                ("Op", "3"),
                ("ProvNum", "1"),
                ("AptDateTime", "2020-07-31 08:30:00"),
                ("ProcDescript", "Seal, Seal"),
                ("DateTStamp", "2021-05-03 08:30:12"),
                ("InsPlan1", "3"),
                ("SecDateTEntry", "2020-07-04 09:12:05"),
                ("PatternSecondary", "XX////XX"),
                ("SecUserNumEntry", "7"),
            ],
        )
    }

    fn lookups() -> Lookups {
        sample::lookups(&[
            (LookupTable::Definition, &[("DefNum", "19"), ("Category", "2"), ("ItemName", "Not Called")]),
            (LookupTable::Definition, &[("DefNum", "20"), ("Category", "13"), ("ItemName", "Left message")]),
            (LookupTable::Provider, &[("ProvNum", "1"), ("Abbr", "DOC1")]),
        ])
    }

    #[test]
    fn the_documented_event_comes_out() {
        sample::assert_json(&SHAPE, &row(), &lookups(), DOCUMENTED);
    }

    #[test]
    fn release_25_shows_who_entered_it() {
        let row = row().with("IsMirrored", Field::Int(0));
        let expected = DOCUMENTED.replace(r#""SecDateTEntry""#, r#""SecUserNumEntry":7,"SecDateTEntry""#);
        sample::assert_json(&SHAPE, &row, &lookups(), &expected);
    }

    #[test]
    fn an_older_release_leaves_out_what_it_lacks() {
        let row = row().without("ItemOrderPlanned").without("PatternSecondary");
        let expected = DOCUMENTED.replace(r#","PatternSecondary":"XX////XX","ItemOrderPlanned":0"#, "");
        sample::assert_json(&SHAPE, &row, &lookups(), &expected);
        let binding = sample::bind(&SHAPE, crate::row::Row::columns(&row));
        assert_eq!(binding.left_out(), ["PatternSecondary", "ItemOrderPlanned"]);
    }

    #[test]
    fn columns_of_a_later_release_do_no_harm() {
        let row = row().with("SomethingNew", text("x")).with("Another", Field::Null);
        sample::assert_json(&SHAPE, &row, &lookups(), DOCUMENTED);
    }

    #[test]
    fn every_field_shows_its_own_column() {
        let row = row()
            .with("UnschedStatus", Field::Int(20))
            .with("TimeLocked", Field::Int(1))
            .with("IsNewPatient", Field::UInt(1))
            .with("IsHygiene", Field::UInt(1))
            .with("ColorOverride", Field::Int(-16_711_936))
            .with("Priority", Field::Int(1))
            .with("Note", text("a \"quote\"\r\nand a line"));
        let json = sample::json(&SHAPE, &row, &lookups());
        for part in [
            r#""UnschedStatus":20,"unschedStatus":"Left message","IsNewPatient":"true""#,
            r#""TimeLocked":"true","Op":3,"Note":"a \"quote\" and a line""#,
            r#""IsHygiene":"true""#,
            r#""colorOverride":"0,255,0""#,
            r#""Priority":"ASAP""#,
        ] {
            assert!(json.contains(part), "{part} in {json}");
        }
    }
}
