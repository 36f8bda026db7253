//! Operatory: table `operatory`, in the order of Operatories GET.

use super::{
    DefinitionCategory::OperatoryTypes,
    field::{JsonField, TableShape, boolean, definition, number, text},
};

pub(super) const SHAPE: TableShape =
    TableShape { table: "operatory", key: "OperatoryNum", stamp: "DateTStamp", only: None, fields: &[FIELDS] };

const FIELDS: &[JsonField] = &[
    number("OperatoryNum"),
    text("OpName"),
    text("Abbrev"),
    number("ItemOrder"),
    boolean("IsHidden"),
    number("ProvDentist"),
    number("ProvHygienist"),
    boolean("IsHygiene"),
    number("ClinicNum"),
    boolean("SetProspective"),
    boolean("IsWebSched"),
    number("OperatoryType"),
    definition("operatoryType", "OperatoryType", OperatoryTypes),
];
