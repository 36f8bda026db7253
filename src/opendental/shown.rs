//! What of the lookups an event's JSON shows.

use super::DefinitionCategory;

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
