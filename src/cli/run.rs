//! `opendental-cdc run`: the bridge, or polling in its place.

use clap::Args;
use tokio_util::sync::CancellationToken;

#[cfg(target_os = "linux")]
use super::systemd;
use super::{config_argument::ConfigArgument, failure::Failure, logging, progress_bars::Bars, signals};
use crate::{
    bridge::Bridge,
    config::{Config, Engine},
    polling::Polling,
    progress::Progress,
    status::Board,
};

/// Only Linux has it.
#[cfg(not(target_os = "linux"))]
mod systemd {
    use tokio_util::sync::CancellationToken;

    use crate::status::Board;

    pub(super) async fn tell(_: Board, _: CancellationToken) {}
}

/// Runs the bridge until SIGTERM or Ctrl-C; then it finishes the requests under way and saves its state.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    let bars = logging::start_beside(&config.log)?;
    let stop = signals::stop_token()?;
    match config.engine {
        Engine::Binlog => bridge(config, stop, bars).await,
        Engine::Polling => {
            let polling = Polling::new(config);
            Ok(told(polling.board(), stop.clone(), polling.run(stop)).await?)
        }
    }
}

async fn bridge(config: Config, stop: CancellationToken, bars: Option<Bars>) -> Result<(), Failure> {
    let progress = Progress::default();
    let bridge = Bridge::new(config).showing(progress.clone());
    let bridge = told(bridge.board(), stop.clone(), bridge.run(stop));
    let Some(bars) = bars else { return Ok(bridge.await?) };
    let result = tokio::select! {
        result = bridge => result.map_err(Failure::from),
        never = bars.show(&progress) => match never {},
    };
    bars.clear();
    result
}

/// Runs `work`, and tells systemd about it meanwhile.
async fn told<T>(board: Board, stop: CancellationToken, work: impl Future<Output = T>) -> T {
    let work = async {
        let result = work.await;
        // It may have ended by itself.
        stop.cancel();
        result
    };
    let (result, ()) = tokio::join!(work, systemd::tell(board, stop.clone()));
    result
}
