//! One event to one endpoint: request, time-out, signature, concurrency, the pause before the next attempt
//! (rules D1 to D4). Knows nothing of the binlog beyond the points that make an event's id.
//!
//! [`Sender::attempt`] is one POST and says how it ended. Everything that spans attempts is the caller's: which event
//! is next, that only one is under way per subscription, when to try again ([`retry_pause`]), what is stored.
//!
//! Reasons of failures, and errors, hold no key, no row value and nothing of a URL but its host (rule D4).

mod client;
mod error;
mod event;
mod failure;
mod guard;
mod names;
mod reach;
mod request;
mod retry;
mod sender;
mod signature;
mod slots;
mod tls;
mod webhook_id;

pub use error::DeliveryError;
pub use event::{Attempt, Event, Outcome};
pub use failure::{Failure, FailureKind};
pub use guard::Guard;
pub use reach::Reach;
pub use retry::retry_pause;
pub use sender::Sender;
pub use signature::{Secret, SecretError, sign};
pub use webhook_id::{EventIdentity, webhook_id};
