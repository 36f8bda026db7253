//! Provider: table `provider`, in the order of Providers GET, without the `serverDateTime` that only GET has.

use super::{
    enums::PROVIDER_STATUS,
    field::{JsonField, TableShape, boolean, color, date, date_time, member, number, text},
};

pub(super) const SHAPE: TableShape =
    TableShape { table: "provider", key: "ProvNum", stamp: "DateTStamp", only: None, fields: &[FIELDS] };

const FIELDS: &[JsonField] = &[
    number("ProvNum"),
    text("Abbr"),
    text("LName"),
    text("FName"),
    text("MI"),
    text("Suffix"),
    number("FeeSched"),
    number("Specialty"),
    text("SSN"),
    text("StateLicense"),
    boolean("IsSecondary"),
    color("provColor").from("ProvColor"),
    boolean("IsHidden"),
    boolean("UsingTIN"),
    boolean("SigOnFile"),
    text("NationalProvID"),
    date_time("DateTStamp"),
    boolean("IsNotPerson"),
    member("ProvStatus", PROVIDER_STATUS),
    boolean("IsHiddenReport"),
    date("Birthdate"),
    text("SchedNote"),
    text("PreferredName"),
];
