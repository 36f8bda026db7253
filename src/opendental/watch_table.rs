//! The watch tables: the API's name, and the database table behind it.

use super::{
    Binding, appointment, appointment_deleted, field::TableShape, operatory, pat_field, patient, provider, schedule,
};

/// What a subscription for database events watches (`apisubscription.WatchTable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchTable {
    /// Appointments, as they are inserted and updated.
    Appointment,
    /// Deleted appointments, from their history.
    AppointmentDeleted,
    /// Operatories.
    Operatory,
    /// A patient's custom fields.
    PatField,
    /// Patients, deleted ones included.
    Patient,
    /// Providers, deleted ones included.
    Provider,
    /// Schedule entries of all kinds.
    Schedule,
}

impl WatchTable {
    /// Every watch table, in the order of Open Dental's enum.
    pub const ALL: [Self; 7] = [
        Self::Appointment,
        Self::AppointmentDeleted,
        Self::Operatory,
        Self::PatField,
        Self::Patient,
        Self::Provider,
        Self::Schedule,
    ];

    /// The name as it stands in `apisubscription.WatchTable` and in the `Event-Type` header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appointment => "Appointment",
            Self::AppointmentDeleted => "AppointmentDeleted",
            Self::Operatory => "Operatory",
            Self::PatField => "PatField",
            Self::Patient => "Patient",
            Self::Provider => "Provider",
            Self::Schedule => "Schedule",
        }
    }

    /// The watch table of this name (upper and lower case count as equal); `None` for names that we do not know.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|watch| watch.name().eq_ignore_ascii_case(name))
    }

    /// The database table whose rows it sends.
    pub fn table(self) -> &'static str {
        self.shape().table
    }

    /// The column that is the table's primary key, a BIGINT in all of them.
    pub fn key_column(self) -> &'static str {
        self.shape().key
    }

    /// The TIMESTAMP column that tells when a row was last changed.
    pub fn stamp_column(self) -> &'static str {
        self.shape().stamp
    }

    /// Finds the columns of the JSON fields among `columns` (names in the row's order; case does not count).
    ///
    /// Columns that are not there (an older release of Open Dental) leave their fields out of the JSON; columns
    /// that we do not know do no harm.
    pub fn bind(self, columns: &[Box<str>]) -> Binding {
        Binding::new(self, self.shape(), columns)
    }

    fn shape(self) -> &'static TableShape {
        match self {
            Self::Appointment => &appointment::SHAPE,
            Self::AppointmentDeleted => &appointment_deleted::SHAPE,
            Self::Operatory => &operatory::SHAPE,
            Self::PatField => &pat_field::SHAPE,
            Self::Patient => &patient::SHAPE,
            Self::Provider => &provider::SHAPE,
            Self::Schedule => &schedule::SHAPE,
        }
    }
}

impl std::fmt::Display for WatchTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
