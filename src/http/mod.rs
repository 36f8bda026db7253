//! What we listen on: the status page, the Subscriptions API, `/healthz` (the process lives), `/readyz` (it reads the log)
//! and `/metrics`.

mod admin;
mod api_keys;
mod ask;
mod caller;
mod error;
mod json_object;
mod limits;
mod metrics;
mod openapi;
mod page;
mod practice;
mod refusal;
mod routes;
mod secret;
mod serve;
mod server;
mod services;
mod skip;
mod subscriptions;
mod ui_events;

pub(crate) use ask::{AskError, Asked, ask, reachable};
pub use error::HttpError;
pub use practice::Practice;
pub(crate) use serve::{ServeLimits, serve};
pub use server::Server;
pub use services::Services;
