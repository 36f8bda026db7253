//! A private server with Open Dental's tables and the account that the documentation asks for.

use std::path::PathBuf;

use opendental_cdc::{
    config::{BinlogClient, MysqlConfig, TlsMode},
    opendental::schema::{self, Engine},
    sandbox::{MariaDb, MySql, Options, Server},
    source::Database,
};

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
    /// All that this machine has; MySQL and MariaDB 11 come with `scripts/fetch-servers`.
    pub(crate) fn all() -> Vec<Self> {
        let mut kinds = vec![Self::MariaDbMyIsam, Self::MariaDbInnoDb];
        if MariaDb::is_11_available() {
            kinds.push(Self::MariaDb11);
        }
        if MySql::is_available() {
            kinds.extend([Self::MySqlGtid, Self::MySqlMyIsam, Self::MySqlNoGtid]);
        }
        kinds
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
        let server = match self {
            Self::MariaDbMyIsam | Self::MariaDbInnoDb => MariaDb::start(options).await,
            Self::MariaDb11 => MariaDb::start_11(options).await,
            Self::MySqlGtid | Self::MySqlMyIsam => MySql::start(options.gtid()).await,
            Self::MySqlNoGtid => {
                MySql::start(options.arg("--gtid-mode=OFF").arg("--enforce-gtid-consistency=OFF")).await
            }
        };
        server.unwrap()
    }
}

/// A server with the practice's database on it, and our view of it.
pub(crate) struct Practice {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    pub(crate) database: Database,
}

impl Practice {
    pub(crate) async fn new(kind: Kind, options: Options) -> Self {
        let server = kind.start(options).await;
        let tables: Vec<String> = schema::statements(kind.engine()).collect();
        server.exec(&format!("{}; {GRANTS}", tables.join("; "))).await.unwrap();
        let database = Database::connect(&config(&server.url_for("cdc", "s3cret", "opendental"))).await.unwrap();
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
