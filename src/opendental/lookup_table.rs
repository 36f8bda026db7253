//! The tables that events look names and lists up in.

use super::WatchTable;

/// A table whose rows appear in the JSON of other tables' rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupTable {
    /// `definition`: names of statuses and types, by category.
    Definition,
    /// `provider`: abbreviations.
    Provider,
    /// `clinic`: abbreviations.
    Clinic,
    /// `site`: descriptions.
    Site,
    /// `scheduleop`: the operatories of a schedule entry.
    ScheduleOp,
}

impl LookupTable {
    /// Every lookup table.
    pub const ALL: [Self; 5] = [Self::Definition, Self::Provider, Self::Clinic, Self::Site, Self::ScheduleOp];

    /// The database table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Provider => "provider",
            Self::Clinic => "clinic",
            Self::Site => "site",
            Self::ScheduleOp => "scheduleop",
        }
    }

    /// The lookup table behind a database table's name (case does not count); `None` for other tables.
    pub fn from_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lookup| lookup.table().eq_ignore_ascii_case(table))
    }

    /// The columns that are kept, the primary key first. A SELECT of these serves [`super::Lookups::upsert`].
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Definition => &["DefNum", "Category", "ItemName"],
            Self::Provider => &["ProvNum", "Abbr"],
            Self::Clinic => &["ClinicNum", "Abbr"],
            Self::Site => &["SiteNum", "Description"],
            Self::ScheduleOp => &["ScheduleOpNum", "ScheduleNum", "OperatoryNum"],
        }
    }

    /// The column that is the table's primary key, a BIGINT in all of them.
    pub fn key_column(self) -> &'static str {
        match self {
            Self::Definition => "DefNum",
            Self::Provider => "ProvNum",
            Self::Clinic => "ClinicNum",
            Self::Site => "SiteNum",
            Self::ScheduleOp => "ScheduleOpNum",
        }
    }

    /// The watch tables whose JSON shows something of this table.
    pub fn shown_in(self) -> &'static [WatchTable] {
        match self {
            Self::Definition => &[
                WatchTable::Appointment,
                WatchTable::AppointmentDeleted,
                WatchTable::Operatory,
                WatchTable::Patient,
                WatchTable::Schedule,
            ],
            Self::Provider => &[WatchTable::Appointment, WatchTable::AppointmentDeleted, WatchTable::Patient],
            Self::Clinic | Self::Site => &[WatchTable::Patient],
            Self::ScheduleOp => &[WatchTable::Schedule],
        }
    }
}
