//! What the demo plays on: a private server with a practice's tables, and a receiver.

use tempfile::TempDir;

use super::DemoError;
use crate::config::Config;
use crate::opendental::schema::{self, Engine};
use crate::sandbox::receiver::Receiver;
use crate::sandbox::{MariaDb, Options, Server};

/// The rows that are there before the story begins.
const PRACTICE: &str = include_str!("practice.sql");

/// What the bridge needs, and all it needs.
pub(super) const GRANTS: [&str; 4] = [
    "CREATE USER 'cdc'@'127.0.0.1' IDENTIFIED BY 'demo'",
    "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'cdc'@'127.0.0.1'",
    "GRANT SELECT ON opendental.* TO 'cdc'@'127.0.0.1'",
    "GRANT UPDATE ON opendental.apisubscription TO 'cdc'@'127.0.0.1'",
];

pub(super) const WORKSTATION: &str = "CDC-BRIDGE";

/// A practice's server, and somebody who wants its events. Dropping it removes everything.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) receiver: Receiver,
    state: TempDir,
}

impl Stage {
    /// A MariaDB as practices have it: MyISAM, `sql_mode=''`.
    pub(super) async fn server() -> Result<Server, DemoError> {
        Ok(MariaDb::start(Options::default().engine("MyISAM").arg("--sql-mode=")).await?)
    }

    /// The practice's tables, with a few rows in them; returns how many tables.
    pub(super) async fn fill(server: &Server) -> Result<usize, DemoError> {
        let tables: Vec<String> = schema::statements(Engine::MyIsam).collect();
        server.exec(&tables.join(";\n")).await?;
        server.exec(PRACTICE).await?;
        server.exec(&GRANTS.join(";\n")).await?;
        Ok(tables.len())
    }

    pub(super) async fn with_receiver(server: Server) -> Result<Self, DemoError> {
        let receiver = Receiver::bind(("127.0.0.1", 0)).await.map_err(DemoError::Receiver)?;
        let state = tempfile::tempdir().map_err(DemoError::State)?;
        Ok(Self { server, receiver, state })
    }

    /// The bridge's configuration, as a file would have it.
    pub(super) fn config(&self) -> Result<Config, DemoError> {
        let path = self.state.path().join("state.db");
        // A literal string: a path's backslashes stand for themselves.
        let text = format!(
            "workstation = \"{WORKSTATION}\"\n[mysql]\nurl = \"{}\"\ntls = \"disabled\"\n[state]\npath = '{}'\n[http]\nlisten = \"\"\n",
            self.server.url_for("cdc", "demo", "opendental"),
            path.display()
        );
        Ok(Config::from_toml(&text)?)
    }
}
