//! A practice, its server, its bridge and its subscribers, and how each of them is broken and mended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{Options, Release, Server, receiver::Receiver},
};
use tokio::{task::JoinHandle, time::sleep};

use super::{
    Log,
    books::{Books, Watches, subscriptions},
    fault::{self, Fault},
    mood::{BAD, Mood},
};
use crate::{
    clocks,
    office::{Office, Process, subscription_row},
    proxy::{Fate, Proxy},
    workload::{Workload, Writing, watched},
};

/// How long nothing may arrive once everything is mended and something is missing. It takes seconds, but on a machine
/// that does much else.
const PATIENCE: Duration = Duration::from_secs(150);

pub(super) struct Stage {
    office: Office,
    release: Release,
    log: Log,
    seed: u64,
    random: fastrand::Rng,
    /// What may break.
    faults: Vec<Fault>,
    /// Where the server's clock comes from, if it can be set.
    clock: Option<tempfile::NamedTempFile>,
    /// The replica that the server's commits wait for, or which is to take its place, if there is one.
    replica: Option<Server>,
    /// How far behind the others subscriptions may be and not be read for by themselves.
    max_rebuild: &'static str,
    workload: Workload,
    /// Not while the server is killed that cannot undo.
    writing: Option<Writing>,
    /// All tables can undo what a death of the server interrupts.
    transactional: bool,
    bridge: Option<Process>,
    bridge_began: Instant,
    proxy: Proxy,
    endpoints: Option<Proxy>,
    endpoints_port: u16,
    receiver_port: u16,
    _taking: JoinHandle<()>,
    mood: Arc<Mutex<Mood>>,
    books: Arc<Mutex<Books>>,
    server_id: u32,
    altered: Vec<&'static str>,
    report: Report,
    began: Instant,
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: BTreeMap<Fault, usize>,
    /// How often the bridge was killed, for whatever fault.
    kills: usize,
    statements: u64,
    rows: u64,
    events: usize,
    repeated_events: usize,
    elements: usize,
    repeats: usize,
}

impl Stage {
    pub(super) async fn open(release: Release, log: Log, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let transactional = random.bool();
        let engine = if transactional { Engine::InnoDb } else { Engine::MyIsam };
        let mut faults = fault::KEPT.to_vec();
        let (mut clock, mut replica) = (None, None);
        let plain = options(release, log, transactional && random.bool());
        let mut options = plain.clone();
        match log {
            // Once it has taken the server's place, its log is lost too.
            Log::Lost if random.bool() => faults.extend([Fault::ReplicaPromoted; 3]),
            Log::Lost => faults.extend(fault::LOST),
            // What a clock that is set back stamps could not be found by stamp.
            Log::Kept if release.is_mariadb() && random.bool() => {
                let file = tempfile::NamedTempFile::new().unwrap();
                if let Some(clocked) = clocks::clocked(options.clone(), &file) {
                    options = clocked;
                    clock = Some(file);
                    faults.extend([Fault::ClockSet; 3]);
                }
            }
            Log::Kept => {}
        }
        let server = release.start(options).await.unwrap();
        if log == Log::Kept && random.bool() {
            replica = Some(replica_of(&server, release, plain, true).await);
            faults.extend([Fault::ReplicaSlow; 4]);
        } else if faults.contains(&Fault::ReplicaPromoted) {
            replica = Some(replica_of(&server, release, plain, false).await);
        }
        let mut office = Office::on(Arc::new(server), engine).await;
        let proxy = Proxy::before(office.server.port()).await;
        office.behind(proxy.port);
        office.configure("[delivery]\nmax_elements = 100\nretry_max_seconds = 1\ntimeout_seconds = 2\n");
        let (mood, books) = (Arc::new(Mutex::new(Mood::Fine)), Arc::new(Mutex::new(Books::default())));
        let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
        let receiver_port = receiver.local_addr().port();
        receiver.behave_by({
            let (mood, books) = (mood.clone(), books.clone());
            move |event| {
                let (behavior, took) = mood.lock().unwrap().behavior();
                if took {
                    books.lock().unwrap().take(event);
                }
                behavior
            }
        });
        let taking = tokio::spawn(async move { while receiver.next().await.is_some() {} });
        let endpoints = Proxy::before(receiver_port).await;
        let mut stage = Self {
            office,
            release,
            log,
            seed,
            faults,
            clock,
            replica,
            max_rebuild: if random.bool() { "20 kB" } else { "1 GB" },
            workload: if log == Log::Kept { Workload::new(seed) } else { Workload::stamped(seed) },
            writing: None,
            transactional,
            bridge: None,
            bridge_began: Instant::now(),
            proxy,
            endpoints_port: endpoints.port,
            endpoints: Some(endpoints),
            receiver_port,
            _taking: taking,
            mood,
            books,
            server_id: 1,
            altered: Vec::new(),
            report: Report::default(),
            began: Instant::now(),
            random,
        };
        stage.furnish().await;
        stage
    }

    /// Tables, subscriptions, a bridge that serves them, and writers.
    async fn furnish(&mut self) {
        let mut session = self.office.connect().await;
        self.workload.prepare(&mut session).await;
        if self.transactional {
            for table in watched::ALL {
                session.query_drop(format!("ALTER TABLE {} ENGINE=InnoDB", table.table)).await.unwrap();
            }
        }
        for (num, watches) in (1..).zip(subscriptions()) {
            let url = format!("http://127.0.0.1:{}/{num}/", self.endpoints_port);
            let row = subscription_row(num, &url, &watches.name(), self.random.i64(1..=3), "'2020-01-01'");
            session.query_drop(row).await.unwrap();
            if let Watches::Deletions(table) = watches {
                let engine =
                    format!("SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_NAME = '{}'", table.table);
                let engine: String = session.query_first(engine).await.unwrap().unwrap();
                for statement in deletions_noted(table, &engine) {
                    session.query_drop(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
                }
            }
        }
        self.start_bridge();
        // What was deleted before the log is followed for the first time is known to nobody.
        for (num, watches) in (1..).zip(subscriptions()) {
            if let Watches::Deletions(_) = watches {
                self.office.ticking(num).await;
            }
        }
        self.write();
    }

    fn write(&mut self) {
        self.writing = Some(self.workload.start(&self.office.server.url(&self.office.database)));
    }

    async fn hush(&mut self) {
        if let Some(writing) = self.writing.take() {
            let written = writing.stop().await;
            self.report.statements += written.statements;
            self.report.rows += written.rows;
        }
    }

    fn start_bridge(&mut self) {
        let mut command = std::process::Command::new("/bin/sh");
        // A write that the full disk refuses is an error then, and no signal.
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_opendental-cdc")]);
        command.env("OPENDENTAL_CDC_STATE__MAX_REBUILD", self.max_rebuild);
        self.bridge_began = Instant::now();
        self.bridge = Some(self.office.process_by(command));
    }

    fn kill_bridge(&mut self) {
        if let Some(bridge) = self.bridge.take() {
            self.report.kills += 1;
            bridge.kill();
        }
    }

    /// One thing breaks and is mended again, as the seed decides.
    pub(super) async fn fault(&mut self) {
        sleep(Duration::from_millis(self.random.u64(50..1200))).await;
        let fault = *self.random.choice(&self.faults).unwrap();
        println!("{:7.3} s: {fault:?}", self.began.elapsed().as_secs_f64());
        self.apply(fault).await;
        *self.report.faults.entry(fault).or_default() += 1;
        let ended = self.bridge.as_mut().and_then(Process::exit_code);
        assert!(ended.is_none(), "SEED={}: the bridge ended by itself; {}", self.seed, self.evidence());
    }

    async fn apply(&mut self, fault: Fault) {
        match fault {
            Fault::BridgeKilled => {
                // Up to three times, the others while it starts.
                for again in (0..self.random.u8(1..=3)).rev() {
                    self.kill_bridge();
                    self.while_it_lasts(0..800).await;
                    self.start_bridge();
                    if again > 0 {
                        self.while_it_lasts(0..1500).await;
                    }
                }
            }
            Fault::BridgeStopped => {
                let bridge = self.bridge.take().unwrap();
                let code = tokio::task::spawn_blocking(move || bridge.terminate()).await.unwrap();
                // Before it can hear of signals, one ends it without a code.
                let is_new = self.bridge_began.elapsed() < Duration::from_secs(5);
                assert!(
                    code == Some(0) || code.is_none() && is_new,
                    "SEED={}: {code:?} {}",
                    self.seed,
                    self.evidence()
                );
                self.start_bridge();
            }
            Fault::ServerKilled => {
                if !self.transactional {
                    // What a statement had changed when the server died is in such a table, and in no log.
                    self.hush().await;
                }
                self.server().kill();
                self.while_it_lasts(0..1500).await;
                self.server_back().await;
            }
            Fault::ServerStopped => {
                // MariaDB may wait for a thread of its own for ever after its clock was set, and is killed then.
                let stopped = self.server().stop().await;
                assert!(stopped.is_ok() || self.clock.is_some(), "SEED={}: {stopped:?}", self.seed);
                self.server_back().await;
            }
            Fault::ConnectionsCut => self.connections(Fate::Cut, 0..2000).await,
            Fault::ConnectionsSilent => self.connections(Fate::Silent, 500..5000).await,
            Fault::LogCut => self.log_connections(Fate::Cut, 0..2000).await,
            Fault::LogSilent => self.log_connections(Fate::Silent, 500..5000).await,
            Fault::LogRotated => self.sql("FLUSH BINARY LOGS").await,
            Fault::AlteredWhileOff => {
                self.kill_bridge();
                self.while_it_lasts(100..800).await;
                self.alter().await;
                self.while_it_lasts(0..500).await;
                self.start_bridge();
            }
            Fault::Altered => self.alter().await,
            Fault::ReceiverMoody => {
                let mood = *self.random.choice(&BAD).unwrap();
                *self.mood.lock().unwrap() = mood;
                self.while_it_lasts(200..4000).await;
                *self.mood.lock().unwrap() = Mood::Fine;
            }
            Fault::EndpointRefuses => {
                self.endpoints = None;
                self.while_it_lasts(200..3000).await;
                self.endpoints = Some(Proxy::again(self.endpoints_port, self.receiver_port).await);
            }
            Fault::EndpointSilent => self.endpoint_connections(Fate::Silent).await,
            Fault::EndpointCut => self.endpoint_connections(Fate::Cut).await,
            Fault::DiskFull => self.fill_disk().await,
            Fault::ClockSet => {
                let ahead = self.random.choice([-86_400, -3_600, -5, 0, 5, 3_600, 86_400]).unwrap();
                clocks::set(self.clock.as_ref().unwrap(), ahead);
            }
            Fault::ReplicaSlow => {
                // A server that was started anew has forgotten it.
                for setting in semi_sync(self.release) {
                    self.sql(setting).await;
                }
                self.replica.as_ref().unwrap().pause().await.unwrap();
                self.while_it_lasts(500..3000).await;
                self.replica.as_ref().unwrap().resume().await.unwrap();
            }
            Fault::Purged => {
                self.kill_bridge();
                self.while_it_lasts(100..800).await;
                self.purge().await;
                self.while_it_lasts(0..500).await;
                self.start_bridge();
            }
            Fault::Reset => {
                let off = self.random.bool();
                if off {
                    self.kill_bridge();
                }
                let mariadb = self.release.is_mariadb();
                self.sql(if mariadb { "RESET MASTER" } else { "RESET BINARY LOGS AND GTIDS" }).await;
                self.while_it_lasts(0..800).await;
                if off {
                    self.start_bridge();
                }
            }
            Fault::ServerSwitched => self.switch_server().await,
            Fault::ReplicaPromoted => self.promote_replica().await,
        }
    }

    async fn while_it_lasts(&mut self, millis: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.random.u64(millis))).await;
    }

    async fn connections(&mut self, fate: Fate, millis: std::ops::Range<u64>) {
        self.proxy.all(fate);
        self.while_it_lasts(millis).await;
        self.proxy.all(Fate::Forwarded);
    }

    async fn log_connections(&mut self, fate: Fate, millis: std::ops::Range<u64>) {
        self.proxy.dumps(fate);
        self.while_it_lasts(millis).await;
        self.proxy.dumps(Fate::Forwarded);
    }

    async fn endpoint_connections(&mut self, fate: Fate) {
        self.endpoints.as_ref().unwrap().all(fate);
        self.while_it_lasts(200..3500).await;
        self.endpoints.as_ref().unwrap().all(Fate::Forwarded);
    }

    fn server(&mut self) -> &mut Server {
        Arc::get_mut(&mut self.office.server).unwrap()
    }

    /// The server comes back as the one that it was.
    async fn server_back(&mut self) {
        let known = self.server_id;
        if known != 1 {
            self.proxy.all(Fate::Cut);
        }
        self.server().restart().await.unwrap();
        if known != 1 {
            self.sql(&format!("SET GLOBAL server_id = {known}")).await;
            self.proxy.all(Fate::Forwarded);
        }
        if self.writing.is_none() {
            self.write();
        }
    }

    /// Another server with the same data: another UUID, another number, a log of its own.
    async fn switch_server(&mut self) {
        self.server().stop().await.unwrap();
        let data = self.office.server.data();
        for file in std::fs::read_dir(&data).unwrap().flatten() {
            let name = file.file_name();
            if name == "auto.cnf" || name.to_string_lossy().starts_with("mysql-bin.") {
                std::fs::remove_file(file.path()).unwrap();
            }
        }
        self.server_id += 1;
        self.server_back().await;
    }

    /// The replica takes the server's place, with all that the server had. From then on the log may be lost in other ways.
    async fn promote_replica(&mut self) {
        self.faults.retain(|fault| *fault != Fault::ReplicaPromoted);
        self.faults.extend(fault::LOST);
        self.hush().await;
        let mut replica = self.replica.take().unwrap();
        let seconds = PATIENCE.as_secs();
        let (wait, leave) = if self.release.is_mariadb() {
            let end = self.office.server.value("SELECT @@gtid_binlog_pos").await.unwrap().unwrap();
            (format!("MASTER_GTID_WAIT('{end}', {seconds})"), "STOP SLAVE; RESET SLAVE ALL")
        } else {
            let end = self.office.server.query("SHOW BINARY LOG STATUS").await.unwrap().remove(0);
            let [Some(file), Some(offset), ..] = end.as_slice() else { panic!("no end: {end:?}") };
            (format!("SOURCE_POS_WAIT('{file}', {offset}, {seconds})"), "STOP REPLICA; RESET REPLICA ALL")
        };
        // It says how many events it waited for; if it does not follow, nothing.
        let waited = replica.value(&format!("SELECT CAST({wait} AS CHAR)")).await.unwrap();
        let arrived = waited.as_ref().is_some_and(|waited| waited.parse().is_ok_and(|events: i64| events >= 0));
        assert!(arrived, "SEED={}: the replica stays behind: {waited:?}", self.seed);
        replica.exec(leave).await.unwrap();
        std::mem::swap(self.server(), &mut replica);
        self.proxy.all(Fate::Cut);
        self.proxy.lead_to(self.office.server.port());
        self.server_id = 1000;
        replica.stop().await.unwrap();
        self.while_it_lasts(0..1500).await;
        self.proxy.all(Fate::Forwarded);
        self.write();
    }

    /// The table gets a column, which may come before all others, or loses it again.
    async fn alter(&mut self) {
        let table = self.random.choice(watched::ALL).unwrap().table;
        if let Some(place) = self.altered.iter().position(|altered| *altered == table) {
            self.altered.swap_remove(place);
            self.sql(&format!("ALTER TABLE {table} DROP COLUMN Chaos")).await;
        } else {
            self.altered.push(table);
            let place = if self.random.bool() { "FIRST" } else { "" };
            self.sql(&format!("ALTER TABLE {table} ADD COLUMN Chaos INT NOT NULL DEFAULT 7 {place}")).await;
        }
    }

    async fn purge(&mut self) {
        self.sql("FLUSH BINARY LOGS").await;
        let mut session = self.office.connect().await;
        let files: Vec<mysql_async::Row> = session.query("SHOW BINARY LOGS").await.unwrap();
        let last: String = files.last().unwrap().get(0).unwrap();
        session.query_drop(format!("PURGE BINARY LOGS TO '{last}'")).await.unwrap();
    }

    /// The state file's disk is full for a while.
    async fn fill_disk(&mut self) {
        let wal = self.office.state().with_extension("db-wal");
        let Ok(about) = std::fs::metadata(wal) else { return };
        self.limit_files(&about.len().to_string());
        self.while_it_lasts(200..3000).await;
        self.limit_files("unlimited");
    }

    fn limit_files(&self, bytes: &str) {
        let id = self.bridge.as_ref().unwrap().id().to_string();
        let status = std::process::Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:")]).status();
        // Without that program there is no full disk.
        drop(status);
    }

    /// Runs a statement as soon as the server and other sessions let it.
    async fn sql(&self, statement: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let run = async {
                let mut session = self.office.server.connect().await.map_err(|error| error.to_string())?;
                let setting = format!("USE {}; SET SESSION lock_wait_timeout = 5", self.office.database);
                session.query_drop(setting).await.map_err(|error| error.to_string())?;
                session.query_drop(statement).await.map_err(|error| error.to_string())
            };
            match run.await {
                Ok(()) => return,
                Err(error) if Instant::now() > until => panic!("SEED={}: {statement}: {error}", self.seed),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Lets everything come to rest, and finds out whether anything was lost.
    pub(super) async fn settle(mut self) -> Report {
        self.hush().await;
        let (mut arrived, mut until) = (0, Instant::now() + PATIENCE);
        loop {
            let lost = self.lost().await;
            let events = self.books.lock().unwrap().events;
            if events > arrived {
                (arrived, until) = (events, Instant::now() + PATIENCE);
            }
            let ended = self.bridge.as_mut().and_then(Process::exit_code);
            if lost.is_empty() {
                break;
            }
            if Instant::now() > until || ended.is_some() {
                panic!("SEED={}: lost, or late:\n{}\n{}", self.seed, lost.join("\n"), self.evidence());
            }
            sleep(Duration::from_millis(200)).await;
        }
        self.kill_bridge();
        let books = self.books.lock().unwrap();
        let mut report = self.report;
        (report.events, report.repeated_events) = (books.events, books.repeated_events);
        (report.elements, report.repeats) = (books.elements, books.repeats());
        report
    }

    /// What subscribers do not know yet.
    async fn lost(&self) -> Vec<String> {
        let mut session = self.office.connect().await;
        let mut lost = Vec::new();
        for (num, watches) in (1..).zip(subscriptions()) {
            let table = watches.table();
            let lacking = match watches {
                Watches::Changes(_) => {
                    let rows = table.rows(&mut session).await;
                    let books = self.books.lock().unwrap();
                    let told = |key: i64| format!("{key}: told {:?}, is {:?}", books.last(num, key), rows.get(&key));
                    books.lacks(num, &rows).into_iter().map(told).collect::<Vec<_>>()
                }
                Watches::Deletions(_) if self.log == Log::Kept => {
                    let gone = format!(
                        "SELECT num FROM gone_{0} WHERE gone AND num NOT IN (SELECT {1} FROM {0})",
                        table.table, table.key
                    );
                    let gone: Vec<i64> = session.query(gone).await.unwrap();
                    let lacking = self.books.lock().unwrap().lacks_deletions(num, &gone.into_iter().collect());
                    lacking.into_iter().map(|key| key.to_string()).collect()
                }
                Watches::Deletions(_) => continue,
            };
            if !lacking.is_empty() {
                let shown = lacking.iter().take(8).cloned().collect::<Vec<_>>().join("; ");
                lost.push(format!("subscription {num}, {}: {} rows: {shown}", watches.name(), lacking.len()));
            }
        }
        lost
    }

    /// Keeps what the bridge said, and tells where.
    fn evidence(&self) -> String {
        let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}.log", self.seed));
        match std::fs::copy(self.office.log(), &kept) {
            Ok(_) => format!("{}\nits log: {}", self.report, kept.display()),
            Err(error) => format!("{}\nits log is lost: {error}", self.report),
        }
    }
}

fn options(release: Release, log: Log, gtid: bool) -> Options {
    let options = Options::default()
        .zone("America/New_York")
        .arg("--sql-mode=")
        // A server that is killed loses nothing that it has committed.
        .arg("--innodb-flush-log-at-trx-commit=2")
        .arg("--myisam-recover-options=BACKUP,FORCE");
    // Without the names, altered columns may have to be caught up by stamp.
    let options = if log == Log::Kept { options.arg("--binlog-row-metadata=FULL") } else { options };
    if gtid && !release.is_mariadb() { options.gtid() } else { options }
}

/// What lets commits wait, between the log and the table, for a replica to have them.
fn semi_sync(release: Release) -> [&'static str; 2] {
    if release.is_mariadb() {
        ["SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC", "SET GLOBAL rpl_semi_sync_master_enabled = ON"]
    } else {
        ["SET GLOBAL rpl_semi_sync_source_wait_point = AFTER_SYNC", "SET GLOBAL rpl_semi_sync_source_enabled = ON"]
    }
}

/// A replica of a server that was started just now; commits may be let wait for it.
async fn replica_of(primary: &Server, release: Release, options: Options, semi_sync: bool) -> Server {
    let replica = release.start(options.arg("--server-id=1000")).await.unwrap();
    let port = primary.port();
    if release.is_mariadb() {
        if semi_sync {
            replica.exec("SET GLOBAL rpl_semi_sync_slave_enabled = ON").await.unwrap();
        }
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', MASTER_CONNECT_RETRY=1, \
             MASTER_USE_GTID=slave_pos; START SLAVE"
        );
        replica.exec(&follow).await.unwrap();
        return replica;
    }
    if semi_sync {
        primary.exec("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'").await.unwrap();
        let enable = "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'; \
                      SET GLOBAL rpl_semi_sync_replica_enabled = ON";
        replica.exec(enable).await.unwrap();
    }
    let follow = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='root', \
         SOURCE_CONNECT_RETRY=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_LOG_FILE='mysql-bin.000001', SOURCE_LOG_POS=4; \
         START REPLICA"
    );
    replica.exec(&follow).await.unwrap();
    replica
}

/// Triggers by which the server itself notes which rows are gone, but for those of a TRUNCATE.
fn deletions_noted(table: &watched::WatchedTable, engine: &str) -> Vec<String> {
    let (name, key) = (table.table, table.key);
    let note = |trigger: &str, row: &str, gone: u8, condition: &str| {
        format!(
            "CREATE TRIGGER {name}_{trigger}_{row} AFTER {trigger} ON {name} FOR EACH ROW INSERT INTO gone_{name} \
             SELECT {row}.{key}, {gone} FROM DUAL WHERE {condition} ON DUPLICATE KEY UPDATE gone = {gone}"
        )
    };
    let moved = format!("OLD.{key} <> NEW.{key}");
    vec![
        // Of the table's own engine, so that both are undone or neither.
        format!("CREATE TABLE gone_{name} (num BIGINT PRIMARY KEY, gone TINYINT NOT NULL) ENGINE={engine}"),
        note("DELETE", "OLD", 1, "1"),
        note("INSERT", "NEW", 0, "1"),
        note("UPDATE", "OLD", 1, &moved),
        note("UPDATE", "NEW", 0, &moved),
    ]
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.kills += other.kills;
        self.statements += other.statements;
        self.rows += other.rows;
        self.events += other.events;
        self.repeated_events += other.repeated_events;
        self.elements += other.elements;
        self.repeats += other.repeats;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, kills, statements, rows, events, repeated_events, elements, repeats } = self;
        write!(
            f,
            "faults {faults:?}; the bridge killed {kills} times; {statements} statements changed {rows} rows; {events} events taken, {repeated_events} of \
             them once more; {elements} elements, {repeats} of new events told nothing new"
        )
    }
}
