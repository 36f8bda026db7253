//! The watch tables that a bridge knows: those of Open Dental's API, and tables that its configuration adds.

use std::sync::Arc;

use super::{
    Subscription, WatchTable, appointment, appointment_deleted, field::TableShape, lab_case, medication_pat, operatory,
    pat_field, patient, plain::PlainTable, provider, schedule, tooth_initial, watch_table::Tells,
};

/// Every table of the API.
const API: [&TableShape; 10] = [
    &appointment::SHAPE,
    &appointment_deleted::SHAPE,
    &lab_case::SHAPE,
    &medication_pat::SHAPE,
    &operatory::SHAPE,
    &pat_field::SHAPE,
    &patient::SHAPE,
    &provider::SHAPE,
    &schedule::SHAPE,
    &tooth_initial::SHAPE,
];

/// One of a bridge's watch tables: its place in its [`WatchTables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(usize);

/// All watch tables of one bridge.
#[derive(Clone, Debug)]
pub struct WatchTables {
    tables: Vec<Arc<WatchTable>>,
}

impl WatchTables {
    /// Those of the API.
    pub fn api() -> Self {
        let mut tables = Vec::new();
        for shape in API {
            tables.push(Arc::new(WatchTable::api(shape, shape.name, Tells::Changes)));
            if let Some(name) = shape.deletions {
                tables.push(Arc::new(WatchTable::api(shape, name, Tells::Deletions)));
            }
        }
        Self { tables }
    }

    /// Adds a table of the practice under its own name, and its deletions as `<table>Deleted`.
    ///
    /// # Errors
    /// Why its name cannot be a watch table's.
    pub fn add(&mut self, table: PlainTable) -> Result<(), NameTaken> {
        if table.name.eq_ignore_ascii_case(Subscription::TABLE) {
            return Err(NameTaken::Subscriptions);
        }
        let names = [(table.name.clone(), Tells::Changes), (format!("{}Deleted", table.name), Tells::Deletions)];
        if let Some((_, taken)) = names.iter().find_map(|(name, _)| self.find(name)) {
            return Err(NameTaken::Watch { name: taken.name().to_owned() });
        }
        for (name, tells) in names {
            self.tables.push(Arc::new(WatchTable::plain(&table, &name, tells)));
        }
        Ok(())
    }

    /// The watch table of this name (upper and lower case count as equal); `None` for names that we do not know.
    pub fn find(&self, name: &str) -> Option<(WatchId, &Arc<WatchTable>)> {
        self.iter().find(|(_, watch)| watch.name().eq_ignore_ascii_case(name))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (WatchId, &Arc<WatchTable>)> {
        self.tables.iter().enumerate().map(|(index, watch)| (WatchId(index), watch))
    }

    /// One of them.
    pub fn get(&self, id: WatchId) -> Option<&Arc<WatchTable>> {
        self.tables.get(id.0)
    }

    /// The names of the database tables behind them, each once.
    pub fn tables(&self) -> Vec<String> {
        let mut tables: Vec<String> = self.tables.iter().map(|watch| watch.table().to_owned()).collect();
        tables.sort();
        tables.dedup();
        tables
    }
}

/// Why a table cannot be a watch table under its own name.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameTaken {
    /// There is a watch table of this name.
    #[error("would be called like the watch table {name}, which there is already")]
    Watch {
        /// Its name.
        name: String,
    },
    /// It is the table of subscriptions, which holds keys and changes with each window.
    #[error("holds the subscriptions, with their keys, and cannot be watched")]
    Subscriptions,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_watch_table_of_the_api_is_known_without_case() {
        let tables = WatchTables::api();
        let known: Vec<&str> = tables.iter().map(|(_, watch)| watch.name()).collect();
        let documented = [
            "Appointment",
            "AppointmentDeleted",
            "LabCase",
            "LabCaseDeleted",
            "MedicationPat",
            "MedicationPatDeleted",
            "Operatory",
            "PatField",
            "PatFieldDeleted",
            "Patient",
            "Provider",
            "Schedule",
            "ScheduleDeleted",
            "ToothInitial",
            "ToothInitialDeleted",
        ];
        assert_eq!(known, documented);
        let (id, watch) = tables.find("labcasedeleted").unwrap();
        assert_eq!((watch.table(), watch.tells()), ("labcase", Tells::Deletions));
        assert_eq!(tables.get(id).unwrap().name(), "LabCaseDeleted");
        assert!(tables.find("PatientDeleted").is_none());
    }

    #[test]
    fn a_table_is_added_with_its_deletions_unless_a_name_is_taken() {
        let mut tables = WatchTables::api();
        tables.add(PlainTable::named("procedurelog")).unwrap();
        assert_eq!(tables.find("ProcedureLog").unwrap().1.tells(), Tells::Changes);
        assert_eq!(tables.find("procedurelogdeleted").unwrap().1.tells(), Tells::Deletions);
        for taken in ["patient", "LABCASE", "PROCEDURELOG", "labcasedeleted", "procedurelogdeleted"] {
            assert!(matches!(tables.add(PlainTable::named(taken)), Err(NameTaken::Watch { .. })), "{taken}");
        }
        assert_eq!(tables.add(PlainTable::named("ApiSubscription")), Err(NameTaken::Subscriptions));
        tables.add(PlainTable::named("histappointment")).unwrap();
    }
}
