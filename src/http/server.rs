//! The bridge's own HTTP server.

use std::io;
use std::net::SocketAddr;

use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::error::HttpError;
use super::limits::CONNECTIONS;
use super::page::Seal;
use super::routes::router;
use super::serve::serve;
use super::services::Services;
use crate::config::HttpConfig;

/// A server that holds its port but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    seal: Seal,
}

impl Server {
    /// Takes the port of `http.listen`; `None` if that is empty. Port 0 takes any free one.
    ///
    /// # Errors
    /// The address cannot be listened on; the message names the key and what to do.
    pub async fn bind(config: &HttpConfig) -> Result<Option<Self>, HttpError> {
        if config.listen.is_empty() {
            return Ok(None);
        }
        let failed = |source: io::Error| HttpError::bind(&config.listen, source);
        let listener = TcpListener::bind(&config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!("listening on http://{address}");
        if !address.ip().to_canonical().is_loopback() {
            tracing::warn!(
                "http.listen = \"{}\" can be reached from other machines, and what is sent there is not encrypted: put a \
                 proxy that speaks https before it, or listen on 127.0.0.1",
                config.listen
            );
        }
        let seal = Seal::new().map_err(|_| HttpError::Random)?;
        Ok(Some(Self { listener, address, seal }))
    }

    /// The address taken, with the port found for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `cancel`, then finishes the requests under way, for five seconds at most.
    pub async fn serve(self, services: Services, cancel: CancellationToken) {
        let service = TowerToHyperService::new(router(services, self.seal, cancel.clone()));
        serve(self.listener, service, CONNECTIONS, cancel).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
