//! The HTTP clients.

use std::{collections::HashMap, sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use rustls::ClientConfig;
use url::Url;

use super::{error::DeliveryError, guard::Guard};

/// Until a TCP and TLS connection stands, if the whole time-out is not shorter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next event. Receivers that keep theirs for a shorter time close them; those
/// that forget them without a word are noticed by [`KEEP_ALIVE`].
const IDLE: Duration = Duration::from_secs(90);

/// How often an idle TCP connection is asked whether it lives; three silences end it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often an HTTP/2 connection is asked whether it lives: several events share one, and a dead one would take all
/// of them with it, one time-out after the other.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// One client for all ports that no rule of the guard names, and one for each that one does: where a name is looked up,
/// its port is not known.
pub(super) struct Clients {
    others: Client,
    by_port: HashMap<u16, Client>,
}

impl Clients {
    /// Clients that keep up to `per_host` idle connections to a host, and give up connecting after `answer` at the
    /// latest.
    pub(super) fn new(
        guard: &Guard,
        tls: &ClientConfig,
        per_host: usize,
        answer: Duration,
    ) -> Result<Self, DeliveryError> {
        let client = |port| client(guard, port, tls, per_host, answer);
        let by_port = guard.ports().into_iter().map(|port| Ok((port, client(Some(port))?)));
        Ok(Self { others: client(None)?, by_port: by_port.collect::<Result<_, DeliveryError>>()? })
    }

    /// The one for this URL.
    pub(super) fn client_for(&self, url: &Url) -> &Client {
        url.port_or_known_default().and_then(|port| self.by_port.get(&port)).unwrap_or(&self.others)
    }
}

fn client(
    guard: &Guard,
    port: Option<u16>,
    tls: &ClientConfig,
    per_host: usize,
    answer: Duration,
) -> Result<Client, DeliveryError> {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        // As Open Dental's own sender writes them, for receivers that look at the case.
        .http1_title_case_headers()
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Arc::new(guard.names(port)))
        .connect_timeout(CONNECT_TIMEOUT.min(answer))
        .pool_max_idle_per_host(per_host)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEP_ALIVE)
        .tcp_keepalive_interval(KEEP_ALIVE)
        .tcp_keepalive_retries(3)
        .http2_keep_alive_interval(HTTP2_PING)
        .http2_keep_alive_timeout(HTTP2_PING)
        .http2_keep_alive_while_idle(true)
        .build()
        .map_err(|error| DeliveryError::Client(error.without_url()))
}
