//! Open Dental's documented polling algorithm, for servers whose binary log cannot be switched on, and as the oracle of
//! our tests.
//!
//! It asks each watch table for rows by their time stamp, once per subscription and PollingSeconds, and keeps its place
//! in DateTimeStart alone. What is documented to be lost that way is lost here too: it knows nothing of the binlog.

mod error;
mod lookups;
mod poller;
mod publishing;
mod start;
mod window;

pub use error::PollingError;
pub use start::Polling;
