//! Asks whoever listens at an address whether it lives, and whether it is this program.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{HOST, SERVER},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// What this program calls itself in each of its answers.
pub(super) const NAME: &str = "opendental-cdc";

/// A bridge that lives answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);

/// An answer of `/healthz`.
pub(crate) struct Asked {
    /// Whom was asked.
    pub(crate) address: SocketAddr,
    pub(crate) status: StatusCode,
    /// Whether it is this program that answered.
    pub(crate) is_bridge: bool,
}

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("nothing answers at {address}/healthz: {source}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("no answer from {address}/healthz: {source}")]
    Http { address: SocketAddr, source: hyper::Error },
    #[error("no answer from {0}/healthz within 3 s")]
    TimedOut(SocketAddr),
}

/// Asks who listens at `listen`, by its `/healthz`.
pub(crate) async fn ask(listen: SocketAddr) -> Result<Asked, AskError> {
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    timeout(PATIENCE, healthz(address)).await.unwrap_or(Err(AskError::TimedOut(address)))
}

/// One who listens on all addresses is reached at this machine's own.
pub(crate) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

async fn healthz(address: SocketAddr) -> Result<Asked, AskError> {
    let failed = |source| AskError::Http { address, source };
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|source| AskError::Connect { address, source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = hyper::Uri::from_static("/healthz");
    if let Ok(host) = address.to_string().parse() {
        request.headers_mut().insert(HOST, host);
    }
    tokio::pin!(connection);
    let answer = tokio::select! {
        answer = sender.send_request(request) => answer.map_err(failed)?,
        ended = &mut connection => return match ended {
            Err(source) => Err(failed(source)),
            Ok(()) => Err(AskError::Connect { address, source: io::ErrorKind::UnexpectedEof.into() }),
        },
    };
    let is_bridge = answer.headers().get(SERVER).is_some_and(|server| server == NAME);
    Ok(Asked { address, status: answer.status(), is_bridge })
}
