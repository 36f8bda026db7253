//! What Open Dental defines: the watch tables of its API events with their JSON, the tables that JSON looks things up
//! in, and the rows of `apisubscription`.
//!
//! Each watch table is one file that reads like its table in the API's documentation: a list of fields, each with its
//! JSON name, its conversion and, where it is not of the same name, its column. [`WatchTable::bind`] matches such a
//! list to the columns that a release of Open Dental has; a [`Binding`] then writes rows as JSON objects. Where the
//! documentation leaves something open, `docs/compatibility.md` says what we chose.
//!
//! Nothing here knows where a row was read: see [`crate::row::Row`].

mod appointment;
mod appointment_deleted;
mod binding;
mod conversion;
mod definition_category;
mod enums;
mod error;
mod field;
mod lab_case;
mod lookup_table;
mod lookups;
mod mask;
mod medication_pat;
mod operatory;
mod pat_field;
mod patient;
mod plain;
mod provider;
mod schedule;
pub mod schema;
mod shown;
mod subscription;
mod subscription_json;
mod subscription_request;
mod tooth_initial;
mod ui_event;
mod watch_table;
mod watch_tables;

#[cfg(test)]
mod sample;

pub use binding::Binding;
pub use definition_category::DefinitionCategory;
pub use error::{RenderError, SubscriptionError};
pub use lookup_table::LookupTable;
pub use lookups::{LookupChange, Lookups};
pub use mask::{mask_key, mask_url};
pub use plain::PlainTable;
pub use shown::Shown;
pub use subscription::Subscription;
pub use subscription_json::subscription_json;
pub use subscription_request::{FieldRefused, SubscriptionFields};
pub use ui_event::PatientSelected;
pub use watch_table::{Tells, WatchTable};
pub use watch_tables::{NameTaken, WatchId, WatchTables};
