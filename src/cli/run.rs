//! `opendental-cdc run`: the bridge, or polling in its place.

use clap::Args;

use super::{config_argument::ConfigArgument, failure::Failure, logging, signals};
use crate::{bridge::Bridge, config::Engine, polling::Polling};

/// Runs the bridge until SIGTERM or Ctrl-C; then it finishes the requests under way and saves its state.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    logging::start(&config.log)?;
    let stop = signals::stop_token()?;
    match config.engine {
        Engine::Binlog => Ok(Bridge::new(config).run(stop).await?),
        Engine::Polling => Ok(Polling::new(config).run(stop).await?),
    }
}
