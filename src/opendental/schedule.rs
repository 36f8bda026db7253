//! Schedule: table `schedule`, in the order of Schedules GET, which gives every value as a string.

use super::{
    DefinitionCategory::BlockoutTypes,
    enums::SCHEDULE_TYPE,
    field::{JsonField, TableShape, date, date_time, definition, member, number_string, operatories, text, time},
};

pub(super) const SHAPE: TableShape = TableShape {
    name: "Schedule",
    deletions: Some("ScheduleDeleted"),
    table: "schedule",
    key: "ScheduleNum",
    stamp: "DateTStamp",
    only: None,
    fields: &[FIELDS],
};

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

#[cfg(test)]
mod tests {
    use super::SHAPE;
    use crate::{
        opendental::{
            LookupTable,
            sample::{self, SampleRow, text},
        },
        row::Field,
    };

    const DOCUMENTED: &str = r#"{"ScheduleNum":"24555","SchedDate":"2022-04-04","StartTime":"08:00:00","StopTime":"12:00:00","SchedType":"Provider","ProvNum":"2","BlockoutType":"0","blockoutType":"","Note":"","operatories":"5","EmployeeNum":"0","DateTStamp":"2022-04-04 08:16:42"}"#;

    const OPERATORY: &[(&str, &str)] = &[("ScheduleOpNum", "70"), ("ScheduleNum", "24555"), ("OperatoryNum", "5")];

    fn row() -> SampleRow {
        SampleRow::typed(
            "schedule",
            &[
                ("ScheduleNum", "24555"),
                ("SchedDate", "2022-04-04"),
                ("StartTime", "08:00:00"),
                ("StopTime", "12:00:00"),
                ("SchedType", "1"),
                ("ProvNum", "2"),
                ("DateTStamp", "2022-04-04 08:16:42"),
            ],
        )
    }

    #[test]
    fn the_documented_object_comes_out() {
        let lookups = sample::lookups(&[(LookupTable::ScheduleOp, OPERATORY)]);
        sample::assert_json(&SHAPE, &row(), &lookups, DOCUMENTED);
    }

    #[test]
    fn a_blockout_in_three_operatories() {
        let lookups = sample::lookups(&[
            (LookupTable::ScheduleOp, &[("ScheduleOpNum", "90"), ("ScheduleNum", "24555"), ("OperatoryNum", "1")]),
            (LookupTable::ScheduleOp, OPERATORY),
            (LookupTable::ScheduleOp, &[("ScheduleOpNum", "71"), ("ScheduleNum", "24555"), ("OperatoryNum", "12")]),
            (LookupTable::ScheduleOp, &[("ScheduleOpNum", "72"), ("ScheduleNum", "24556"), ("OperatoryNum", "8")]),
            (LookupTable::Definition, &[("DefNum", "300"), ("Category", "25"), ("ItemName", "Lunch")]),
        ]);
        let row = row().with("SchedType", Field::UInt(2)).with("BlockoutType", Field::Int(300));
        let expected = DOCUMENTED
            .replace(r#""SchedType":"Provider""#, r#""SchedType":"Blockout""#)
            .replace(r#""BlockoutType":"0","blockoutType":"""#, r#""BlockoutType":"300","blockoutType":"Lunch""#)
            .replace(r#""operatories":"5""#, r#""operatories":"5,12,1""#);
        sample::assert_json(&SHAPE, &row, &lookups, &expected);
    }

    #[test]
    fn no_date_and_no_operatories() {
        let row = row().with("SchedDate", text("0000-00-00"));
        let expected = DOCUMENTED.replace("\"2022-04-04\"", "\"0001-01-01\"").replace(r#"ories":"5""#, r#"ories":"""#);
        sample::assert_json(&SHAPE, &row, &sample::lookups(&[]), &expected);
    }
}
