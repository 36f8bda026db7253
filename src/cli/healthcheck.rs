//! `opendental-cdc healthcheck`: asks the bridge of the same configuration whether it lives. For Docker's HEALTHCHECK,
//! so that the image needs no other program.

use std::net::SocketAddr;

use clap::Args;
use hyper::StatusCode;

use super::{config_argument::ConfigArgument, failure::Failure};
use crate::http::{AskError, Asked, ask};

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
    #[error(transparent)]
    Ask(#[from] AskError),
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
    let Asked { address, status, .. } = ask(listening).await?;
    if status.is_success() { Ok(()) } else { Err(HealthcheckError::Status(address, status)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::{Config, HttpConfig};
    use crate::http::{Practice, Server, Services};
    use crate::status::{Board, EngineKind, Health, Status};

    #[tokio::test]
    async fn a_living_bridge_is_healthy_and_a_dead_one_is_not() {
        let server = Server::bind(&HttpConfig::on("0.0.0.0:0")).await.unwrap().unwrap();
        let listen = server.local_addr().to_string();
        let stop = CancellationToken::new();
        let status = Status::starting(EngineKind::Binlog, "W", chrono::Utc::now());
        let (board, _desk) = Board::new(status, Health::new(Duration::from_secs(30)));
        let config = Config::from_toml("workstation = 'W'\nmysql.url = 'mysql://u:p@192.0.2.200/d'").unwrap();
        let services = Services::new(&config, board, Practice::new());
        let serving = tokio::spawn(server.serve(services, stop.clone()));
        check(&listen).await.unwrap();
        assert!(ask(listen.parse().unwrap()).await.unwrap().is_bridge);
        stop.cancel();
        serving.await.unwrap();
        assert!(matches!(check(&listen).await, Err(HealthcheckError::Ask(AskError::Connect { .. }))));
        assert!(matches!(check("").await, Err(HealthcheckError::Off)));
    }
}
