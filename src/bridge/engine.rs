//! The engine: one task that owns every log, cursor and window, and tells all other tasks what to do.
//!
//! It never waits for the network itself: whatever takes time is a job, and the job's result comes back as a value.
//! So the binlog reader is never held up by an endpoint, and nothing here needs a lock.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};

use chrono::Utc;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Duration, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    audit::Audit,
    backoff::Backoff,
    clock::{OwnClock, ServerClock},
    closing::BarrierStep,
    delivery_log::DeliveryLog,
    doubts::{Named, WindowEnd},
    error::BridgeError,
    failure_columns::NotingFailures,
    jobs::Done,
    progress::Telling,
    publishing::Published,
    reading::Readings,
    row_cache::RowCache,
    second_pass::SecondPass,
    shares::Shares,
    skipping::Skips,
    storing::Storing,
    tables::{Followed, Watched},
    troubles::Troubles,
    ui_events::UiEvents,
    write_back::WritingBack,
};
use crate::{
    binlog::LogPoint,
    config::{DeliveryConfig, MemoryConfig},
    delivery::Sender,
    opendental::{Lookups, Shown, Subscription, WatchId, WatchTables},
    progress::TableScan,
    source::{Boundary, Database, Identity, Message, TimeZone},
    state::{Origin, SavedSubscription, State},
    status::{Desk, Health, Stage},
    window::{Attention, Instant, Subscriber},
};

/// What the engine is made of; see [`super::start`].
pub(super) struct Parts {
    pub(super) workstation: String,
    pub(super) schedule_operatories: bool,
    pub(super) delivery: DeliveryConfig,
    pub(super) heartbeat_millis: i64,
    pub(super) memory: MemoryConfig,
    pub(super) database: Database,
    pub(super) identity: Identity,
    pub(super) zone: Arc<TimeZone>,
    pub(super) state: State,
    pub(super) sender: Arc<Sender>,
    pub(super) health: Health,
    pub(super) boundary: Boundary,
    pub(super) tables: WatchTables,
    pub(super) followed: Followed,
    pub(super) own_clock: OwnClock,
    pub(super) clock: ServerClock,
    pub(super) audit: Audit,
    pub(super) published: Published,
    pub(super) telling: Telling,
}

pub(super) struct Engine {
    pub(super) workstation: String,
    /// Whether a change of `scheduleop` is one of its schedule.
    pub(super) schedule_operatories: bool,
    pub(super) delivery: DeliveryConfig,
    pub(super) shares: Shares,
    pub(super) database: Database,
    pub(super) identity: Identity,
    pub(super) zone: Arc<TimeZone>,
    /// The state file; away while a commit is under way.
    pub(super) state: Option<State>,
    pub(super) state_path: PathBuf,
    /// What makes our ids different from any other bridge's.
    pub(super) instance: String,
    /// The state file's contents were lost before the start: what it does not know may have been served.
    pub(super) forgetful: bool,
    pub(super) sender: Arc<Sender>,
    pub(super) health: Health,
    pub(super) tables: WatchTables,
    pub(super) followed: Followed,

    /// How far the log has been read.
    pub(super) boundary: Boundary,
    /// Just behind the commit of the transaction that is being taken in, and its time in microseconds UTC.
    pub(super) taking: Option<(LogPoint, i64)>,
    /// The server that the reader is connected to.
    pub(super) reading: Option<Identity>,
    pub(super) own_clock: OwnClock,
    pub(super) clock: ServerClock,
    pub(super) audit: Audit,
    pub(super) telling: Telling,
    pub(super) watched: HashMap<WatchId, Watched>,
    /// What is read again for subscriptions that are far behind.
    pub(super) second_pass: Option<SecondPass>,
    /// The second pass's transactions are being taken in: lookups and subscriptions are not told by them.
    pub(super) rereading: bool,
    pub(super) lookups: Lookups,
    /// Schedules whose operatories were found to have changed by reading the lookups anew.
    pub(super) moved_schedules: Vec<i64>,
    /// Subscriptions and lookups hold every change up to here (rule W8).
    pub(super) loaded: LogPoint,
    pub(super) reload: bool,
    pub(super) reloading: bool,
    pub(super) reload_backoff: Backoff,

    pub(super) subscribers: HashMap<i64, Subscriber>,
    /// The other rows of `apisubscription`, as last seen: an update in the log may hold only a part of its row.
    pub(super) unserved: HashMap<i64, Subscription>,
    /// Counts the subscribers made, so that a result for one is never taken for another's under the same number.
    pub(super) made: u64,
    /// Places from the state file whose subscriptions have not been loaded yet.
    pub(super) restored: HashMap<i64, SavedSubscription>,
    /// Subscriptions to look at, by our clock in milliseconds since 1970.
    pub(super) wake: BTreeSet<(i64, i64)>,
    /// Subscriptions whose window is due.
    pub(super) due: Vec<i64>,
    pub(super) barrier: BarrierStep,
    pub(super) barrier_backoff: Backoff,
    /// When the server's clock is to be looked at again though no window is due, by our clock in milliseconds.
    pub(super) look_at_clock: i64,
    /// Since when the server has said that its log goes no further, though the barrier lies further, by our clock in
    /// milliseconds.
    pub(super) idle_since: Option<i64>,
    /// The time between two of the server's heartbeats.
    pub(super) heartbeat_millis: i64,
    /// Subscriptions that wait for a catch-up scan of their table, and the tables being scanned.
    pub(super) scan_wanted: HashMap<WatchId, Vec<i64>>,
    pub(super) scanning: HashMap<WatchId, TableScan>,
    /// Where windows end that wait for a scan of their table, by subscription, each with its epoch.
    pub(super) ends: HashMap<i64, (u64, WindowEnd)>,
    /// The doubts that were named.
    pub(super) named: Named,
    /// Subscriptions whose restored window waits until the log has been read up to its end.
    pub(super) rebuilding: Vec<i64>,
    /// Restored windows wait until the log has been read anew up to here, at least as far as before the restart: rows
    /// that had left a window must not come back into its event.
    pub(super) rebuilt: LogPoint,
    /// About how many bytes were recorded since the memory was looked at.
    pub(super) grown: usize,
    /// What the order of rows in open windows takes, and what scans found. Bytes.
    pub(super) plan_bytes: usize,
    /// A cursor moved: the change logs are trimmed before the next change is recorded.
    pub(super) trim: bool,
    pub(super) attempts: HashMap<i64, AbortHandle>,
    pub(super) readings: Readings,
    pub(super) row_cache: RowCache,
    pub(super) storing: Storing,
    pub(super) delivery_log: DeliveryLog,
    pub(super) writing_back: WritingBack,
    pub(super) troubles: Troubles,
    pub(super) noting_failures: NotingFailures,
    /// What is told of all this to whoever asks.
    pub(super) published: Published,
    pub(super) ui_events: UiEvents,
    pub(super) skips: Skips,
    pub(super) jobs: JoinSet<Done>,
    pub(super) stopping: bool,
    pub(super) stop: CancellationToken,
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { workstation, delivery, database, identity, zone, state, sender, health, .. } = parts;
        let Parts {
            schedule_operatories,
            heartbeat_millis,
            memory,
            boundary,
            tables,
            followed,
            own_clock,
            clock,
            audit,
            published,
            telling,
            ..
        } = parts;
        let shares = Shares::new(memory.budget);
        Self {
            workstation,
            schedule_operatories,
            delivery_log: DeliveryLog::new(delivery.log_days),
            delivery,
            shares,
            database,
            identity,
            zone,
            instance: state.instance_id().to_owned(),
            forgetful: matches!(state.origin(), Origin::Missing | Origin::Damaged { .. }),
            state_path: state.path().to_owned(),
            state: Some(state),
            sender,
            health,
            second_pass: None,
            rereading: false,
            watched: tables.iter().map(|(id, watch)| (id, Watched::new(watch.clone()))).collect(),
            tables,
            followed,
            boundary,
            taking: None,
            reading: None,
            own_clock,
            clock,
            audit,
            telling,
            lookups: Lookups::new(),
            moved_schedules: Vec::new(),
            loaded: LogPoint::default(),
            reload: false,
            reloading: false,
            reload_backoff: Backoff::default(),
            subscribers: HashMap::new(),
            unserved: HashMap::new(),
            made: 0,
            restored: HashMap::new(),
            wake: BTreeSet::new(),
            due: Vec::new(),
            barrier: BarrierStep::Idle,
            barrier_backoff: Backoff::default(),
            look_at_clock: i64::MIN,
            idle_since: None,
            heartbeat_millis,
            scan_wanted: HashMap::new(),
            scanning: HashMap::new(),
            ends: HashMap::new(),
            named: Named::default(),
            rebuilding: Vec::new(),
            rebuilt: LogPoint::default(),
            grown: 0,
            plan_bytes: 0,
            trim: false,
            attempts: HashMap::new(),
            readings: Readings::default(),
            row_cache: RowCache::new(shares.rows),
            storing: Storing::default(),
            writing_back: WritingBack::default(),
            troubles: Troubles::default(),
            noting_failures: NotingFailures::default(),
            published,
            ui_events: UiEvents::default(),
            skips: Skips::default(),
            jobs: JoinSet::new(),
            stopping: false,
            stop: CancellationToken::new(),
        }
    }

    /// Runs until `stop` is cancelled; then lets the requests under way end, stores what they led to, and returns.
    pub(super) async fn run(
        &mut self,
        messages: &mut mpsc::Receiver<Message>,
        desk: &mut Desk,
        stop: &CancellationToken,
    ) -> Result<(), BridgeError> {
        self.stop = stop.clone();
        for num in self.subscribers.keys().copied().collect::<Vec<_>>() {
            self.attend(num)?;
        }
        desk.publish(self.status(Stage::Running));
        loop {
            self.start_jobs();
            let pause = self.until_next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = self.jobs.join_next() => self.job_done(done)?,
                asked = desk.next() => self.asked(asked, desk)?,
                message = messages.recv(), if !self.reloading => match message {
                    Some(message) => self.message(message)?,
                    None => break,
                },
                message = SecondPass::next(&mut self.second_pass), if !self.reloading => {
                    self.second_pass_message(message).await?;
                }
                () = sleep(pause) => {}
            }
            self.wake_up()?;
            self.tell_progress();
        }
        desk.publish(self.status(Stage::Stopping));
        self.wind_down().await
    }

    /// No new events; requests under way end, and what they led to is stored and written back.
    async fn wind_down(&mut self) -> Result<(), BridgeError> {
        self.stopping = true;
        self.health.not_ready("stopping");
        loop {
            self.start_jobs();
            match self.jobs.join_next().await {
                Some(done) => self.job_done(done)?,
                None => return Ok(self.storing.given_up()?),
            }
        }
    }

    /// Starts what has been gathered since the last turn, all of a kind in one job.
    fn start_jobs(&mut self) {
        self.start_commit();
        self.start_write_back();
        self.start_noting_failures();
        if !self.stopping {
            self.start_scans();
            self.start_barrier();
            self.start_reload();
            self.start_audit();
        }
        if std::mem::take(&mut self.trim) {
            self.trim_logs();
        }
    }

    /// Starts a job whose result nobody needs any more once the bridge is to stop.
    pub(super) fn spawn_until_stop(&mut self, job: impl Future<Output = Done> + Send + 'static) -> AbortHandle {
        let stop = self.stop.clone();
        self.jobs.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => Done::GivenUp,
                done = job => done,
            }
        })
    }

    fn job_done(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<(), BridgeError> {
        let done = match done {
            Ok(done) => done,
            // An attempt of a subscription that was changed meanwhile.
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => return Err(BridgeError::task("bridge", &error)),
        };
        match done {
            Done::Barrier(barrier) => self.barrier_answered(*barrier),
            Done::Stored { state, batch, result } => self.stored(state, batch, result),
            Done::WrittenBack { writes, result } => self.written_back(writes, result),
            Done::FailuresNoted { nums, result } => {
                self.failures_noted(nums, result);
                Ok(())
            }
            Done::Scanned(scan) => self.scanned(scan),
            Done::KeysFound(found) => self.keys_found(*found),
            Done::RowsRead(rows) => self.rows_read(*rows),
            Done::Attempted(attempted) => self.attempted(attempted),
            Done::KeyLookedUp { watch, result } => self.key_looked_up(watch, result),
            Done::Reloaded(result) => self.reloaded(result),
            Done::Audited(result) => {
                self.audited(*result);
                Ok(())
            }
            Done::PatientRead(read) => {
                self.patient_read(read);
                Ok(())
            }
            Done::UiEventOver(over) => {
                self.ui_event_over(over);
                Ok(())
            }
            Done::GivenUp => Ok(()),
        }
    }

    /// Gives up everything but the state file, once it is back from its last commit.
    pub(super) async fn into_state(mut self) -> Result<State, BridgeError> {
        loop {
            if let Some(state) = self.state.take() {
                return Ok(state);
            }
            match self.jobs.join_next().await {
                Some(Ok(Done::Stored { state, .. })) => return Ok(state),
                Some(_) => {}
                None => {
                    return Err(BridgeError::Task { task: "state", reason: "the state file is missing".to_owned() });
                }
            }
        }
    }

    /// Looks at a subscription and does what it needs now.
    pub(super) fn attend(&mut self, num: i64) -> Result<(), BridgeError> {
        if self.stopping {
            return Ok(());
        }
        let now = self.server_now();
        let local = self.zone.local_text(now);
        let read = self.boundary.position.point();
        let read = if read < self.rebuilt { LogPoint::default() } else { read };
        let clock = self.now_millis();
        let waits = self.awaits_second_pass(num);
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        match subscriber.attention(now, &local, clock, read) {
            Attention::None => {}
            Attention::Close | Attention::Send if waits => {}
            Attention::At(instant) => {
                self.published.due_at(num, self.clock.ours(instant));
                self.wake_at(num, instant);
            }
            Attention::CatchUp => self.catch_up(num)?,
            Attention::Close => {
                self.published.is_due(num, clock);
                self.want_barrier(num);
            }
            Attention::Send => self.send(num)?,
            Attention::Expire => self.expire(num),
        }
        Ok(())
    }

    pub(super) fn wake_at(&mut self, num: i64, instant: Instant) {
        self.wake.insert((self.clock.ours(instant), num));
    }

    fn wake_up(&mut self) -> Result<(), BridgeError> {
        let now = self.now_millis();
        while let Some(&(at, num)) = self.wake.first() {
            if at > now {
                break;
            }
            self.wake.pop_first();
            self.attend(num)?;
        }
        Ok(())
    }

    fn until_next_wake(&self) -> Duration {
        let now = self.now_millis();
        let reload = (self.reload && !self.reloading).then(|| self.reload_backoff.until());
        let barrier = self.next_barrier().map(|at| at.max(self.barrier_backoff.until()));
        let storing = self.state.as_ref().and_then(|_| self.storing.wake());
        let deliveries = self.state.as_ref().and_then(|_| self.delivery_log.wake());
        let deliveries = deliveries.map(|at| at.max(storing.unwrap_or(at)));
        let updates = [self.writing_back.wake(), self.failure_columns_wake()];
        let wake = self.wake.first().map(|&(at, _)| at);
        let audit = self.reading.as_ref().and_then(|_| self.audit.wake());
        let next = [wake, storing, deliveries, reload, barrier, audit, self.telling.wake()].into_iter().chain(updates);
        let next = next.flatten().min().unwrap_or(now.saturating_add(60_000));
        Duration::from_millis(u64::try_from(next.saturating_sub(now)).unwrap_or(0))
    }

    /// JSON that was rendered with what a lookup told before is rendered again when it is next sent (rule W8).
    pub(super) fn forget_rendered(&mut self, stale: &[Shown]) {
        for watched in self.watched.values_mut() {
            if stale.iter().any(|shown| watched.watch.shows(*shown)) {
                watched.generation += 1;
            }
        }
    }

    /// Our own clock, in milliseconds since 1970.
    pub(super) fn now_millis(&self) -> i64 {
        self.own_clock.now().timestamp_millis()
    }

    /// How many seconds the server's clock is ahead of this machine's; `None`: it was not looked at yet.
    pub(super) fn server_ahead(&self) -> Option<i64> {
        self.clock.ahead_of_machine(self.own_clock.now(), Utc::now())
    }

    /// The server's clock, as far as we know.
    pub(super) fn server_now(&self) -> Instant {
        self.clock.instant(self.own_clock.now())
    }
}
