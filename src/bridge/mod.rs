//! All rooms wired together: from the server's log to the endpoints and back to DateTimeStart.
//!
//! A [`Bridge`] is a value made from its configuration; nothing about it is global.

mod audit;
mod backoff;
mod catch_up;
mod clock;
mod closing;
mod deleted_keys;
mod delivery_log;
mod doubts;
mod engine;
mod error;
mod event_body;
mod failure_columns;
mod intake;
mod jobs;
mod lookup_changes;
mod memory;
mod notices;
mod outcomes;
mod past;
mod places;
mod progress;
mod publishing;
mod reading;
mod registry;
mod reload;
mod requests;
mod restore;
mod row_cache;
mod second_pass;
mod sending;
mod server_clock;
mod shares;
mod skipping;
mod skipping_stopped;
mod start;
mod storing;
mod tables;
mod troubles;
mod ui_events;
mod unlogged;
mod write_back;

pub use error::BridgeError;
pub use skipping_stopped::{SkipTo, skip_while_stopped};
pub use start::Bridge;
