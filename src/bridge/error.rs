//! Why the bridge stops.

use tokio::task::JoinError;

use crate::{
    check::Unfit,
    config::ConfigError,
    configured_tables::TablesError,
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
    /// `opendental.tables` names what cannot be watched.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server is a replica.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A table of `opendental.tables` has another primary key than when the bridge was started; it starts again with it.
    #[error("{table} has another primary key than before")]
    KeyChanged {
        /// The table.
        table: String,
    },
    /// The log that the cursors point into is gone; the bridge starts again with a catch-up (rule R8).
    #[error("the server's log cannot be continued: {reason}")]
    LogLost {
        /// What was found.
        reason: String,
    },
    /// The server is done with sending its log, and yet its log reaches further (rule W2): the bridge looks at it anew.
    #[error("the server has no more of its log to send, though its log reaches further: it may have been started anew")]
    Stalled,
    /// The second reader has read more deletions than there is room for, and while it reads they cannot go to the state
    /// file: the bridge starts again without it.
    #[error("memory is short for the keys of deletions that a second reader has read")]
    SecondPassTooLarge,
    /// A task of ours ended unexpectedly.
    #[error("the {task} task ended unexpectedly: {reason}; please report this")]
    Task {
        /// Which.
        task: &'static str,
        /// How.
        reason: String,
    },
}

impl From<TablesError> for BridgeError {
    fn from(error: TablesError) -> Self {
        match error {
            TablesError::Config(error) => Self::Config(error),
            TablesError::Database(error) => Self::Database(error),
        }
    }
}

impl BridgeError {
    /// A task's end by itself. What a panic says may quote a row, and is left out (rule D4).
    pub(super) fn task(task: &'static str, error: &JoinError) -> Self {
        let reason = if error.is_panic() { "it panicked" } else { "it was cancelled" };
        Self::Task { task, reason: reason.to_owned() }
    }

    /// Whether the configuration is to be changed. Transparent errors hide themselves from the chain of sources.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Database(DatabaseError::Configuration { .. }) => true,
            Self::Source(SourceError::Configuration { .. }) => true,
            Self::Source(SourceError::Database(error)) => matches!(error, DatabaseError::Configuration { .. }),
            Self::Delivery(error) => matches!(error, DeliveryError::Secret { .. } | DeliveryError::Workstation),
            _ => false,
        }
    }
}
