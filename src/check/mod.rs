//! Looks at all that the bridge depends on: the server and its log, the account, the tables, the clock, the
//! subscriptions and their endpoints, the state file.
//!
//! Each look comes to a [`Finding`]: what was looked at, what was found, and what mends it, for the server at hand.
//! Nothing is changed by looking, and nothing is sent. Findings hold no row values but the names of watch tables and
//! machines, no keys, and URLs without query and user-info (rule D4).

mod at_start;
mod clock;
mod connection;
mod dialect;
mod endpoints;
mod finding;
mod listening;
mod log_sample;
mod looks;
mod replication;
mod report;
mod retention;
mod rights;
mod running;
mod senders;
mod server_log;
mod state_file;
mod subscriptions;
mod tables;
mod unlogged;
mod write_back;

pub use at_start::{Looks, Unfit, fit};
pub use finding::{Finding, Mend, Outcome};
pub use looks::check;
pub use report::Report;
