//! Schedule: table `schedule`, in the order of Schedules GET, which gives every value as a string.

use super::{
    DefinitionCategory::BlockoutTypes,
    enums::SCHEDULE_TYPE,
    field::{JsonField, TableShape, date, date_time, definition, member, number_string, operatories, text, time},
};

pub(super) const SHAPE: TableShape =
    TableShape { table: "schedule", key: "ScheduleNum", stamp: "DateTStamp", only: None, fields: &[FIELDS] };

const FIELDS: &[JsonField] = &[
    number_string("ScheduleNum"),
    date("SchedDate"),
    time("StartTime"),
    time("StopTime"),
    member("SchedType", SCHEDULE_TYPE),
    number_string("ProvNum"),
    number_string("BlockoutType"),
    definition("blockoutType", "BlockoutType", BlockoutTypes),
    text("Note"),
    operatories("operatories", "ScheduleNum"),
    number_string("EmployeeNum"),
    date_time("DateTStamp"),
];
