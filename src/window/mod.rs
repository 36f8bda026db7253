//! The heart: the change log of every watch table, the subscriptions' cursors into it, and their windows.
//!
//! Everything here is a value that is told what happened and what time it is; reading, sending and storing are
//! the bridge's.

mod change_log;
mod date_time_start;
mod event;
#[cfg(test)]
mod model;
mod plan;
mod subscriber;

pub use change_log::{ChangeLog, Entry, StoredImage};
pub use date_time_start::{DateTimeStart, Met, Move};
pub use event::{Element, elements, plan};
pub use plan::Plan;
pub use subscriber::{Attention, Cursor, Instant, Phase, Subscriber, Window};

pub use crate::packed::{Mark, Marks};
