//! `opendental-cdc demo`: the whole thing on one screen.

mod screen;
mod stage;
mod story;

use std::io;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::screen::Screen;
use self::stage::{GRANTS, Stage};
use self::story::Story;
use super::{failure::Failure, logging, signals};
use crate::bridge::{Bridge, BridgeError};
use crate::config::ConfigError;
use crate::sandbox::SandboxError;

/// How long the bridge may take to end before it is left behind.
const FAREWELL: Duration = Duration::from_secs(10);

/// Shows the whole thing on one screen: a private database server, changes made in it, and the events they become.
///
/// Needs MariaDB's programs on this machine (not a running server), touches nothing else, and removes everything at
/// the end. Takes about half a minute.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// The private server.
    #[error(transparent)]
    Server(#[from] SandboxError),
    /// The receiver.
    #[error("no free port for the receiver: {0}")]
    Receiver(#[source] io::Error),
    /// The bridge's state.
    #[error("no folder for the bridge's state: {0}")]
    State(#[source] io::Error),
    /// Our own configuration was refused.
    #[error("the demo's own configuration was refused")]
    Config(#[from] ConfigError),
    /// The screen.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// The bridge ended by itself.
    #[error("the bridge ended by itself")]
    Bridge(#[source] BridgeError),
    /// The bridge ended by itself, without an error or with a panic.
    #[error("the bridge ended by itself, without saying why")]
    BridgeGone,
    /// The bridge did not begin to read.
    #[error("the bridge did not connect to the private server's log")]
    NotReading,
    /// A verdict was bad.
    #[error("what was seen is not what should be seen: look for ✗ above")]
    NotRight,
    /// Ctrl-C.
    #[error("stopped before it was over")]
    Stopped,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    logging::start_default()?;
    let stop = signals::stop_token()?;
    let screen = Screen;
    let mut stage = tokio::select! {
        stage = prepare(&screen) => stage?,
        () = stop.cancelled() => return Err(DemoError::Stopped.into()),
    };
    let bridge = Bridge::new(stage.config()?);
    let farewell = CancellationToken::new();
    let mut bridge = tokio::spawn(bridge.run(farewell.clone()));
    let told = tokio::select! {
        told = tell(&screen, &mut stage, arguments.keep) => told,
        ended = &mut bridge => return Err(ended_early(ended).into()),
        () = stop.cancelled() => Err(DemoError::Stopped),
    };
    farewell.cancel();
    let ended = timeout(FAREWELL, bridge).await;
    drop(stage);
    screen.plain("\nThe server, its data and the bridge's state are removed.")?;
    match (told, ended) {
        // --keep ends by Ctrl-C.
        (Err(DemoError::Stopped), _) if arguments.keep => Ok(()),
        (Ok(()), Ok(Ok(Err(error)))) => Err(DemoError::Bridge(error).into()),
        (Ok(()), Ok(Err(_)) | Err(_)) => Err(DemoError::BridgeGone.into()),
        (told, _) => Ok(told?),
    }
}

type Bridging = JoinHandle<Result<(), BridgeError>>;

fn ended_early(ended: <Bridging as Future>::Output) -> DemoError {
    match ended {
        Ok(Err(error)) => DemoError::Bridge(error),
        Ok(Ok(())) | Err(_) => DemoError::BridgeGone,
    }
}

/// Starts the server and the receiver.
async fn prepare(screen: &Screen) -> Result<Stage, DemoError> {
    screen.heading("A practice: a private MariaDB with Open Dental's tables, for this demo only")?;
    let begin = Instant::now();
    let server = Stage::server().await?;
    let version = server.value("SELECT VERSION()").await?.unwrap_or_default();
    let took = begin.elapsed().as_secs_f64();
    screen.line(
        "server",
        &format!("MariaDB {version}, 127.0.0.1:{}, row binlog; started in {took:.1} s", server.port()),
    )?;
    let tables = Stage::fill(&server).await?;
    screen.line("server", &format!("{tables} tables (MyISAM), a few rows, and a user for the bridge:"))?;
    for grant in GRANTS {
        screen.detail(grant)?;
    }
    let stage = Stage::with_receiver(server).await?;
    screen.line("receiver", &format!("waits for events at {}", stage.receiver.url("/")))?;
    Ok(stage)
}

/// The story, and with `keep` what comes after it.
async fn tell(screen: &Screen, stage: &mut Stage, keep: bool) -> Result<(), DemoError> {
    if !story::bridge_reads(stage).await? {
        return Err(DemoError::NotReading);
    }
    screen.line("bridge", "reads the server's binlog, as a replica would")?;
    let port = stage.server.port();
    let mut story = Story::new(screen, stage);
    let right = story.play().await?;
    if keep {
        screen.heading("Everything stays until Ctrl-C. Change something:")?;
        screen.plain(&format!("  mariadb --no-defaults --protocol=tcp --port={port} --user=root opendental"))?;
        screen.plain("  UPDATE appointment SET Note = 'Brings her sister' WHERE AptNum = 1;")?;
        screen.plain(&format!("  (any other client: mysql://root@127.0.0.1:{port}/opendental)\n"))?;
        story.watch().await?;
    }
    if right { Ok(()) } else { Err(DemoError::NotRight) }
}
