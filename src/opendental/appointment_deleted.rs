//! AppointmentDeleted: the rows of `histappointment` that tell of a deletion, in the order of HistAppointments GET.
//!
//! The event's own body is not documented. `DateTStamp` is the history row's own stamp.

use super::{
    appointment::{APPOINTMENT, PLANNING, RELEASE_25},
    enums::{E_SERVICE_TYPES, HIST_APPT_ACTION},
    field::{JsonField, TableShape, date_time, member, number},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "AppointmentDeleted",
    deletions: None,
    table: "histappointment",
    key: "HistApptNum",
    stamp: "DateTStamp",
    only: Some(("HistApptAction", DELETED)),
    fields: &[HISTORY, APPOINTMENT, ENTRY, PLANNING],
};

/// HistAppointmentAction.Deleted.
const DELETED: i64 = 4;

const HISTORY: &[JsonField] = &[
    number("HistApptNum"),
    number("HistUserNum"),
    date_time("HistDateTStamp"),
    member("HistApptAction", HIST_APPT_ACTION),
    member("ApptSource", E_SERVICE_TYPES),
];

/// Only the documentation of the 25.x releases shows these two here.
const ENTRY: &[JsonField] =
    &[number("SecUserNumEntry").only_with(RELEASE_25), date_time("SecDateTEntry").only_with(RELEASE_25)];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::SHAPE;
    use crate::{
        opendental::{
            LookupTable, Lookups, RenderError,
            sample::{self, SampleRow, text},
        },
        row::{Field, Row},
    };

    const DOCUMENTED: &str = r#"{"HistApptNum":2754,"HistUserNum":1,"HistDateTStamp":"2022-05-16 09:55:19","HistApptAction":"Deleted","ApptSource":"None","AptNum":266,"PatNum":68,"AptStatus":"Broken","Pattern":"//XX//","Confirmed":19,"confirmed":"Not Called","TimeLocked":"false","Op":15,"Note":"","ProvNum":1,"provAbbr":"DOC","ProvHyg":0,"AptDateTime":"2022-05-16 12:40:00","NextAptNum":0,"UnschedStatus":0,"unschedStatus":"","IsNewPatient":"false","ProcDescript":"ProChild","ClinicNum":5,"IsHygiene":"false","DateTStamp":"2022-05-16 09:55:19","DateTimeArrived":"2022-05-16 00:00:00","DateTimeSeated":"2022-05-16 00:00:00","DateTimeDismissed":"2022-05-16 00:00:00","InsPlan1":4,"InsPlan2":0,"DateTimeAskedToArrive":"0001-01-01 00:00:00","colorOverride":"0,0,0","AppointmentTypeNum":0,"Priority":"Normal","PatternSecondary":"//////","ItemOrderPlanned":0}"#;

    fn row() -> SampleRow {
        SampleRow::typed(
            "histappointment",
            &[
                ("HistApptNum", "2754"),
                ("HistUserNum", "1"),
                ("HistDateTStamp", "2022-05-16 09:55:19"),
                ("HistApptAction", "4"),
                ("AptNum", "266"),
                ("PatNum", "68"),
                ("AptStatus", "5"),
                ("Pattern", "//XX//"),
                ("Confirmed", "19"),
                ("Op", "15"),
                ("ProvNum", "1"),
                ("AptDateTime", "2022-05-16 12:40:00"),
                ("ProcDescript", "ProChild"),
                ("ClinicNum", "5"),
                ("DateTStamp", "2022-05-16 09:55:19"),
                ("DateTimeArrived", "2022-05-16 00:00:00"),
                ("DateTimeSeated", "2022-05-16 00:00:00"),
                ("DateTimeDismissed", "2022-05-16 00:00:00"),
                ("InsPlan1", "4"),
                ("SecDateTEntry", "2022-05-01 10:00:00"),
                ("SecUserNumEntry", "7"),
                ("PatternSecondary", "//////"),
            ],
        )
    }

    fn lookups() -> Lookups {
        sample::lookups(&[
            (LookupTable::Definition, &[("DefNum", "19"), ("Category", "2"), ("ItemName", "Not Called")]),
            (LookupTable::Provider, &[("ProvNum", "1"), ("Abbr", "DOC")]),
        ])
    }

    #[test]
    fn the_documented_history_row_comes_out() {
        sample::assert_json(&SHAPE, &row(), &lookups(), DOCUMENTED);
    }

    #[test]
    fn release_25_shows_who_entered_it() {
        let row = row().with("IsMirrored", Field::Int(0)).with("ApptSource", Field::Int(6));
        let expected = DOCUMENTED
            .replace(r#""Priority""#, r#""SecUserNumEntry":7,"SecDateTEntry":"2022-05-01 10:00:00","Priority""#)
            .replace(r#""ApptSource":"None""#, r#""ApptSource":"OpenDentalAPIService""#);
        sample::assert_json(&SHAPE, &row, &lookups(), &expected);
    }

    #[test]
    fn only_deletions_belong_to_it() {
        let accepts = |row: &SampleRow| sample::bind(&SHAPE, row.columns()).accepts(row);
        assert_eq!(accepts(&row()), Ok(true));
        assert_eq!(accepts(&row().to_text()), Ok(true));
        for action in [0, 1, 2, 3, 5, 44, -4] {
            let row = row().with("HistApptAction", Field::Int(action));
            assert_eq!(accepts(&row), Ok(false));
            assert_eq!(accepts(&row.to_text()), Ok(false));
        }
    }

    #[test]
    fn an_incomplete_image_is_no_deletion_unseen() {
        let row = row().with("HistApptAction", Field::Absent);
        let binding = sample::bind(&SHAPE, row.columns());
        let missing = RenderError::Missing { table: "histappointment".into(), column: "HistApptAction".into() };
        assert_eq!(binding.accepts(&row), Err(missing));
        let row = row.with("HistApptAction", text("deleted"));
        assert!(
            matches!(binding.accepts(&row), Err(RenderError::Value { column, .. }) if &*column == "HistApptAction")
        );
    }
}
