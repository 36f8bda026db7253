//! The words in which a watch table's file lists its JSON fields.

use super::{DefinitionCategory, conversion::Conversion};

/// A watch table: its database table, and the fields of its JSON in their order.
#[derive(Debug)]
pub(super) struct TableShape {
    /// The watch table's name.
    pub(super) name: &'static str,
    /// The name of the watch table that tells of its deleted rows, in the same form; `None`: there is none.
    pub(super) deletions: Option<&'static str>,
    /// The database table.
    pub(super) table: &'static str,
    /// Its primary key.
    pub(super) key: &'static str,
    /// The TIMESTAMP column that tells when a row was last changed.
    pub(super) stamp: &'static str,
    /// Only rows with this number in this column belong to the watch table.
    pub(super) only: Option<(&'static str, i64)>,
    /// The fields, in groups that watch tables can share.
    pub(super) fields: &'static [&'static [JsonField]],
}

impl TableShape {
    /// All its fields, in their order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static JsonField> {
        self.fields.iter().copied().flatten()
    }
}

/// One field of a watch table's JSON.
#[derive(Debug)]
pub(super) struct JsonField {
    /// The JSON name.
    pub(super) name: &'static str,
    /// The column it is made from. A table that lacks the column leaves the field out.
    pub(super) column: &'static str,
    /// How the column's value becomes JSON.
    pub(super) conversion: Conversion,
    /// A column that stands for a release: tables without it leave the field out.
    pub(super) only_with: Option<&'static str>,
}

impl JsonField {
    const fn new(name: &'static str, column: &'static str, conversion: Conversion) -> Self {
        Self { name, column, conversion, only_with: None }
    }

    /// Takes the value from a column of another name.
    pub(super) const fn from(self, column: &'static str) -> Self {
        Self { column, ..self }
    }

    /// Sends the field only where the table has `column` too, since that column came with the release whose
    /// documentation shows the field first.
    pub(super) const fn only_with(self, column: &'static str) -> Self {
        Self { only_with: Some(column), ..self }
    }
}

/// A key or another integer, as a JSON number.
pub(super) const fn number(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Number)
}

/// An integer as a JSON string.
pub(super) const fn number_string(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::NumberString)
}

/// Text; NULL is "".
pub(super) const fn text(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Text)
}

/// "true" or "false".
pub(super) const fn boolean(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Boolean)
}

/// The name of an enum's member, by its number.
pub(super) const fn member(name: &'static str, members: &'static [&'static str]) -> JsonField {
    JsonField::new(name, name, Conversion::Enum(members))
}

/// "yyyy-MM-dd"; none is "0001-01-01".
pub(super) const fn date(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Date)
}

/// "yyyy-MM-dd HH:mm:ss" in the server's local time; none is "0001-01-01 00:00:00".
pub(super) const fn date_time(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::DateTime)
}

/// "HH:mm:ss".
pub(super) const fn time(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Time)
}

/// An amount of money as a JSON number with a fraction.
pub(super) const fn money(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Money)
}

/// "r,g,b" from an ARGB integer.
pub(super) const fn color(name: &'static str) -> JsonField {
    JsonField::new(name, name, Conversion::Color)
}

/// The name of the definition whose number is in `column`.
pub(super) const fn definition(name: &'static str, column: &'static str, category: DefinitionCategory) -> JsonField {
    JsonField::new(name, column, Conversion::Definition(category))
}

/// The abbreviation of the provider whose number is in `column`.
pub(super) const fn provider_abbr(name: &'static str, column: &'static str) -> JsonField {
    JsonField::new(name, column, Conversion::ProviderAbbr)
}

/// The abbreviation of the clinic whose number is in `column`.
pub(super) const fn clinic_abbr(name: &'static str, column: &'static str) -> JsonField {
    JsonField::new(name, column, Conversion::ClinicAbbr)
}

/// The description of the site whose number is in `column`.
pub(super) const fn site_description(name: &'static str, column: &'static str) -> JsonField {
    JsonField::new(name, column, Conversion::SiteDescription)
}

/// The name of the medication whose number is in `column`.
pub(super) const fn medication_name(name: &'static str, column: &'static str) -> JsonField {
    JsonField::new(name, column, Conversion::MedicationName)
}

/// The operatories of the schedule entry whose number is in `column`, with commas between.
pub(super) const fn operatories(name: &'static str, column: &'static str) -> JsonField {
    JsonField::new(name, column, Conversion::Operatories)
}
