//! Starting and stopping, and the pace of the rounds.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, info, warn};

use super::{error::PollingError, poller::Poller, publishing::Published};
use crate::{
    check,
    config::Config,
    configured_tables,
    delivery::Sender,
    http::{Practice, Server, Services},
    opendental::WatchTables,
    source::{Database, DatabaseError, TimeZone},
    status::{Board, Desk, EngineKind, Health, Stage, Status},
};

/// From the beginning of one round to that of the next, if it is not longer.
const ROUND: Duration = Duration::from_secs(1);

/// The pauses after rounds that could not be made.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Beside one event's time-out: how long a round may say nothing and still count as alive.
const SILENCE: Duration = Duration::from_secs(15);

/// Sends one practice's events as Open Dental's own sender is documented to find them.
pub struct Polling {
    setup: Setup,
    board: Board,
    desk: Desk,
}

/// What it was made with.
struct Setup {
    config: Config,
    practice: Practice,
}

impl Polling {
    /// Polling with this configuration; nothing is touched before [`Polling::run`].
    pub fn new(config: Config) -> Self {
        let health = Health::new(Duration::from_secs(config.delivery.timeout_seconds) + SILENCE);
        let first = Status::starting(EngineKind::Polling, config.workstation.as_str(), Utc::now());
        let (board, desk) = Board::new(first, health);
        Self { setup: Setup { config, practice: Practice::new() }, board, desk }
    }

    /// What it tells of itself.
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Runs until `stop` is cancelled, then finishes the request under way. Where it stands is in DateTimeStart.
    ///
    /// # Errors
    /// Only at the start, and only what waiting cannot mend: see [`PollingError`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), PollingError> {
        let Self { setup, board, mut desk } = self;
        configured_tables::look_at_names(&setup.config.opendental.tables)?;
        let sender = Sender::new(&setup.config)?;
        let health = board.health().clone();
        let server = Server::bind(&setup.config.http).await?;
        let services = Services::new(&setup.config, board, setup.practice.clone());
        let serving = server.map(|server| tokio::spawn(server.serve(services, stop.child_token())));
        let result = setup.run_until(sender, health, &mut desk, &stop).await;
        stop.cancel();
        if let Some(serving) = serving
            && let Err(error) = serving.await
        {
            error!(panicked = error.is_panic(), "the HTTP server ended unexpectedly");
        }
        result
    }
}

impl Setup {
    async fn run_until(
        &self,
        sender: Sender,
        health: Health,
        desk: &mut Desk,
        stop: &CancellationToken,
    ) -> Result<(), PollingError> {
        let found = tokio::select! {
            found = self.find_source(&health) => found?,
            () = stop.cancelled() => return Ok(()),
        };
        let Found { database, tables, version, zone } = found;
        // Beside the work; it ends with it.
        let looks = check::Looks::new(self.config.clone(), database.clone(), desk.board().clone());
        let _looks = AbortOnDropHandle::new(tokio::spawn(looks.tell()));
        let tables = Arc::new(tables);
        self.practice.connected(database.clone(), Arc::clone(&tables));
        info!("polling; rows that polling cannot see are not sent");
        let mut poller = Poller {
            published: Published::begin(desk.board().latest(), &database, version, zone),
            workstation: self.config.workstation.clone(),
            page: self.config.delivery.max_elements,
            database,
            tables,
            sender,
            health,
            said: HashMap::new(),
        };
        desk.publish(poller.status(Stage::Running));
        poll(&mut poller, desk, stop).await;
        desk.enter(Stage::Stopping);
        poller.health.not_ready("stopping");
        poller.database.close().await;
        Ok(())
    }

    /// Waits for the server, as after a boot that starts it together with us.
    async fn find_source(&self, health: &Health) -> Result<Found, PollingError> {
        let mut failures = 0;
        loop {
            match self.ask_source().await {
                Err(PollingError::Database(error)) if error.is_retryable() => {
                    failed(&error, &mut failures, health).await
                }
                result => return result,
            }
        }
    }

    async fn ask_source(&self) -> Result<Found, PollingError> {
        let database = Database::connect_without_log(&self.config.mysql).await?;
        check::fit(&database).await?;
        let tables = configured_tables::find(&database, &self.config.opendental.tables).await?;
        let version = database.version().await?;
        let zone = database.time_zone().await?;
        Ok(Found { database, tables, version, zone })
    }
}

/// What the server tells at the start.
struct Found {
    database: Database,
    tables: WatchTables,
    version: String,
    zone: TimeZone,
}

/// One round after the other until `stop` is cancelled.
async fn poll(poller: &mut Poller, desk: &mut Desk, stop: &CancellationToken) {
    let mut ticks = interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            asked = desk.next() => {
                poller.asked(asked, desk);
                continue;
            }
            _ = ticks.tick() => {}
        }
        match poller.round(stop).await {
            Ok(()) => failures = 0,
            Err(error) => tokio::select! {
                () = failed(&error, &mut failures, &poller.health) => {}
                () = stop.cancelled() => return,
            },
        }
    }
}

/// Tells of a failure and waits a while, longer from one to the next.
async fn failed(error: &DatabaseError, failures: &mut u32, health: &Health) {
    let pause = FIRST_PAUSE.saturating_mul(1 << (*failures).min(10)).min(LONGEST_PAUSE);
    *failures = failures.saturating_add(1);
    warn!(%error, seconds = pause.as_secs(), "the server cannot be asked; trying again");
    health.not_ready("waiting for the server");
    sleep(pause).await;
}
