//! What keeps a sender from being made.

use super::signature::SecretError;

/// Why a [`Sender`](super::Sender) could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A secret in `delivery.secrets` is not one.
    #[error("delivery.secrets: entry {number}: {source}")]
    Secret {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it; does not hold the secret.
        source: SecretError,
    },
    /// The workstation's name cannot stand in an HTTP header.
    #[error(
        "workstation: the name has a character that an HTTP header cannot carry (a line break or another control character)"
    )]
    Workstation,
    /// TLS could not be set up.
    #[error("cannot set up TLS for outgoing requests: {0}")]
    Tls(#[source] rustls::Error),
    /// The HTTP client could not be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}
