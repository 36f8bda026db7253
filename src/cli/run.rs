//! `opendental-cdc run`: the bridge, or polling in its place.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{config_argument::ConfigArgument, failure::Failure, logging, progress_bars::Bars, signals};
use crate::{
    bridge::Bridge,
    config::{Config, Engine},
    polling::Polling,
    progress::Progress,
};

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
        Engine::Polling => Ok(Polling::new(config).run(stop).await?),
    }
}

async fn bridge(config: Config, stop: CancellationToken, bars: Option<Bars>) -> Result<(), Failure> {
    let progress = Progress::default();
    let bridge = Bridge::new(config).showing(progress.clone()).run(stop);
    let Some(bars) = bars else { return Ok(bridge.await?) };
    let result = tokio::select! {
        result = bridge => result.map_err(Failure::from),
        never = bars.show(&progress) => match never {},
    };
    bars.clear();
    result
}
