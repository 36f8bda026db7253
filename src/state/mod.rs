//! What survives a restart: one SQLite file with the cursors, the open windows, the layouts and the delivery log.
//!
//! [`State`] is the file, [`Saved`] what it holds and [`Changes`] what is written to it in one transaction. Of the
//! practice's rows it holds primary keys and time stamps only.

mod aside;
mod backup;
mod deleted_keys;
mod delivery_log;
mod error;
mod lock;
mod records;
mod saved;
mod schema;
mod sight;
mod store;

#[cfg(test)]
mod tests;

pub use deleted_keys::{DeletedKey, ForgetDeleted, FoundKeys, StoredKeys, WantedKeys, find_deleted};
pub use delivery_log::{Delivery, DeliveryFailure, DeliveryLog, ForgetDeliveries};
pub use error::StateError;
pub use saved::{Changes, Cursor, ForgetLayouts, Saved, SavedLayout, SavedSubscription, SavedWindow};
pub use sight::{SeenFile, StateSight};
pub use store::{Origin, State};
