//! The watch tables that the workload writes to, and the state of their rows, in the table and in an event.

use std::{collections::HashMap, fmt};

use mysql_async::{Conn, prelude::Queryable};
use serde_json::Value;

/// A watch table whose rows count their own changes.
pub(crate) struct WatchedTable {
    /// `apisubscription.WatchTable`.
    pub(crate) watch: &'static str,
    pub(crate) table: &'static str,
    /// The primary key, a column and a JSON field of the same name.
    pub(crate) key: &'static str,
    pub(crate) stamp: &'static str,
    /// The column and JSON field in which most updates add 1.
    pub(super) count: &'static str,
    /// Another, for the bulk updates of balances.
    pub(super) balance: Option<&'static str>,
    /// A JSON field of no column, and its SQL.
    beside: Option<(&'static str, &'static str)>,
    /// The rows that belong to the watch table.
    only: &'static str,
    /// Further columns of an INSERT, and their values.
    pub(super) filling: (&'static str, &'static str),
}

/// What of a row tells one state from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Grows with each change of a row, and from one row to the next that is inserted with the same key.
    pub(crate) count: i64,
    /// What is shown beside the row's own columns; "" for most tables.
    pub(crate) beside: String,
}

impl State {
    /// Whether it is a state of the same row as `other`, and not of one that was inserted after that was deleted.
    pub(crate) fn is_of_the_same_row(&self, other: &Self) -> bool {
        self.count / INSERTION == other.count / INSERTION
    }
}

/// How far the counts of two rows are apart that had the same key one after the other.
pub(super) const INSERTION: i64 = 1_000_000;

pub(crate) const ALL: [&WatchedTable; 7] =
    [&APPOINTMENT, &APPOINTMENT_DELETED, &OPERATORY, &PAT_FIELD, &PATIENT, &PROVIDER, &SCHEDULE];

const APPOINTMENT: WatchedTable = WatchedTable {
    watch: "Appointment",
    table: "appointment",
    key: "AptNum",
    stamp: "DateTStamp",
    count: "Note",
    balance: None,
    beside: None,
    only: "1",
    filling: ("PatNum, AptStatus, Confirmed, ProvNum, AptDateTime", "3, 1, 19, 4, '2026-03-04 10:20:00'"),
};

const APPOINTMENT_DELETED: WatchedTable = WatchedTable {
    watch: "AppointmentDeleted",
    table: "histappointment",
    key: "HistApptNum",
    stamp: "DateTStamp",
    count: "Note",
    balance: None,
    beside: None,
    only: "HistApptAction = 4",
    filling: ("HistUserNum, HistApptAction, AptNum, PatNum", "1, 4, 7, 3"),
};

const OPERATORY: WatchedTable = WatchedTable {
    watch: "Operatory",
    table: "operatory",
    key: "OperatoryNum",
    stamp: "DateTStamp",
    count: "OpName",
    balance: None,
    beside: None,
    only: "1",
    filling: ("Abbrev", "'OP'"),
};

const PAT_FIELD: WatchedTable = WatchedTable {
    watch: "PatField",
    table: "patfield",
    key: "PatFieldNum",
    stamp: "SecDateTEdit",
    count: "FieldValue",
    balance: None,
    beside: None,
    only: "1",
    filling: ("PatNum, FieldName", "3, 'Ins Verified'"),
};

const PATIENT: WatchedTable = WatchedTable {
    watch: "Patient",
    table: "patient",
    key: "PatNum",
    stamp: "DateTStamp",
    count: "Address2",
    balance: Some("EstBalance"),
    beside: None,
    only: "1",
    filling: ("LName, FName, PriProv", "'Doe', 'Jane', 4"),
};

const PROVIDER: WatchedTable = WatchedTable {
    watch: "Provider",
    table: "provider",
    key: "ProvNum",
    stamp: "DateTStamp",
    count: "SchedNote",
    balance: None,
    beside: None,
    only: "1",
    filling: ("Abbr", "'DOC'"),
};

const SCHEDULE: WatchedTable = WatchedTable {
    watch: "Schedule",
    table: "schedule",
    key: "ScheduleNum",
    stamp: "DateTStamp",
    count: "Note",
    balance: None,
    beside: Some((
        "operatories",
        "(SELECT GROUP_CONCAT(o.OperatoryNum ORDER BY o.ScheduleOpNum) FROM scheduleop o \
         WHERE o.ScheduleNum = schedule.ScheduleNum)",
    )),
    only: "1",
    filling: ("SchedDate, StartTime, StopTime, SchedType", "'2026-03-04', '08:00:00', '12:00:00', 1"),
};

impl WatchedTable {
    pub(super) fn is_patients(&self) -> bool {
        self.balance.is_some()
    }

    /// The rows of the watch table as they are now.
    pub(crate) async fn rows(&self, session: &mut Conn) -> HashMap<i64, State> {
        let count = |column: &str| format!("CAST({column} AS SIGNED)");
        let balance = self.balance.map_or("0".to_owned(), count);
        let beside = self.beside.map_or("''", |(_, sql)| sql);
        let sql = format!(
            "SELECT {}, {} + {balance}, COALESCE({beside}, '') FROM {} WHERE {}",
            self.key,
            count(self.count),
            self.table,
            self.only
        );
        let rows: Vec<(i64, i64, String)> = session.query(sql).await.unwrap();
        rows.into_iter().map(|(key, count, beside)| (key, State { count, beside })).collect()
    }

    /// The key and the state of the row that an event's element shows.
    pub(crate) fn row(&self, element: &Value) -> (i64, State) {
        let count = number(&element[self.count]) + self.balance.map_or(0, |field| number(&element[field]));
        let beside = self.beside.map_or("", |(field, _)| element[field].as_str().unwrap());
        (number(&element[self.key]), State { count, beside: beside.to_owned() })
    }
}

/// A number, whether JSON has it as such or as a text.
fn number(value: &Value) -> i64 {
    let whole = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    whole.or_else(|| value.as_f64().map(|double| double as i64)).unwrap_or_else(|| panic!("no number: {value}"))
}

impl fmt::Display for WatchedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.watch)
    }
}
