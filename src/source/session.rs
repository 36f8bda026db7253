//! One SQL connection and what is known of the server at its other end.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlRow, MySqlSslMode},
};

use super::{
    barrier::READING_POSITION,
    database_error::{DatabaseError, is_encryption_failure},
    identity::Identity,
    text_row::{self, TextRow},
};
use crate::config::{MysqlConfig, MysqlEndpoint, TlsMode};

/// How long connecting and logging in may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may be silent while it answers. Longer than [`LOCK_WAIT_SECONDS`].
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server may be silent before the first row of a scan: it may wait for a writer of a MyISAM table.
pub(super) const SCAN_TIMEOUT: Duration = Duration::from_secs(600);

/// So many bytes of an answer that nobody needs are taken off a connection before it is given up, about.
const IN_VAIN: usize = 8 << 20;

/// Beyond so many bytes of an answer the memory in which a connection received it is given back.
const LARGE: usize = 1 << 20;

/// How long a row that is read with a share lock waits for the transaction that holds it.
const LOCK_WAIT_SECONDS: u32 = 10;

/// How sessions are made.
#[derive(Clone)]
pub(super) struct SessionOptions {
    options: MySqlConnectOptions,
    /// Whether a failed TLS handshake is followed by an attempt without TLS.
    plain_allowed: bool,
    /// For messages.
    pub(super) server: Arc<str>,
    /// The practice's database.
    pub(super) database: Arc<str>,
    /// Whether sessions must be able to tell the log's position.
    log: bool,
}

impl SessionOptions {
    pub(super) fn new(config: &MysqlConfig) -> Result<Self, DatabaseError> {
        let address = config.address().map_err(|error| DatabaseError::Configuration {
            key: "mysql.url",
            reason: format!("{error}; expected is mysql://user:password@host:3306/database"),
        })?;
        // The session stays as the server sets it up: NOW() and TIMESTAMPs must come out as the practice sees them,
        // so sqlx may touch neither time_zone nor sql_mode. Statements hold values: none is logged (rule D4).
        let mut options = MySqlConnectOptions::new()
            .username(&address.user)
            .database(&address.database)
            .timezone(None)
            .no_engine_substitution(false)
            .pipes_as_concat(false)
            .charset("utf8mb4")
            .statement_cache_capacity(0)
            .disable_statement_logging()
            .ssl_mode(match config.tls {
                TlsMode::Disabled => MySqlSslMode::Disabled,
                TlsMode::Preferred => MySqlSslMode::Preferred,
                TlsMode::Required => MySqlSslMode::Required,
                TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
                TlsMode::VerifyIdentity => MySqlSslMode::VerifyIdentity,
            });
        options = match &address.endpoint {
            MysqlEndpoint::Tcp { host, port } => options.host(host).port(*port),
            MysqlEndpoint::Socket(path) => options.socket(path),
        };
        // An empty password is no password: a client sends nothing for it.
        let password = address.password.expose_secret();
        if !password.is_empty() {
            options = options.password(password);
        }
        if !config.tls_ca.as_os_str().is_empty() {
            options = options.ssl_ca(&config.tls_ca);
        }
        Ok(Self {
            options,
            plain_allowed: config.tls == TlsMode::Preferred,
            server: address.endpoint.to_string().into(),
            database: address.database.into(),
            log: true,
        })
    }

    /// Sessions for which the server need not have a log, nor the account a right to it.
    pub(super) fn without_log(self) -> Self {
        Self { log: false, ..self }
    }

    /// Connects, logs in and learns what kind of server it is.
    pub(super) async fn connect(&self) -> Result<Session, DatabaseError> {
        const DOING: &str = "connecting";
        let connecting = async {
            match self.options.connect().await {
                // `preferred` means: encrypted if it can be done. Servers of old releases speak only TLS versions
                // that rustls has left behind.
                Err(error) if self.plain_allowed && is_encryption_failure(&error) => {
                    self.options.clone().ssl_mode(MySqlSslMode::Disabled).connect().await
                }
                result => result,
            }
        };
        let connection = within(CONNECT_TIMEOUT, &self.server, DOING, connecting).await?;
        let (server, facts) = (self.server.clone(), Facts::default());
        let mut session = Session { connection, server, facts, patience: ANSWER_TIMEOUT, is_spent: false };
        within(CONNECT_TIMEOUT, &self.server, DOING, async { Ok(session.prepare(self.log).await) }).await??;
        Ok(session)
    }
}

/// What is known of the server at the other end of a session.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// MariaDB, and not MySQL.
    pub(super) mariadb: bool,
    /// Major, minor and patch of its version.
    pub(super) version: (u16, u16, u16),
    /// Which server and log it is.
    pub(super) identity: Option<Identity>,
    /// The statement that tells the log's position; empty if the server understands none that we know.
    pub(super) position_statement: &'static str,
}

impl Default for Facts {
    fn default() -> Self {
        Self { mariadb: false, version: (0, 0, 0), identity: None, position_statement: "SHOW MASTER STATUS" }
    }
}

impl Facts {
    /// Digits of a second that the server's clock functions take: none before MySQL 5.6.4 and MariaDB 5.3.
    pub(super) fn clock_digits(&self) -> &'static str {
        if self.version >= (5, 6, 4) || self.mariadb { "6" } else { "" }
    }
}

/// One SQL connection. It is dropped, not used again, after an error or when a call is given up in the middle.
pub(super) struct Session {
    connection: MySqlConnection,
    server: Arc<str>,
    pub(super) facts: Facts,
    /// How long the server may be silent while it answers: [`ANSWER_TIMEOUT`], or [`SCAN_TIMEOUT`].
    pub(super) patience: Duration,
    /// The rest of an answer was left on it: it cannot be used again.
    pub(super) is_spent: bool,
}

impl Session {
    /// Sets what we rely on and finds out what the server is.
    async fn prepare(&mut self, log: bool) -> Result<(), DatabaseError> {
        const DOING: &str = "questions about itself";
        self.execute("SET SESSION autocommit = 1, net_write_timeout = 600", DOING).await?;
        let lock_wait = format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}");
        match self.execute(&lock_wait, DOING).await {
            // A server may run without InnoDB.
            Err(error) if error.is_unknown_name() => {}
            result => drop(result?),
        }
        let version = self.rows("SELECT VERSION()", DOING).await?;
        let version = version.first().and_then(|row| row.text_at(0)).unwrap_or_default();
        self.facts.mariadb = version.contains("MariaDB");
        self.facts.version = version_number(version);
        let variables = self.rows(Identity::QUERY, DOING).await?;
        self.facts.identity =
            Identity::from_variables(variables.iter().filter_map(|row| Some((row.text_at(0)?, row.text_at(1)?))));
        if log && let Err(error) = self.execute(self.facts.position_statement, READING_POSITION).await {
            if !error.is_syntax() {
                return Err(error);
            }
            // MySQL 8.4 knows only the newer form, MariaDB 10 only the older.
            self.facts.position_statement = "SHOW BINARY LOG STATUS";
            self.execute(self.facts.position_statement, READING_POSITION).await?;
        }
        Ok(())
    }

    /// Sends `sql`, which may be several statements, and collects the rows of each.
    pub(super) async fn results(&mut self, sql: &str, doing: &'static str) -> Result<Vec<Answer>, DatabaseError> {
        self.results_within(sql, doing, usize::MAX).await
    }

    /// As [`Session::results`], without what comes behind the row with which they go beyond `most` bytes.
    pub(super) async fn results_within(
        &mut self,
        sql: &str,
        doing: &'static str,
        most: usize,
    ) -> Result<Vec<Answer>, DatabaseError> {
        let mut answers = Vec::new();
        let (mut rows, mut columns) = (Vec::new(), None);
        let (mut bytes, mut in_vain, mut full) = (0_usize, 0_usize, false);
        let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.connection);
        while let Some(item) = within(self.patience, &self.server, doing, stream.try_next()).await? {
            match item {
                // The rest must be taken off the connection all the same, unless a new one costs less.
                Either::Left(_) if full => {}
                Either::Right(row) if full => {
                    in_vain = in_vain.saturating_add(text_row::size(&row));
                    self.is_spent = in_vain > IN_VAIN;
                    if self.is_spent {
                        break;
                    }
                }
                Either::Left(done) => {
                    answers.push(Answer { rows: std::mem::take(&mut rows), affected: done.rows_affected() });
                    columns = None;
                }
                Either::Right(row) => {
                    let row = TextRow::take(&row, &mut columns);
                    let row = row.map_err(|error| DatabaseError::of(&error, &self.server, doing))?;
                    bytes = bytes.saturating_add(row.bytes());
                    rows.push(row);
                    full = bytes > most;
                    if full {
                        answers.push(Answer { rows: std::mem::take(&mut rows), affected: 0 });
                    }
                }
            }
        }
        drop(stream);
        if bytes > LARGE {
            // The connection stays open, and need not keep so much memory.
            self.connection.shrink_buffers();
        }
        Ok(answers)
    }

    /// Sends one statement and collects its rows.
    pub(super) async fn rows(&mut self, sql: &str, doing: &'static str) -> Result<Vec<TextRow>, DatabaseError> {
        Ok(self.results(sql, doing).await?.into_iter().next().map(|answer| answer.rows).unwrap_or_default())
    }

    /// Sends statements whose rows nobody needs.
    pub(super) async fn execute(&mut self, sql: &str, doing: &'static str) -> Result<(), DatabaseError> {
        self.results(sql, doing).await.map(drop)
    }

    /// Sends one statement and hands each row to `take` as it comes.
    pub(super) async fn each_row(
        &mut self,
        sql: &str,
        doing: &'static str,
        mut take: impl FnMut(&MySqlRow) -> Result<(), sqlx::Error>,
    ) -> Result<(), DatabaseError> {
        let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch(&mut self.connection);
        while let Some(row) = within(SCAN_TIMEOUT, &self.server, doing, stream.try_next()).await? {
            take(&row).map_err(|error| DatabaseError::of(&error, &self.server, doing))?;
        }
        Ok(())
    }

    /// Says goodbye, so that the server does not count an aborted connection.
    pub(super) async fn close(self) {
        // Nothing depends on how this ends.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connection.close()).await;
    }

    /// An answer that cannot be.
    pub(super) fn unexpected(&self, doing: &'static str, reason: &str) -> DatabaseError {
        DatabaseError::Answer { server: self.server.to_string(), doing, reason: reason.to_owned() }
    }
}

/// What one statement answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its rows.
    pub(super) rows: Vec<TextRow>,
    /// How many rows an UPDATE found (changed or not).
    pub(super) affected: u64,
}

/// Waits for `answer`, but not for ever: a server that vanished says nothing.
async fn within<T>(
    limit: Duration,
    server: &str,
    doing: &'static str,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(result) => result.map_err(|error| DatabaseError::of(&error, server, doing)),
        Err(_) => Err(DatabaseError::ConnectionLost {
            server: server.to_owned(),
            doing,
            reason: format!("no answer for {} seconds", limit.as_secs()),
        }),
    }
}

/// The three numbers at the start of a version text.
pub(super) fn version_number(version: &str) -> (u16, u16, u16) {
    // Some MariaDB releases put `5.5.5-` before their version, for the sake of old replicas.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(|part| part.parse().ok());
    let mut next = || numbers.next().flatten().unwrap_or(0);
    (next(), next(), next())
}
