//! What we listen on: `/healthz` (the process lives) and `/readyz` (it reads the log).

mod admin;
mod caller;
mod error;
mod limits;
mod practice;
mod routes;
mod secret;
mod serve;
mod server;
mod services;

pub use error::HttpError;
pub use practice::Practice;
pub(crate) use serve::{ServeLimits, serve};
pub use server::Server;
pub use services::Services;
