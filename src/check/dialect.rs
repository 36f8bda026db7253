//! What settings and rights are called, and where they are written, on the server at hand.

use super::Mend;
use crate::source::ServerFacts;

/// As an SQL name.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// As an SQL literal. What a backslash means depends on `sql_mode`, so a text with one is written in hexadecimal.
pub(super) fn literal(text: &str) -> String {
    match text.contains('\\') {
        true => format!("_utf8 X'{}'", hex::encode_upper(text)),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

impl ServerFacts {
    /// Such as `MariaDB 10.11.14`.
    pub(super) fn release(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{} {major}.{minor}.{patch}", if self.mariadb { "MariaDB" } else { "MySQL" })
    }

    /// A line for the server's configuration.
    pub(super) fn setting(&self, line: impl Into<String>) -> Mend {
        let windows = self.variable(&["version_compile_os"]).is_some_and(|system| system.starts_with("Win"));
        Mend::Setting { file: if windows { "my.ini" } else { "my.cnf" }, line: line.into() }
    }

    /// Sets a variable of the running server.
    pub(super) fn set(&self, name: &str, value: &str) -> Mend {
        Mend::Sql(format!("SET GLOBAL {name} = {value};"))
    }

    /// Gives our account a right.
    pub(super) fn grant(&self, right: &str, on: &str) -> Mend {
        Mend::Sql(format!("GRANT {right} ON {on} TO {};", self.account))
    }

    /// The right to ask for the log's position (MariaDB manual, "GRANT": renamed in 10.5.2).
    pub(super) fn position_right(&self) -> &'static str {
        if self.mariadb && self.version >= (10, 5, 2) { "BINLOG MONITOR" } else { "REPLICATION CLIENT" }
    }

    /// The right to see what the server replicates (MariaDB manual, "GRANT": a right of its own since 10.5.9).
    pub(super) fn replication_right(&self) -> &'static str {
        match self.mariadb {
            true if self.version >= (10, 5, 9) => "SLAVE MONITOR",
            true if self.version >= (10, 5, 2) => "REPLICATION SLAVE ADMIN",
            _ => "REPLICATION CLIENT",
        }
    }

    /// The right to see who replicates from the server (MariaDB manual, "GRANT": changed in 10.5.2).
    pub(super) fn replicas_right(&self) -> &'static str {
        if self.mariadb && self.version >= (10, 5, 2) { "REPLICATION MASTER ADMIN" } else { "REPLICATION SLAVE" }
    }

    /// The variable by which replicated changes are logged; MySQL renamed it in 8.0.26.
    pub(super) fn log_replica_updates(&self) -> &'static str {
        if self.variable(&["log_replica_updates"]).is_some() { "log_replica_updates" } else { "log_slave_updates" }
    }

    /// The variable that tells how long the log is kept, and its value for so many days: seconds since MySQL 8.0.1 and
    /// MariaDB 10.6.1, days before.
    pub(super) fn keep_log(&self, days: u32) -> (&'static str, String) {
        match self.variable(&["binlog_expire_logs_seconds"]) {
            Some(_) => ("binlog_expire_logs_seconds", (days * 86_400).to_string()),
            None => ("expire_logs_days", days.to_string()),
        }
    }
}
