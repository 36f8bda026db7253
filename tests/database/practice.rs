//! A private server with Open Dental's tables and the account that the documentation asks for.

use std::path::PathBuf;

use opendental_cdc::{
    config::{BinlogClient, MysqlConfig, TlsMode},
    opendental::schema::{self, Engine},
    sandbox::{Options, Release, Server},
    source::Database,
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

/// The documented grants, and nothing else.
pub(crate) const GRANTS: &str = "\
    CREATE USER cdc@'127.0.0.1' IDENTIFIED BY 's3cret';\
    GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO cdc@'127.0.0.1';\
    GRANT SELECT ON opendental.* TO cdc@'127.0.0.1';\
    GRANT UPDATE ON opendental.apisubscription TO cdc@'127.0.0.1'";

/// Which server, and which engine its tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MariaDbMyIsam,
    MariaDbInnoDb,
    MariaDb11,
    MySqlGtid,
    MySqlMyIsam,
    MySqlNoGtid,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::MariaDbMyIsam,
        Self::MariaDbInnoDb,
        Self::MariaDb11,
        Self::MySqlGtid,
        Self::MySqlMyIsam,
        Self::MySqlNoGtid,
    ];

    /// All that this machine has; MySQL and MariaDB 11 come with `scripts/fetch-servers`.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.release().is_available())
    }

    fn release(self) -> Release {
        match self {
            Self::MariaDbMyIsam | Self::MariaDbInnoDb => Release::MariaDb10_11,
            Self::MariaDb11 => Release::MariaDb11_8,
            Self::MySqlGtid | Self::MySqlMyIsam | Self::MySqlNoGtid => Release::MySql9_7,
        }
    }

    pub(crate) fn is_mysql(self) -> bool {
        matches!(self, Self::MySqlGtid | Self::MySqlMyIsam | Self::MySqlNoGtid)
    }

    pub(crate) fn engine(self) -> Engine {
        match self {
            Self::MariaDbMyIsam | Self::MySqlMyIsam => Engine::MyIsam,
            _ => Engine::InnoDb,
        }
    }

    pub(crate) async fn start(self, options: Options) -> Server {
        // Open Dental asks for an empty sql_mode.
        let options = options.engine(self.engine().name()).arg("--sql-mode=");
        let options = match self {
            Self::MySqlGtid | Self::MySqlMyIsam => options.gtid(),
            Self::MySqlNoGtid => options.arg("--gtid-mode=OFF").arg("--enforce-gtid-consistency=OFF"),
            _ => options,
        };
        self.release().start(options).await.unwrap()
    }
}

/// The servers that tests share, one after the other: starting one takes longer than most tests.
static SHARED: [Mutex<Option<Server>>; 6] = [const { Mutex::const_new(None) }; 6];

/// Takes away what earlier tests left behind, and begins a new log file.
const RESET: &str = "\
    DROP DATABASE IF EXISTS opendental; CREATE DATABASE opendental;\
    DROP USER IF EXISTS cdc@'127.0.0.1', poor@'127.0.0.1', local@localhost;\
    SET GLOBAL sql_mode = ''; SET GLOBAL general_log = 0; FLUSH BINARY LOGS";

/// A server with the practice's database on it, and our view of it.
pub(crate) struct Practice {
    pub(crate) kind: Kind,
    pub(crate) server: MappedMutexGuard<'static, Server>,
    pub(crate) database: Database,
}

impl Practice {
    /// On a shared server, which is ours until the value is dropped. Its clock is New York's.
    pub(crate) async fn new(kind: Kind) -> Self {
        let mut server = SHARED[kind as usize].lock().await;
        if !server.as_mut().is_some_and(Server::is_running) {
            *server = Some(kind.start(Options::default().zone("America/New_York")).await);
        }
        let server = MutexGuard::map(server, |server| server.as_mut().unwrap());
        server.exec("SET GLOBAL read_only = 0").await.unwrap();
        server.exec(RESET).await.unwrap();
        if kind.is_mysql() {
            server.exec("SET GLOBAL binlog_group_commit_sync_delay = 0").await.unwrap();
        }
        let database = furnish(kind, &server).await;
        Self { kind, server, database }
    }

    /// What root reads in the first column of the first row.
    pub(crate) async fn value(&self, sql: &str) -> String {
        self.server.value(sql).await.unwrap().unwrap()
    }

    pub(crate) async fn exec(&self, sql: &str) {
        self.server.exec(sql).await.unwrap();
    }

    /// The statement that tells the log's position.
    pub(crate) fn status(&self) -> &'static str {
        if self.kind.is_mysql() { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" }
    }
}

/// Makes some of Open Dental's tables and the documented account, and connects with it.
pub(crate) async fn furnish(kind: Kind, server: &Server) -> Database {
    let needed = ["`apisubscription`", "`clinic`", "`patient`", "`site`"].map(|table| format!("CREATE TABLE {table} "));
    let is_needed = |sql: &String| needed.iter().any(|start| sql.starts_with(start));
    let tables: Vec<String> = schema::statements(kind.engine()).filter(is_needed).collect();
    server.exec(&format!("{}; {GRANTS}", tables.join("; "))).await.unwrap();
    Database::connect(&config(&server.url_for("cdc", "s3cret", "opendental"))).await.unwrap()
}

pub(crate) fn config(url: &str) -> MysqlConfig {
    MysqlConfig {
        url: url.into(),
        tls: TlsMode::Preferred,
        tls_ca: PathBuf::new(),
        server_id: 0,
        time_zone: "auto".to_owned(),
        client: BinlogClient::MysqlAsync,
        heartbeat_seconds: 10,
    }
}
