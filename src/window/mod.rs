//! The heart: the change log of every watch table, the subscriptions' cursors into it, and their windows.
//!
//! Everything here is a value that is told what happened and what time it is; reading, sending and storing are
//! the bridge's.

mod change_log;
mod commits;
mod date_time_start;
mod event;
mod images;
#[cfg(test)]
mod model;
mod moves;
mod plan;
mod row_index;
mod subscriber;

pub use change_log::{ChangeLog, Entry, PackedChanges};
pub use date_time_start::{DateTimeStart, Met};
pub use event::{Element, Part, elements, plan, plan_part};
pub use images::StoredImage;
pub use moves::{Move, Now};
pub use plan::Plan;
pub use subscriber::{Attention, Cursor, Instant, Phase, Subscriber, Window};

pub use crate::packed::{Mark, Marks};
