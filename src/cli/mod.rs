//! The command line.

pub mod receive;

use std::process::ExitCode;

/// Runs the program; returns its exit code: 0 done, 1 something is wrong, 2 usage or configuration.
pub fn main() -> ExitCode {
    ExitCode::from(2)
}
