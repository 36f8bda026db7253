//! Appointment: table `appointment`, in the order of the API's events page.

use super::{
    DefinitionCategory::{ApptConfirmed, RecallUnschedStatus},
    enums::{APPT_PRIORITY, APPT_STATUS},
    field::{JsonField, TableShape, boolean, color, date_time, definition, member, number, provider_abbr, text},
};

pub(super) const SHAPE: TableShape = TableShape {
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
