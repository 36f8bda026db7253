//! AppointmentDeleted: the rows of `histappointment` that tell of a deletion, in the order of HistAppointments GET.
//!
//! The event's own body is not documented. `DateTStamp` is the history row's own stamp.

use super::{
    appointment::{APPOINTMENT, PLANNING, RELEASE_25},
    enums::{E_SERVICE_TYPES, HIST_APPT_ACTION},
    field::{JsonField, TableShape, date_time, member, number},
};

pub(super) const SHAPE: TableShape = TableShape {
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
