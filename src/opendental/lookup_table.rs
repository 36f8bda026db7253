//! The tables that events look names and lists up in.

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
    /// `medication`: names.
    Medication,
    /// `scheduleop`: the operatories of a schedule entry.
    ScheduleOp,
}

impl LookupTable {
    /// Every lookup table.
    pub const ALL: [Self; 6] =
        [Self::Definition, Self::Provider, Self::Clinic, Self::Site, Self::Medication, Self::ScheduleOp];

    /// The database table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Provider => "provider",
            Self::Clinic => "clinic",
            Self::Site => "site",
            Self::Medication => "medication",
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
            Self::Medication => &["MedicationNum", "MedName"],
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
            Self::Medication => "MedicationNum",
            Self::ScheduleOp => "ScheduleOpNum",
        }
    }
}
