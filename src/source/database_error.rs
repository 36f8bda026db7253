//! What can go wrong with an SQL statement.

use sqlx::mysql::MySqlDatabaseError;

use super::login_error;

/// An error of the SQL side. Its text says what, where and what to do.
///
/// A server's message may quote a value or the statement, so it is only taken over for errors whose message is known
/// to hold nothing but names of accounts, tables and settings (rule D4); for others the number stands alone. The
/// numbers are those of the manuals' "Server Error Message Reference" and "MariaDB Error Codes".
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection could be made, or it broke, or the server went silent: try again later.
    #[error("no connection to {server} ({doing}): {reason}")]
    ConnectionLost {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// What the network, the server or the clock said.
        reason: String,
    },
    /// The server refused the account or one of its rights.
    #[error("{server} refuses {doing}: {reason}. What the account needs: {grant}")]
    AccessDenied {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// What the server said.
        reason: String,
        /// The statement for an administrator that mends it.
        grant: String,
    },
    /// A setting cannot be used as it is.
    #[error("{key}: {reason}")]
    Configuration {
        /// The configuration key.
        key: &'static str,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The server writes no binary log.
    #[error(
        "{server} writes no binary log: put `log_bin` and `binlog_format=ROW` into the [mysqld] section of its \
         configuration and restart it"
    )]
    NoBinlog {
        /// Host and port, or socket.
        server: String,
    },
    /// Another transaction holds a lock on the rows: try again later.
    #[error("{server}: another transaction holds a lock ({doing}); it is tried again")]
    Locked {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
    },
    /// The server cannot do it at present, for want of room or since a table is being altered: try again later.
    #[error("{server} cannot answer {doing} at present (error {number}); it is tried again")]
    Passing {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// The server's error number.
        number: u16,
    },
    /// The server takes no writes: a replica, or an administrator made it read-only.
    #[error("{server} is read-only: `mysql.url` must name the primary server, where DateTimeStart can be written")]
    ReadOnly {
        /// Host and port, or socket.
        server: String,
    },
    /// A table or column that is asked for does not exist.
    #[error("{server}: {reason} ({doing})")]
    Missing {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// Which.
        reason: String,
    },
    /// Any other error of the server.
    #[error("{server} answered error {number} (SQLSTATE {state}) to {doing}")]
    Server {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// The server's error number.
        number: u16,
        /// Its SQLSTATE.
        state: String,
    },
    /// The server answered something that this program does not understand.
    #[error("{server} answered {doing} unexpectedly: {reason}")]
    Answer {
        /// Host and port, or socket.
        server: String,
        /// What we were doing.
        doing: &'static str,
        /// What is wrong with the answer; no values.
        reason: String,
    },
}

impl DatabaseError {
    /// Whether the connection is gone, so that a new one may mend it.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. })
    }

    /// Whether waiting may mend it, without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. } | Self::Locked { .. } | Self::Passing { .. })
    }

    /// What `error`, met while `doing`, means.
    pub(super) fn of(error: &sqlx::Error, server: &str, doing: &'static str) -> Self {
        let server = server.to_owned();
        let lost = |reason: String| Self::ConnectionLost { server: server.clone(), doing, reason };
        match error {
            sqlx::Error::Tls(error) => match error.downcast_ref() {
                Some(error) => Self::encryption(&login_error::tls(error)),
                // `server does not support TLS`, or a file of `mysql.tls_ca`.
                None => Self::encryption(&format!(
                    "{error}. `mysql.tls_ca` names the authorities to trust; `preferred` does without encryption where \
                     there is none"
                )),
            },
            sqlx::Error::Io(error) => match tls_failure(error) {
                Some(error) => Self::encryption(&login_error::tls(error)),
                None => lost(error.to_string()),
            },
            sqlx::Error::Configuration(error) => {
                Self::Configuration { key: "mysql.url", reason: format!("cannot be used: {error}") }
            }
            sqlx::Error::Protocol(text) => match text.split_once("unknown authentication plugin: ") {
                Some((_, plugin)) => Self::unknown_plugin(plugin),
                None => lost(format!("protocol: {text}")),
            },
            sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => Self::of_server(error, server, doing),
                None => Self::Answer { server, doing, reason: "an error of an unknown kind".to_owned() },
            },
            sqlx::Error::ColumnNotFound(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } => {
                Self::Answer { server, doing, reason: "a column is missing".to_owned() }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Answer { server, doing, reason: "a value cannot be read".to_owned() }
            }
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed | sqlx::Error::PoolTimedOut => {
                lost("the connection is closed".to_owned())
            }
            _ => Self::Answer { server, doing, reason: "an error of an unknown kind".to_owned() },
        }
    }

    fn of_server(error: &MySqlDatabaseError, server: String, doing: &'static str) -> Self {
        let said = || error.message().to_owned();
        let denied = |server, reason: String| {
            let grant = grant_for(doing, &reason);
            Self::AccessDenied { server, doing, reason, grant }
        };
        match error.number() {
            // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED, ER_SERVER_SHUTDOWN,
            // ER_NEW_ABORTING_CONNECTION, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED, ER_CLIENT_INTERACTION_TIMEOUT,
            // ER_HOST_IS_BLOCKED.
            1040 | 1053 | 1129 | 1184 | 1203 | 1226 | 1317 | 1927 | 3169 | 4031 => {
                Self::ConnectionLost { server, doing, reason: said() }
            }
            // ER_ACCESS_DENIED_ERROR and its like, ER_HOST_NOT_PRIVILEGED, ER_MUST_CHANGE_PASSWORD(_LOGIN),
            // ER_ACCOUNT_HAS_BEEN_LOCKED.
            1045 | 1130 | 1698 | 1820 | 1862 | 3118 | 4151 => Self::AccessDenied {
                server,
                doing,
                reason: said(),
                grant: "the user name and password of `mysql.url`, and CREATE USER for the host that it connects from"
                    .to_owned(),
            },
            // ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
            // ER_SPECIFIC_ACCESS_DENIED_ERROR.
            1044 | 1142 | 1143 | 1227 => denied(server, said()),
            // ER_UNSUPPORTED_AUTH_PLUGIN of some servers.
            1251 => Self::unknown_plugin("mysql_old_password"),
            // ER_NO_BINARY_LOGGING.
            1381 => Self::NoBinlog { server },
            // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_STATEMENT_TIMEOUT.
            1205 | 1213 | 1969 => Self::Locked { server, doing },
            // ER_CHECKREAD, ER_DISK_FULL, ER_OUTOFMEMORY, ER_OUT_OF_RESOURCES, ER_RECORD_FILE_FULL, ER_CANT_CREATE_THREAD,
            // ER_TABLE_DEF_CHANGED.
            number @ (1020 | 1021 | 1037 | 1041 | 1114 | 1135 | 1412) => Self::Passing { server, doing, number },
            // ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE.
            1290 | 1792 | 1836 => Self::ReadOnly { server },
            // ER_BAD_DB_ERROR, ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE.
            1049 | 1054 | 1146 => Self::Missing { server, doing, reason: said() },
            number => Self::Server { server, doing, number, state: error.code().unwrap_or("?????").to_owned() },
        }
    }

    fn encryption(reason: &str) -> Self {
        Self::Configuration { key: "mysql.tls", reason: format!("no encrypted connection can be made: {reason}") }
    }

    fn unknown_plugin(plugin: &str) -> Self {
        // Behind its name, sqlx tells a place in its own source.
        let name = plugin.split(' ').next().unwrap_or_default();
        Self::Configuration { key: "mysql.url", reason: login_error::plugin(name) }
    }

    /// Whether the server did not understand the statement at all (ER_PARSE_ERROR): another dialect.
    pub(super) fn is_syntax(&self) -> bool {
        matches!(self, Self::Server { number: 1064, .. })
    }

    /// Whether the server does not know the variable or function that was named (ER_UNKNOWN_SYSTEM_VARIABLE,
    /// ER_SP_DOES_NOT_EXIST).
    pub(super) fn is_unknown_name(&self) -> bool {
        matches!(self, Self::Server { number: 1193 | 1305, .. })
    }
}

/// Whether connecting failed for want of encryption that both sides understand and trust.
pub(super) fn is_encryption_failure(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => tls_failure(error).is_some(),
        _ => false,
    }
}

/// The failed handshake behind an error of the stream.
fn tls_failure(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn on_subscriptions(right: &str) -> String {
    format!("GRANT {right} ON `<database>`.`apisubscription` TO the account")
}

/// What `doing` needs.
fn grant_for(doing: &'static str, said: &str) -> String {
    match doing {
        super::barrier::READING_POSITION => "GRANT REPLICATION CLIENT ON *.* TO the account".to_owned(),
        super::write_back::WRITING_BACK
        | super::failure_columns::WRITING_FAILURES
        | super::subscription_rows::CHANGING => on_subscriptions("UPDATE"),
        super::subscription_rows::ADDING => on_subscriptions("INSERT"),
        super::subscription_rows::REMOVING => on_subscriptions("DELETE"),
        _ if said.contains("LOCK") => {
            "GRANT LOCK TABLES ON `<database>`.* TO the account (MySQL 8.0.1 to 8.0.21 ask for it)".to_owned()
        }
        _ => "GRANT SELECT ON `<database>`.* TO the account".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authentication_plugin_that_we_lack_is_named_with_a_way_out() {
        let error = sqlx::Error::Protocol("unknown authentication plugin: client_ed25519".to_owned());
        let error = DatabaseError::of(&error, "host:3306", "connecting").to_string();
        assert!(error.starts_with("mysql.url: ") && error.contains("client_ed25519"), "{error}");
        assert!(error.contains("IDENTIFIED VIA mysql_native_password"), "{error}");
    }
}
