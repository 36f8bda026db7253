//! Why the bridge stops.

use crate::{
    delivery::DeliveryError,
    http::HttpError,
    opendental::RenderError,
    source::{DatabaseError, SourceError},
    state::StateError,
};

/// An error that ends `run`. Whatever a retry or a reconnect can mend never gets here.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The server or its log.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The SQL connection.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The settings of `[delivery]`.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The settings of `[http]`.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A row does not have the shape that Open Dental's tables have.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The log that the cursors point into is gone; the bridge starts again with a catch-up (rule R8).
    #[error("the server's log cannot be continued: {reason}")]
    LogLost {
        /// What was found.
        reason: String,
    },
    /// A task of ours ended unexpectedly.
    #[error("the {task} task ended unexpectedly: {reason}; please report this")]
    Task {
        /// Which.
        task: &'static str,
        /// How.
        reason: String,
    },
}
