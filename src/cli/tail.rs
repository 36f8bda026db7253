//! `opendental-cdc tail`: follows the log and prints its changes.

use clap::Args;

use super::{config_argument::ConfigArgument, failure::Failure, logging, not_built, signals};

/// Follows the log and prints each change as one JSON line; sends nothing. The lines hold patients' data.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only the changes of this table; may be given several times.
    #[arg(long = "table", value_name = "T")]
    _tables: Vec<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    logging::start(&config.log)?;
    let _stop = signals::stop_token()?;
    Err(not_built("tail"))
}
