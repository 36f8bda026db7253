//! The bridge's own HTTP server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::get;
use chrono::Utc;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::error::HttpError;
use super::health::Health;
use super::serve::{ServeLimits, serve};
use crate::config::HttpConfig;

/// Answers are short and made from memory; these limits are for clients that mean no good.
const LIMITS: ServeLimits = ServeLimits {
    connections: 256,
    head: Duration::from_secs(10),
    head_bytes: 16 * 1024,
    stop: Duration::from_secs(5),
};

/// Bytes of a request's body, beyond which it is refused.
const BODY_BYTES: usize = 64 * 1024;

/// A server that holds its port but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
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
        Ok(Some(Self { listener, address }))
    }

    /// The address taken, with the port found for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `cancel`, then finishes the requests under way, for five seconds at most.
    pub async fn serve(self, health: Health, cancel: CancellationToken) {
        let service = TowerToHyperService::new(router(health));
        serve(self.listener, service, LIMITS, cancel).await;
    }
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(health)
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.ready(Utc::now()) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
