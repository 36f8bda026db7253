//! A practice for one test: its database on the test binary's private server, a receiver, and bridges.

use std::{
    fmt::Write as _,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    bridge::{Bridge, BridgeError},
    config::Config,
    opendental::schema::{self, Engine},
    sandbox::{
        MariaDb, Options, Server,
        receiver::{ReceivedEvent, Receiver},
    },
    state::{Changes, ForgetLayouts, State},
};
use serde_json::Value;
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Longest wait for something that must happen: it takes seconds, but where many builds share the machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The server that all tests of this binary share while any of them runs.
static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
static OFFICES: AtomicU32 = AtomicU32::new(1);

async fn shared_server() -> Arc<Server> {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    // Far from UTC, so that no mix-up of the two goes unseen.
    let options = Options::default().zone("America/New_York").arg("--sql-mode=");
    let server = Arc::new(MariaDb::start(options).await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}

pub(crate) struct Office {
    pub(crate) server: Arc<Server>,
    pub(crate) database: String,
    pub(crate) receiver: Receiver,
    folder: tempfile::TempDir,
    settings: String,
    proxy: Option<u16>,
    client: &'static str,
    engine: &'static str,
    listen: String,
}

impl Office {
    /// A practice with MyISAM tables on MariaDB, as most are.
    pub(crate) async fn open() -> Self {
        Self::on(shared_server().await, Engine::MyIsam).await
    }

    pub(crate) async fn open_innodb() -> Self {
        Self::on(shared_server().await, Engine::InnoDb).await
    }

    /// A practice on `server`, with an account that has exactly the documented grants.
    pub(crate) async fn on(server: Arc<Server>, engine: Engine) -> Self {
        let database = format!("office{}", OFFICES.fetch_add(1, Ordering::Relaxed));
        let mut connection = server.connect().await.unwrap();
        connection.query_drop(format!("CREATE DATABASE {database}; USE {database}")).await.unwrap();
        connection.query_drop("SET SESSION sql_mode=''").await.unwrap();
        for statement in schema::statements(engine) {
            connection.query_drop(statement).await.unwrap();
        }
        let account = format!("'{database}'@'127.0.0.1'");
        let grants = [
            format!("CREATE USER {account} IDENTIFIED BY 'secret'"),
            format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {account}"),
            format!("GRANT SELECT ON {database}.* TO {account}"),
            format!("GRANT UPDATE ON {database}.apisubscription TO {account}"),
        ];
        for grant in grants {
            connection.query_drop(grant).await.unwrap();
        }
        connection.disconnect().await.unwrap();
        let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (settings, client, engine) = (String::new(), "mysql_async", "binlog");
        let listen = String::new();
        Self { server, database, receiver, folder, settings, proxy: None, client, engine, listen }
    }

    /// Adds lines to the configuration of bridges started from here on.
    pub(crate) fn configure(&mut self, toml: &str) {
        self.settings.push_str(toml);
    }

    /// Lets bridges started from here on reach the server by this port.
    pub(crate) fn behind(&mut self, port: u16) {
        self.proxy = Some(port);
    }

    /// Lets bridges started from here on read the log with this crate.
    pub(crate) fn read_with(&mut self, client: &'static str) {
        self.client = client;
    }

    /// Lets processes started from here on poll.
    pub(crate) fn poll(&mut self) {
        self.engine = "polling";
    }

    /// Lets bridges started from here on listen at this address.
    pub(crate) fn listen(&mut self, address: &str) {
        address.clone_into(&mut self.listen);
    }

    /// Runs the program with this configuration until it ends by itself. There is nobody whom it could ask.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let file = self.folder.path().join("command.toml");
        std::fs::write(&file, self.toml()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        command.args(arguments).arg("--config").arg(&file).stdin(Stdio::null()).output().unwrap()
    }

    /// The configuration as a file's text.
    pub(crate) fn toml(&self) -> String {
        let mut toml = String::new();
        let port = self.proxy.unwrap_or(self.server.port());
        let url = format!("mysql://{0}:secret@127.0.0.1:{port}/{0}", self.database);
        let state = self.state();
        writeln!(toml, "workstation = \"CDC-TEST\"\nengine = \"{}\"", self.engine).unwrap();
        writeln!(toml, "[mysql]\nurl = \"{url}\"\nheartbeat_seconds = 1").unwrap();
        writeln!(toml, "client = \"{}\"", self.client).unwrap();
        writeln!(toml, "[state]\npath = '{}'", state.display()).unwrap();
        writeln!(toml, "[http]\nlisten = \"{}\"", self.listen).unwrap();
        toml.push_str(&self.settings);
        toml
    }

    /// Runs statements, separated by `;`, in the practice's database, in one session.
    pub(crate) async fn exec(&self, statements: &str) {
        let mut connection = self.connect().await;
        connection.query_drop(statements).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
        connection.disconnect().await.unwrap();
    }

    /// A session in the practice's database.
    pub(crate) async fn connect(&self) -> mysql_async::Conn {
        let mut connection = self.server.connect().await.unwrap();
        connection.query_drop(format!("USE {}", self.database)).await.unwrap();
        connection.query_drop("SET SESSION sql_mode=''").await.unwrap();
        connection
    }

    /// The first value of a query.
    pub(crate) async fn value(&self, query: &str) -> Option<String> {
        let mut connection = self.connect().await;
        let value: Option<Option<String>> = connection.query_first(query).await.unwrap();
        connection.disconnect().await.unwrap();
        value.flatten()
    }

    /// The first values of all rows of a query, but for NULLs.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let values: Vec<Option<String>> = connection.query(query).await.unwrap();
        connection.disconnect().await.unwrap();
        values.into_iter().flatten().collect()
    }

    /// Subscribes the receiver's path `/{num}/` to a watch table from now on.
    pub(crate) async fn subscribe(&self, num: i64, watch_table: &str, polling_seconds: i64) {
        let url = self.receiver.url(&format!("/{num}/"));
        self.exec(&subscription_row(num, &url, watch_table, polling_seconds, "NOW()")).await;
    }

    /// The subscription's DateTimeStart.
    pub(crate) async fn date_time_start(&self, num: i64) -> String {
        let query = format!("SELECT DateTimeStart FROM apisubscription WHERE ApiSubscriptionNum={num}");
        let mut connection = self.connect().await;
        let value: Option<String> = connection.query_first(format!("SELECT CAST(({query}) AS CHAR)")).await.unwrap();
        connection.disconnect().await.unwrap();
        value.unwrap()
    }

    /// Waits until the subscription's DateTimeStart is not `before` any more.
    pub(crate) async fn date_time_start_after(&self, num: i64, before: &str) -> String {
        self.until("DateTimeStart moves", async || {
            let now = self.date_time_start(num).await;
            (now != before).then_some(now)
        })
        .await
    }

    /// Waits until `look` finds something.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
    }

    /// The next event that arrives.
    pub(crate) async fn event(&mut self) -> Event {
        let event = timeout(PATIENCE, self.receiver.next()).await.expect("waited in vain for an event").unwrap();
        Event::new(event)
    }

    /// Waits until the bridge serves this subscription's windows: its DateTimeStart ticks.
    pub(crate) async fn ticking(&self, num: i64) {
        let before = self.date_time_start(num).await;
        self.date_time_start_after(num, &before).await;
    }

    /// Starts a bridge in this process.
    pub(crate) fn bridge(&self) -> Running {
        self.bridge_with(|_| {})
    }

    /// Starts a bridge in this process, with what no configuration file can say.
    pub(crate) fn bridge_with(&self, change: impl FnOnce(&mut Config)) -> Running {
        let mut config = Config::from_toml(&self.toml()).unwrap();
        change(&mut config);
        let stop = CancellationToken::new();
        let task = tokio::spawn(Bridge::new(config).run(stop.clone()));
        Running { stop, task }
    }

    /// Starts a bridge as a process of its own, which can be killed.
    pub(crate) fn process(&self) -> Process {
        self.process_by(Command::new(env!("CARGO_BIN_EXE_opendental-cdc")))
    }

    /// The same, one that dies at a failpoint (see `src/failpoint.rs`).
    #[cfg(debug_assertions)]
    pub(crate) fn process_dying_at(&self, failpoint: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        command.env("CDC_TEST_DIE_AT", failpoint);
        self.process_by(command)
    }

    /// Starts a bridge by a command to which its arguments are added.
    pub(crate) fn process_by(&self, command: Command) -> Process {
        self.process_of(command, "opendental-cdc.toml", &self.toml())
    }

    /// Starts the bridge of another machine: its workstation and its state file are its own.
    pub(crate) fn process_on(&self, workstation: &str) -> Process {
        let toml = self.toml().replace("\"CDC-TEST\"", &format!("\"{workstation}\""));
        let toml = toml.replace("state.db", &format!("{workstation}.db"));
        let command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        self.process_of(command, &format!("{workstation}.toml"), &toml)
    }

    fn process_of(&self, mut command: Command, name: &str, toml: &str) -> Process {
        let file = self.folder.path().join(name);
        std::fs::write(&file, toml).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let child = command
            .args(["run", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Process(child)
    }

    /// The state file.
    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state.db")
    }

    /// How often a line with this text is in the log of the bridges started by [`Office::process`].
    pub(crate) fn told(&self, text: &str) -> usize {
        std::fs::read_to_string(self.log()).unwrap().lines().filter(|line| line.contains(text)).count()
    }

    /// Removes what is known of layouts from the state file, as in a file from before they were kept.
    pub(crate) async fn forget_layouts(&self) {
        let mut state = State::open(&self.state()).await.unwrap();
        let changes = Changes { forget_layouts: Some(ForgetLayouts::All), ..Changes::default() };
        state.commit(&changes).await.unwrap();
        state.close().await.unwrap();
    }

    /// What bridges started by [`Office::process`] wrote.
    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("bridge.log")
    }
}

/// An INSERT of a subscription.
pub(crate) fn subscription_row(num: i64, url: &str, watch_table: &str, polling_seconds: i64, start: &str) -> String {
    format!(
        "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
         PollingSeconds, UiEventType, DateTimeStart, Note) \
         VALUES ({num}, '{url}', '', 'key{num}', '{watch_table}', {polling_seconds}, '', {start}, '')"
    )
}

/// A bridge in this process.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), BridgeError>>,
}

impl Running {
    /// Stops it gracefully.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("the bridge does not stop").unwrap().unwrap();
    }

    /// Waits until it stops by itself, with an error.
    pub(crate) async fn error(self) -> BridgeError {
        timeout(PATIENCE, self.task).await.expect("the bridge goes on").unwrap().unwrap_err()
    }
}

/// A bridge in a process of its own; dropping it kills it.
pub(crate) struct Process(Child);

impl Process {
    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended by itself.
    #[cfg(debug_assertions)]
    pub(crate) async fn ended(&mut self) {
        let waiting = async {
            while self.0.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("the process goes on");
    }

    /// Its exit code, once it has ended.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().and_then(|status| status.code())
    }

    /// The most memory that it had at once, in megabytes; `None` where the system does not tell.
    pub(crate) fn peak_megabytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
    }

    /// SIGTERM; returns the exit code.
    #[cfg(unix)]
    pub(crate) fn terminate(mut self) -> Option<i32> {
        Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a subscriber received.
pub(crate) struct Event {
    pub(crate) received: ReceivedEvent,
    pub(crate) elements: Vec<Value>,
}

impl Event {
    pub(crate) fn new(received: ReceivedEvent) -> Self {
        let elements = serde_json::from_slice(&received.body).unwrap();
        Self { received, elements }
    }

    /// The event's `webhook-id`.
    pub(crate) fn id(&self) -> String {
        self.received.header("webhook-id").to_owned()
    }

    /// The subscription that it was sent for: its path is `/{num}/`.
    pub(crate) fn subscription(&self) -> i64 {
        self.received.path.trim_matches('/').parse().unwrap()
    }

    /// One field of every element, as text.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.elements.iter().map(|element| text(&element[name])).collect()
    }
}
