//! Private, throw-away database servers on 127.0.0.1, for `opendental-cdc demo` and for the tests.
//!
//! ```no_run
//! # async fn example() -> Result<(), opendental_cdc::sandbox::SandboxError> {
//! use opendental_cdc::sandbox::{Options, Release};
//! let server = Release::MariaDb10_11.start(Options::default().engine("MyISAM")).await?;
//! server.exec("CREATE TABLE opendental.t (id INT PRIMARY KEY)").await?;
//! # Ok(()) }
//! ```
//!
//! A server lives in a temporary folder of its own, listens on a free port and a Unix socket, writes a row binlog,
//! and lets `root` in without a password. It is killed and its folder removed when its [`Server`] is dropped, and it is
//! killed too when the process that started it dies in any way: see [`process`](self). Folders that such a death left
//! behind are removed by the next start.

mod error;
mod folder;
mod mariadb;
mod mysql;
mod process;
pub mod receiver;
mod release;
mod server;

pub use error::SandboxError;
pub use mariadb::MariaDb;
pub use mysql::MySql;
pub use release::Release;
pub use server::Server;

/// How a private server is to be started; what is not set is as the server's own defaults have it.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) database: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Default for Options {
    /// An empty database `opendental`, binlog in row format with full images, server id 1.
    fn default() -> Self {
        Self { database: "opendental".to_owned(), arguments: Vec::new(), environment: Vec::new() }
    }
}

impl Options {
    /// The name of the database that is made at the first start (default `opendental`).
    pub fn database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.database);
        self
    }

    /// Adds an argument for the server, such as `--binlog-row-metadata=FULL`; it wins over those given by default.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The storage engine of tables that name none: `MyISAM`, `InnoDB`, `Aria`.
    pub fn engine(self, engine: &str) -> Self {
        self.arg(format!("--default-storage-engine={engine}"))
    }

    /// The time zone of the server's machine, as an IANA name; `@@time_zone` stays `SYSTEM`, as in practices.
    pub fn zone(self, name: &str) -> Self {
        self.environment("TZ", name)
    }

    /// Adds a variable to the server's environment.
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// MySQL only: reads and writes by GTID (`gtid_mode=ON`). MariaDB always writes GTIDs.
    pub fn gtid(self) -> Self {
        self.arg("--gtid-mode=ON").arg("--enforce-gtid-consistency=ON")
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests;
