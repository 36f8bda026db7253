//! The servers that can be had, and one way to start each.

use std::fmt;
use std::path::PathBuf;

use super::folder::cache;
use super::{Options, SandboxError, Server, mariadb, mysql};

/// A release of a database server that private servers are started of: this machine's own MariaDB, and those that
/// `scripts/fetch-servers` puts into the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// MariaDB 10.5.
    MariaDb10_5,
    /// The MariaDB that is installed on this machine: 10.11 on Debian 12.
    MariaDb10_11,
    /// MariaDB 11.8.
    MariaDb11_8,
    /// MySQL 5.6.
    MySql5_6,
    /// MySQL 9.7.
    MySql9_7,
}

impl Release {
    /// All of them, the oldest of each kind first.
    pub const ALL: [Self; 5] =
        [Self::MariaDb10_5, Self::MariaDb10_11, Self::MariaDb11_8, Self::MySql5_6, Self::MySql9_7];

    /// As its makers call it, such as `MariaDB 11.8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb10_5 => "MariaDB 10.5",
            Self::MariaDb10_11 => "MariaDB 10.11",
            Self::MariaDb11_8 => "MariaDB 11.8",
            Self::MySql5_6 => "MySQL 5.6",
            Self::MySql9_7 => "MySQL 9.7",
        }
    }

    /// True for MariaDB, false for MySQL.
    pub fn is_mariadb(self) -> bool {
        matches!(self, Self::MariaDb10_5 | Self::MariaDb10_11 | Self::MariaDb11_8)
    }

    /// True when it can be started here. A test that cannot have its server says so and ends.
    pub fn is_available(self) -> bool {
        self.program().is_some()
    }

    /// Starts a server: in about a second the first time, half of that afterwards.
    ///
    /// # Errors
    /// When it is not there, or does not start; the message has the end of its log.
    pub async fn start(self, options: Options) -> Result<Server, SandboxError> {
        let program = self.program().ok_or_else(|| self.missing())?;
        let Some(name) = self.folder() else { return mariadb::start_installed(program, options).await };
        let template = format!("{name}-data");
        match self {
            Self::MySql5_6 => mysql::start_ready_made(program, options).await,
            _ if self.is_mariadb() => mariadb::start_fetched(program, &template, options).await,
            _ => mysql::start(program, &template, options).await,
        }
    }

    /// What is run: the server itself, or the script through which a fetched one is started.
    fn program(self) -> Option<PathBuf> {
        let Some(folder) = self.folder() else { return mariadb::installed() };
        let name = if self.is_mariadb() { "mariadbd" } else { "mysqld" };
        cache().map(|cache| cache.join(folder).join(name)).filter(|program| program.is_file())
    }

    /// Its folder in the cache, and its name for `scripts/fetch-servers`; none for the one that is installed.
    fn folder(self) -> Option<&'static str> {
        match self {
            Self::MariaDb10_5 => Some("mariadb-10.5"),
            Self::MariaDb10_11 => None,
            Self::MariaDb11_8 => Some("mariadb-11.8"),
            Self::MySql5_6 => Some("mysql-5.6"),
            Self::MySql9_7 => Some("mysql-9.7"),
        }
    }

    fn missing(self) -> SandboxError {
        let Some(folder) = self.folder() else { return mariadb::not_installed("mariadbd") };
        let looked = cache().map_or_else(|| "no cache".to_owned(), |cache| cache.display().to_string());
        SandboxError::Missing { program: self.name(), looked, hint: format!("run scripts/fetch-servers {folder}") }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
