//! Random statements, as Open Dental and those who help it write them.

use std::sync::{Arc, atomic::Ordering};

use super::{
    PATIENTS, Progress, ROWS, WRITERS,
    watched::{self, INSERTION, WatchedTable},
};

/// Rows of a table that are let grow old, for each writer; older ones are deleted.
const KEPT: i64 = 400;
const KEPT_PATIENTS: i64 = 1000;

/// Rows of the first load that one statement inserts.
const BATCH: i64 = 200;

/// Makes the statements of one writer.
pub(super) struct Statements {
    pub(super) random: fastrand::Rng,
    lane: i64,
    progress: Arc<Progress>,
}

impl Statements {
    pub(super) fn new(seed: u64, lane: i64, progress: Arc<Progress>) -> Self {
        let random = fastrand::Rng::with_seed(seed.wrapping_mul(31).wrapping_add(lane.cast_unsigned()));
        Self { random, lane, progress }
    }

    /// Whether this writer makes long transactions.
    pub(super) fn is_slow(&self) -> bool {
        self.lane == 0
    }

    /// INSERTs of the rows that the tables begin with.
    pub(super) fn first_rows(&self) -> Vec<String> {
        let mut statements = Vec::new();
        for table in watched::ALL {
            let last = if table.is_patients() { PATIENTS } else { ROWS };
            for first in (1..=last).step_by(usize::try_from(BATCH).unwrap()) {
                let keys: Vec<i64> = (first..=last.min(first + BATCH - 1)).map(|serial| self.key(serial)).collect();
                statements.push(insert("INSERT", table, &keys, INSERTION, ""));
            }
        }
        let operatories = (1..=ROWS).map(|serial| format!("({}, {})", self.key(serial), serial % 7));
        let operatories = operatories.collect::<Vec<_>>().join(", ");
        statements.push(format!("INSERT INTO scheduleop (ScheduleNum, OperatoryNum) VALUES {operatories}"));
        statements
    }

    /// The next statement; `alone`: it stands outside a transaction, and may be one that ends any.
    pub(super) fn next(&mut self, alone: bool) -> String {
        self.progress.statements.fetch_add(1, Ordering::Relaxed);
        let table = self.random.choice(watched::ALL).unwrap();
        match self.random.u8(0..100) {
            15..=16 | 48..=50 | 83..=93 if self.progress.stamped => self.update_some(table),
            0..=11 => self.insert(table),
            12..=14 => self.insert_many(table),
            15..=16 => self.insert_with_an_old_stamp(table),
            17..=39 => update(table, &format!("= {}", self.any_key(table)), ""),
            40..=47 => self.update_some(table),
            48..=50 => update(table, &format!("= {}", self.any_key(table)), &keep_stamp(table)),
            51..=53 => self.change_nothing(table),
            54..=58 => self.change_key(table),
            59..=66 => format!("DELETE FROM {} WHERE {} = {}", table.table, table.key, self.any_key(table)),
            67..=70 => self.delete_old(table),
            71..=76 => self.insert_over(table, "REPLACE", ""),
            77..=82 => {
                let update = format!(" ON DUPLICATE KEY UPDATE {0} = CAST({0} AS SIGNED) + 1", table.count);
                self.insert_over(table, "INSERT", &update)
            }
            83..=93 => self.change_operatories(),
            94..=96 => self.recall_a_deletion(),
            97 => self.age_balances(),
            98 if alone => "FLUSH BINARY LOGS".to_owned(),
            99 if alone && self.random.u8(0..4) == 0 => format!("TRUNCATE {}", table.table),
            _ => self.insert(table),
        }
    }

    fn key(&self, serial: i64) -> i64 {
        serial * WRITERS + self.lane
    }

    fn serials(&self, table: &WatchedTable) -> i64 {
        let index = watched::ALL.iter().position(|other| other.watch == table.watch).unwrap();
        self.progress.serials[index].load(Ordering::Relaxed)
    }

    /// A key that nobody has used.
    fn new_key(&self, table: &WatchedTable) -> i64 {
        let index = watched::ALL.iter().position(|other| other.watch == table.watch).unwrap();
        self.key(self.progress.serials[index].fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn serial_in_use(&mut self, table: &WatchedTable) -> i64 {
        let last = self.serials(table);
        self.random.i64((last - kept(table)).max(1)..=last)
    }

    /// A key that most likely is in the table, of any writer.
    fn any_key(&mut self, table: &WatchedTable) -> i64 {
        self.serial_in_use(table) * WRITERS + self.random.i64(0..WRITERS)
    }

    /// The count of a row that is inserted now: beyond that of any row that had its key.
    fn first_count(&self) -> i64 {
        (self.progress.statements.load(Ordering::Relaxed) + 1) * INSERTION
    }

    fn insert(&mut self, table: &WatchedTable) -> String {
        insert("INSERT", table, &[self.new_key(table)], self.first_count(), "")
    }

    fn insert_many(&mut self, table: &WatchedTable) -> String {
        let count = if self.random.u8(0..8) == 0 { 1200 } else { self.random.usize(2..40) };
        let keys: Vec<i64> = (0..count).map(|_| self.new_key(table)).collect();
        insert("INSERT", table, &keys, self.first_count(), "")
    }

    /// As a bulk load or a restore does it: polling passes over it.
    fn insert_with_an_old_stamp(&mut self, table: &WatchedTable) -> String {
        let (columns, values) = table.filling;
        format!(
            "INSERT INTO {} ({}, {}, {columns}, {}) VALUES ({}, '{}', {values}, NOW() - INTERVAL 2 DAY)",
            table.table,
            table.key,
            table.count,
            table.stamp,
            self.new_key(table),
            self.first_count(),
        )
    }

    fn insert_over(&mut self, table: &WatchedTable, verb: &str, update: &str) -> String {
        let serial = self.serial_in_use(table);
        insert(verb, table, &[self.key(serial)], self.first_count(), update)
    }

    fn update_some(&mut self, table: &WatchedTable) -> String {
        let (rest, from) = (self.random.u8(0..5), self.any_key(table));
        update(table, &format!("% 5 = {rest} AND {} BETWEEN {from} AND {}", table.key, from + 200), "")
    }

    fn change_nothing(&mut self, table: &WatchedTable) -> String {
        let key = self.any_key(table);
        format!("UPDATE {0} SET {1} = {1} WHERE {2} <= {key} AND {2} > {key} - 50", table.table, table.count, table.key)
    }

    fn change_key(&mut self, table: &WatchedTable) -> String {
        let (old, new) = (self.any_key(table), self.new_key(table));
        update(table, &format!("= {old}"), &format!(", {} = {new}", table.key))
    }

    fn delete_old(&mut self, table: &WatchedTable) -> String {
        let oldest = (self.serials(table) - kept(table)) * WRITERS;
        format!("DELETE FROM {} WHERE {} < {oldest}", table.table, table.key)
    }

    /// `scheduleop` has no stamp, and leaves the schedule's own as it is.
    fn change_operatories(&mut self) -> String {
        let schedules = watched::ALL.into_iter().find(|table| table.watch == "Schedule").unwrap();
        let (schedule, operatory) = (self.any_key(schedules), self.random.u8(1..30));
        match self.random.u8(0..3) {
            0 => format!("INSERT INTO scheduleop (ScheduleNum, OperatoryNum) VALUES ({schedule}, {operatory})"),
            1 => format!("UPDATE scheduleop SET OperatoryNum = {operatory} WHERE ScheduleNum = {schedule}"),
            _ => format!("DELETE FROM scheduleop WHERE ScheduleNum = {schedule}"),
        }
    }

    /// A row of the history that tells of no deletion any more, or does so again: to a subscriber another row.
    fn recall_a_deletion(&mut self) -> String {
        let history = watched::ALL.into_iter().find(|table| table.watch == "AppointmentDeleted").unwrap();
        let (key, action) = (self.any_key(history), self.random.u8(3..=4));
        format!(
            "UPDATE {0} SET {1} = CAST({1} AS SIGNED) + {INSERTION}, HistApptAction = {action} WHERE {2} = {key}",
            history.table, history.count, history.key
        )
    }

    /// What aging does once a month, to all patients or to those of one letter.
    fn age_balances(&mut self) -> String {
        let which = if self.random.bool() { "1" } else { "PatNum % 3 = 0" };
        format!("UPDATE patient SET EstBalance = EstBalance + 1 WHERE {which}")
    }
}

fn kept(table: &WatchedTable) -> i64 {
    if table.is_patients() { KEPT_PATIENTS } else { KEPT }
}

fn keep_stamp(table: &WatchedTable) -> String {
    format!(", {0} = {0}", table.stamp)
}

fn insert(verb: &str, table: &WatchedTable, keys: &[i64], count: i64, update: &str) -> String {
    let (columns, values) = table.filling;
    let rows = keys.iter().map(|key| format!("({key}, '{count}', {values})")).collect::<Vec<_>>().join(", ");
    format!("{verb} INTO {} ({}, {}, {columns}) VALUES {rows}{update}", table.table, table.key, table.count)
}

fn update(table: &WatchedTable, which: &str, also: &str) -> String {
    format!("UPDATE {0} SET {1} = CAST({1} AS SIGNED) + 1{also} WHERE {2} {which}", table.table, table.count, table.key)
}
