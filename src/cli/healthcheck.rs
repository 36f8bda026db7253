//! `opendental-cdc healthcheck`: asks the bridge of the same configuration whether it lives. For Docker's HEALTHCHECK,
//! so that the image needs no other program.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::Empty;
use hyper::{Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{config_argument::ConfigArgument, failure::Failure};

/// A bridge that lives answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the bridge that runs with this configuration whether it lives: exit code 0 if so, else 1.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Debug, thiserror::Error)]
enum HealthcheckError {
    #[error("http.listen is empty, so nobody can be asked; set it, or use no health check")]
    Off,
    #[error("http.listen = \"{0}\" is not an address and port")]
    Address(String),
    #[error("nothing answers at {address}/healthz: {source}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("no answer from {address}/healthz: {source}")]
    Http { address: SocketAddr, source: hyper::Error },
    #[error("no answer from {0}/healthz within 3 s")]
    TimedOut(SocketAddr),
    #[error("{0}/healthz answered {1}")]
    Status(SocketAddr, StatusCode),
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let listen = arguments.config.load()?.http.listen;
    Ok(check(&listen).await?)
}

async fn check(listen: &str) -> Result<(), HealthcheckError> {
    if listen.is_empty() {
        return Err(HealthcheckError::Off);
    }
    let listening: SocketAddr = listen.parse().map_err(|_| HealthcheckError::Address(listen.to_owned()))?;
    let address = SocketAddr::new(reachable(listening.ip()), listening.port());
    match timeout(PATIENCE, ask(address)).await {
        Err(_) => Err(HealthcheckError::TimedOut(address)),
        Ok(Err(error)) => Err(error),
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => Err(HealthcheckError::Status(address, status)),
    }
}

/// One who listens on all addresses is reached at this machine's own.
pub(super) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

async fn ask(address: SocketAddr) -> Result<StatusCode, HealthcheckError> {
    let failed = |source| HealthcheckError::Http { address, source };
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|source| HealthcheckError::Connect { address, source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = hyper::Uri::from_static("/healthz");
    if let Ok(host) = address.to_string().parse() {
        request.headers_mut().insert(HOST, host);
    }
    tokio::pin!(connection);
    tokio::select! {
        answer = sender.send_request(request) => answer.map(|answer| answer.status()).map_err(failed),
        ended = &mut connection => match ended {
            Err(source) => Err(failed(source)),
            Ok(()) => Err(HealthcheckError::Connect { address, source: io::ErrorKind::UnexpectedEof.into() }),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::HttpConfig;
    use crate::http::{Practice, Server, Services};
    use crate::status::{Board, EngineKind, Health, Status};

    #[tokio::test]
    async fn a_living_bridge_is_healthy_and_a_dead_one_is_not() {
        let server = Server::bind(&HttpConfig::on("0.0.0.0:0")).await.unwrap().unwrap();
        let listen = server.local_addr().to_string();
        let stop = CancellationToken::new();
        let status = Status::starting(EngineKind::Binlog, "W", chrono::Utc::now());
        let (board, _desk) = Board::new(status, Health::new(Duration::from_secs(30)));
        let services = Services::new(&HttpConfig::on(""), board, Practice::new());
        let serving = tokio::spawn(server.serve(services, stop.clone()));
        check(&listen).await.unwrap();
        stop.cancel();
        serving.await.unwrap();
        assert!(matches!(check(&listen).await, Err(HealthcheckError::Connect { .. })));
        assert!(matches!(check("").await, Err(HealthcheckError::Off)));
    }
}
