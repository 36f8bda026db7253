//! `opendental-cdc demo`: the whole thing on one screen.

use clap::Args;

use super::{failure::Failure, not_built};

/// Shows the whole thing on one screen: a private database server, changes made in it, and the events they become.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long = "keep")]
    _keep: bool,
}

pub(super) async fn run(_arguments: Arguments) -> Result<(), Failure> {
    Err(not_built("demo"))
}
