//! Starting: where to read from, and who takes what from whom.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, info, warn};

use super::{
    audit::Audit,
    catch_up::overlap,
    clock::{OwnClock, ServerClock},
    engine::{Engine, Parts},
    error::BridgeError,
    past,
    places::{self, ClockNow, Log, Lost},
    progress::Telling,
    publishing::Published,
    registry::Told,
    reload::{self, Loaded},
    restore::{known_layouts, known_log_files},
    second_pass::SecondPass,
    shares::Shares,
    tables::Followed,
};
use crate::{
    binlog::Position,
    check,
    config::{Config, MysqlConfig},
    configured_tables,
    delivery::Sender,
    http::{Practice, Server, Services},
    opendental::{LookupTable, WatchTables},
    progress::Progress,
    source::{
        Boundary, Database, Identity, LogFiles, Message, ReadCounts, Reader, ReaderConfig, SourceError, TimeZone,
    },
    state::{Origin, Saved, State, StateError},
    status::{Board, Desk, EngineKind, Health, Notice, NoticeKind, Stage, Status},
};

/// Batches of changes between the reader and the engine: enough to keep both busy, few enough to bound memory.
const MESSAGES: usize = 16;

/// A log that is lost again and again (two servers behind one address) must not keep us busy.
const LOST_PAUSE: Duration = Duration::from_secs(1);

/// The pause between two attempts to open the state file at the start.
const STATE_PAUSE: Duration = Duration::from_secs(5);

/// The pauses between two attempts to reach the server at the start.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One practice's bridge.
pub struct Bridge {
    setup: Setup,
    board: Board,
    desk: Desk,
}

/// What a bridge was made with.
struct Setup {
    config: Config,
    practice: Practice,
    progress: Progress,
    /// Counts what all its engines read, one after the other.
    read: Arc<ReadCounts>,
}

impl Bridge {
    /// A bridge with this configuration; nothing is touched before [`Bridge::run`].
    pub fn new(config: Config) -> Self {
        let health = Health::new(config.mysql.heartbeat().saturating_mul(3).max(Duration::from_secs(15)));
        let first = Status::starting(EngineKind::Binlog, config.workstation.as_str(), Utc::now());
        let (board, desk) = Board::new(first, health);
        let setup = Setup { config, practice: Practice::new(), progress: Progress::default(), read: Arc::default() };
        Self { setup, board, desk }
    }

    /// Lets `progress` show what it has under way.
    #[must_use]
    pub fn showing(mut self, progress: Progress) -> Self {
        self.setup.progress = progress;
        self
    }

    /// What it tells of itself.
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Runs until `stop` is cancelled, then finishes the requests under way and stores where it stands.
    ///
    /// # Errors
    /// Only what neither a retry nor a reconnect can mend: see [`BridgeError`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), BridgeError> {
        let Self { setup, board, mut desk } = self;
        configured_tables::look_at_names(&setup.config.opendental.tables)?;
        let state = match State::open(&setup.config.state.path).await {
            Err(error) if !error.is_passing() => return Err(error.into()),
            opened => opened,
        };
        let health = board.health().clone();
        let server = Server::bind(&setup.config.http).await?;
        let mut services = Services::new(&setup.config, board, setup.practice.clone());
        if setup.config.delivery.log_days > 0 {
            services = services.with_delivery_log(&setup.config.state.path);
        }
        let serving = server.map(|server| tokio::spawn(server.serve(services, stop.child_token())));
        let result = match setup.opened(state, &desk, &stop).await {
            Ok(Some(state)) => setup.run_until(state, &health, &mut desk, &stop).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
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
    /// The state file, once it can be written: a disk that is full at the start may not stay so. `None`: we are to stop.
    async fn opened(
        &self,
        mut opened: Result<State, StateError>,
        desk: &Desk,
        stop: &CancellationToken,
    ) -> Result<Option<State>, BridgeError> {
        loop {
            match opened {
                Ok(state) => {
                    desk.board().health().recovered();
                    return Ok(Some(state));
                }
                Err(error) if error.is_passing() => {
                    error!(%error, "nothing is read before it can be written; trying again until then");
                    desk.board().health().troubled(error.to_string());
                    desk.enter(Stage::Starting { why: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = tokio::time::sleep(STATE_PAUSE) => {}
                () = stop.cancelled() => return Ok(None),
            }
            opened = State::open(&self.config.state.path).await;
        }
    }

    async fn run_until(
        &self,
        mut state: State,
        health: &Health,
        desk: &mut Desk,
        stop: &CancellationToken,
    ) -> Result<(), BridgeError> {
        let (mut lost, mut first, mut second_reader) = (None, true, true);
        let mut looks = None;
        loop {
            let saved = state.load().await?;
            if std::mem::take(&mut first) {
                tell_origin(&self.config.state.path, state.origin(), desk);
            }
            let started = tokio::select! {
                started = self.start(state, saved, health, desk, Known { lost, second_reader }) => started?,
                () = stop.cancelled() => return Ok(()),
            };
            let Started { mut engine, mut messages, reading, reader } = started;
            // Beside the work; they end with it.
            looks.get_or_insert_with(|| {
                let looks = check::Looks::new(self.config.clone(), engine.database.clone(), desk.board().clone());
                AbortOnDropHandle::new(tokio::spawn(looks.tell()))
            });
            let start = engine.boundary.position.point();
            let result = engine.run(&mut messages, desk, stop).await;
            reading.cancel();
            drop(messages);
            let result = match (result, reader.await) {
                (Err(error), _) => Err(error),
                (Ok(()), Err(error)) => Err(BridgeError::task("reader", &error)),
                // The reader's own error comes as the end of its messages.
                (Ok(()), Ok(Err(error))) if !stop.is_cancelled() => Err(error.into()),
                (Ok(()), Ok(_)) => Ok(()),
            };
            let read = engine.boundary.position.point();
            match result {
                Err(error @ BridgeError::LogLost { .. }) => {
                    warn!(%error, "starting again");
                    lost = Some(Lost::All);
                }
                Err(BridgeError::Source(error @ SourceError::Doubt(_))) => {
                    error!(%error, "starting again behind it");
                    lost = Some(Lost::Unreadable);
                }
                Err(BridgeError::Source(error @ SourceError::Anew { .. })) => {
                    warn!(%error, "starting again");
                    lost = Some(Lost::All);
                }
                Err(error @ BridgeError::SecondPassTooLarge) => {
                    warn!("{error}: starting again, where all subscriptions wait until the log has been read");
                    (lost, second_reader) = (None, false);
                }
                Err(error @ BridgeError::Stalled) => {
                    warn!(%error, "looking at it anew");
                    lost = None;
                }
                Err(BridgeError::Source(error @ SourceError::Purged { .. })) => {
                    warn!(%error, "starting again");
                    // The second refusal in a row: it may not be about the place.
                    let again = lost.is_some() && read <= start;
                    lost = Some(if again { Lost::All } else { Lost::UpTo(read) });
                }
                Err(error @ BridgeError::KeyChanged { .. }) => {
                    warn!("{error}: starting again with it");
                    lost = None;
                }
                result => {
                    let state = engine.into_state().await;
                    result?;
                    // All of the state is then in the one file, which people copy.
                    return Ok(state?.close().await?);
                }
            }
            desk.publish(engine.status(Stage::Starting { why: "starting again".to_owned() }));
            state = engine.into_state().await?;
            tokio::select! {
                () = tokio::time::sleep(LOST_PAUSE) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Waits for the server, as after a boot that starts it together with us, and asks it what must be known.
    async fn find_source(&self, health: &Health, desk: &Desk) -> Result<Found, BridgeError> {
        let mut failures = 0_u32;
        loop {
            match self.ask_source().await {
                Err(BridgeError::Database(error)) if error.is_retryable() => {
                    let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                    failures = failures.saturating_add(1);
                    warn!(%error, seconds = pause.as_secs_f32(), "the server cannot be asked; trying again");
                    health.not_ready("waiting for the server");
                    desk.enter(Stage::Starting { why: format!("the server cannot be asked: {error}") });
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
    }

    async fn ask_source(&self) -> Result<Found, BridgeError> {
        let database = Database::connect(&self.config.mysql).await?;
        check::fit(&database).await?;
        let identity = database.identity().await?;
        let server = database.version().await?;
        let own_clock = OwnClock::start();
        let mut clock = ServerClock::default();
        let before = own_clock.now();
        clock.seen(database.barrier().await?.now, before, own_clock.now());
        let end = database.current_position().await?;
        let files = database.log_files().await?;
        let zone = database.time_zone().await?;
        let tables = configured_tables::find(&database, &self.config.opendental.tables).await?;
        let loaded = reload::load(&database).await?;
        Ok(Found { database, server, tables, identity, end, files, own_clock, clock, zone, loaded })
    }

    /// Finds where to read from, and takes over subscriptions and lookups.
    async fn start(
        &self,
        state: State,
        saved: Saved,
        health: &Health,
        desk: &Desk,
        before: Known,
    ) -> Result<Started, BridgeError> {
        let Known { lost, second_reader } = before;
        let config = &self.config;
        let Found { database, server, tables, identity, end, files, own_clock, clock, zone, loaded } =
            self.find_source(health, desk).await?;
        self.practice.connected(database.clone(), Arc::new(tables.clone()));
        let known = saved.identity.as_deref().and_then(|known| serde_json::from_str::<Identity>(known).ok());
        let another = known.as_ref().is_some_and(|known| *known != identity);
        let mut subscriptions = saved.subscriptions;
        let begins_anew = another || matches!(lost, Some(Lost::All));
        let audit_mark = saved.audit.filter(|_| !begins_anew).and_then(|mark| serde_json::from_str(&mark).ok());
        let ahead = clock.ahead_of_machine(own_clock.now(), Utc::now());
        let set_back = saved.server_ahead.zip(ahead).map_or(0, |(before, now)| before.saturating_sub(now).max(0));
        let clock_now = ClockNow { now: clock.instant(own_clock.now()), set_back };
        let log = Log { another, lost, files: &files, end: end.point(), clock: clock_now };
        let losses = log.forget_lost(&mut subscriptions, overlap(&config.delivery));
        // What is known of layouts holds where the log was read up to the place at which reading begins.
        let max_rebuild = if second_reader { config.state.max_rebuild.bytes() } else { u64::MAX };
        let (far_behind, others) = places::laggards(&subscriptions, &files, max_rebuild);
        let second_start = places::oldest(far_behind.iter().copied());
        let far_behind: BTreeSet<i64> = far_behind.iter().map(|saved| saved.num).collect();
        let place = places::oldest(others);
        let layouts = if place.is_some() { known_layouts(&saved.layouts) } else { Vec::new() };
        let log_files = if place.is_some() { known_log_files(&saved.log_files) } else { Vec::new() };
        let another_log = place.is_none();
        let start = match place {
            Some(position) => position,
            None => end,
        };
        info!(file = start.file, offset = start.offset, "reading from here");

        let followed = Followed::new(&tables);
        let reader_config = ReaderConfig {
            mysql: config.mysql.clone(),
            tables: followed.names().to_vec(),
            keep_before: |table| LookupTable::from_table(table) == Some(LookupTable::ScheduleOp),
            transaction_bytes: Shares::new(config.memory.budget).transaction,
            seed: format!("{} {}", config.workstation, state.instance_id()),
            reconnect_max: Duration::from_secs(30),
        };
        let read = |config: ReaderConfig, start: Position, counts: Arc<ReadCounts>| {
            let (sender, messages) = mpsc::channel::<Message>(MESSAGES);
            let reading = CancellationToken::new();
            let reader = Reader::new(config, start, database.clone(), sender, reading.clone());
            let reader = reader.knowing(layouts.clone()).of_log(log_files.clone()).counting(counts);
            (messages, reading, tokio::spawn(reader.run()))
        };
        let second_pass = second_start.map(|start| {
            // Two readers of one id would throw each other out.
            let mysql = MysqlConfig { server_id: 0, ..config.mysql.clone() };
            let seed = format!("{} second pass", reader_config.seed);
            let from = start.point();
            let (messages, reading, reader) =
                read(ReaderConfig { mysql, seed, ..reader_config.clone() }, start, Arc::default());
            SecondPass::new(far_behind, from, messages, reader, reading)
        });
        // A second connection must be another replica to the server.
        let audit_reader = ReaderConfig {
            mysql: MysqlConfig { server_id: 0, ..reader_config.mysql.clone() },
            keep_before: |_| false,
            seed: format!("{} audit", reader_config.seed),
            ..reader_config.clone()
        };
        let (messages, reading, reader) = read(reader_config, start.clone(), self.read.clone());
        let audit = Audit::new(config.source.audit, audit_reader, audit_mark);
        let before = desk.board().latest();
        let history = past::history(&before, &config.state.path).await;
        let mut published = Published::begin(before, history, &database, server, log.end, self.read.clone());
        for loss in losses {
            published.log_lost(loss);
        }
        let parts = Parts {
            workstation: config.workstation.clone(),
            schedule_operatories: config.opendental.schedule_operatories,
            delivery: config.delivery.clone(),
            heartbeat_millis: i64::from(config.mysql.heartbeat_seconds) * 1000,
            memory: config.memory.clone(),
            database,
            identity,
            zone: Arc::new(zone),
            state,
            sender: Arc::new(Sender::new(config)?),
            health: health.clone(),
            boundary: Boundary { position: start.clone(), resume: start },
            tables,
            followed,
            own_clock,
            clock,
            audit,
            published,
            telling: Telling::new(self.progress.clone(), files),
        };
        let mut engine = Engine::new(parts);
        let identity = engine.identity.stored();
        engine.storing.begin(identity, another_log);
        engine.storing.clock_differs();
        engine.restore_kept_keys(saved.deleted, another_log);
        engine.restored = subscriptions.into_iter().map(|saved| (saved.num, saved)).collect();
        engine.rebuilt = loaded.point();
        // Whoever waits for it must do so from the first moment on.
        engine.second_pass = second_pass;
        engine.take_over(loaded, Told::Start)?;
        engine.begin_second_pass();
        Ok(Started { engine, messages, reading, reader })
    }
}

/// What an engine before this one found out.
#[derive(Clone, Copy)]
struct Known {
    /// How it was found that the log cannot be continued, if it was.
    lost: Option<Lost>,
    /// Whether what a second reader reads has room.
    second_reader: bool,
}

/// What the server tells at the start.
struct Found {
    database: Database,
    /// Its version, in its own words.
    server: String,
    tables: WatchTables,
    identity: Identity,
    /// Where its log ended before anything was loaded.
    end: Position,
    files: LogFiles,
    own_clock: OwnClock,
    clock: ServerClock,
    zone: TimeZone,
    loaded: Loaded,
}

struct Started {
    engine: Engine,
    messages: mpsc::Receiver<Message>,
    reading: CancellationToken,
    reader: JoinHandle<Result<(), SourceError>>,
}

/// Says so where the state file does not hold what the bridge once stored.
fn tell_origin(path: &Path, origin: &Origin, desk: &Desk) {
    let path = path.display();
    let what = match origin {
        Origin::Kept => return,
        Origin::New => return info!(%path, "a new state file"),
        Origin::Missing => "the state file is gone",
        Origin::Damaged { .. } => "the state file was damaged",
    };
    let (moved_to, reason) = match origin {
        Origin::Damaged { aside, reason } => (aside.as_ref().map(|aside| aside.display().to_string()), Some(reason)),
        _ => (None, None),
    };
    let text = format!(
        "{what}, and a new one is made: each subscription catches up by time stamp from its DateTimeStart. Rows deleted \
         since then cannot be told"
    );
    warn!(%path, moved_to, reason, "{text}");
    desk.tell(Notice::new(NoticeKind::StateLost, Utc::now(), text));
}
