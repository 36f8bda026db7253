//! Hosts' names, as the operating system knows them.

use std::{error::Error, io};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system knows no address for a host's name.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NameError(io::Error);

/// Asks the system for each new connection, so that an endpoint that moved is found without a restart; what it
/// remembers is its own affair.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(error) => Err(Box::new(NameError(error)) as Box<dyn Error + Send + Sync>),
            }
        })
    }
}
