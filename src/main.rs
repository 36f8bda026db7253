//! The program `opendental-cdc`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    opendental_cdc::cli::main()
}
