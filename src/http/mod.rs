//! What we listen on: `/healthz` (the process lives) and `/readyz` (it reads the log).

mod error;
mod health;
mod serve;
mod server;

pub use error::HttpError;
pub use health::Health;
pub(crate) use serve::{ServeLimits, serve};
pub use server::Server;
