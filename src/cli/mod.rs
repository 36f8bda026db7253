//! The command line: one file for each command, and what they share.

mod change_line;
mod check;
mod config_argument;
mod decode;
mod demo;
mod failure;
mod healthcheck;
mod logging;
mod panics;
mod progress_bars;
pub mod receive;
mod run;
mod signals;
mod subscriptions;
#[cfg(target_os = "linux")]
mod systemd;
mod tail;

use std::{ffi::OsString, io, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use failure::Failure;

/// How long a command's left-over blocking calls (a name look-up, for instance) may hold up the end of the program.
const LEFT_OVER: Duration = Duration::from_secs(2);

/// Sends Open Dental's API events from the binary log of the practice's MySQL or MariaDB server, instead of polling
/// its tables.
#[derive(Debug, Parser)]
#[command(
    name = "opendental-cdc",
    version,
    after_help = "Exit codes: 0 done; 1 it ran and something is wrong; \
    2 usage or configuration."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Demo(demo::Arguments),
    Tail(tail::Arguments),
    Subscriptions(subscriptions::Arguments),
    Decode(decode::Arguments),
    Receive(receive::ReceiveArgs),
    #[command(hide = true)]
    Healthcheck(healthcheck::Arguments),
}

/// Runs the program; returns its exit code: 0 done, 1 something is wrong, 2 usage or configuration.
pub fn main() -> ExitCode {
    panics::tell_without_values();
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line.command,
        Err(said) => {
            // Help and version end here too, with 0 and on standard output. Nothing can be done where even that fails.
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    let done = runtime.block_on(dispatch(command));
    runtime.shutdown_timeout(LEFT_OVER);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Tail(arguments) => tail::run(arguments).await,
        Command::Subscriptions(arguments) => subscriptions::run(arguments).await,
        Command::Decode(arguments) => decode::run(arguments).await,
        Command::Healthcheck(arguments) => healthcheck::run(arguments).await,
        Command::Receive(arguments) => {
            logging::start_default()?;
            let stop = signals::stop_token()?;
            Ok(receive::receive(&arguments, &mut io::stdout(), stop).await?)
        }
    }
}
