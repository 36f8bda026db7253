//! What of the lookups an event's JSON shows.

use super::{DefinitionCategory, LookupTable};

/// A kind of name or list that is shown beside the number that points to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The name of a definition of this category.
    Definition(DefinitionCategory),
    /// A provider's abbreviation.
    Provider,
    /// A clinic's abbreviation.
    Clinic,
    /// A site's description.
    Site,
    /// A medication's name.
    Medication,
    /// The operatories of a schedule entry.
    Operatories,
}

impl Shown {
    /// The table that it comes from.
    pub fn table(self) -> LookupTable {
        match self {
            Self::Definition(_) => LookupTable::Definition,
            Self::Provider => LookupTable::Provider,
            Self::Clinic => LookupTable::Clinic,
            Self::Site => LookupTable::Site,
            Self::Medication => LookupTable::Medication,
            Self::Operatories => LookupTable::ScheduleOp,
        }
    }
}
