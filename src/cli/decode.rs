//! `opendental-cdc decode`: the changes in binlog files on disk.

use std::path::PathBuf;

use clap::Args;

use super::{failure::Failure, not_built};

/// Prints the changes in binlog files on disk, each as one JSON line, without a server. The lines hold patients' data.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The binlog files, oldest first.
    #[arg(value_name = "FILE", required = true)]
    _files: Vec<PathBuf>,
}

pub(super) async fn run(_arguments: Arguments) -> Result<(), Failure> {
    Err(not_built("decode"))
}
