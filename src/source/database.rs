//! The SQL side of the source: connections that come back by themselves, and which call uses which.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    database_error::DatabaseError,
    identity::Identity,
    session::{ANSWER_TIMEOUT, Answer, Facts, SCAN_TIMEOUT, Session, SessionOptions},
};
use crate::config::MysqlConfig;

/// Statements under way at once, beside barriers, snapshots and scans.
const STATEMENTS_AT_ONCE: usize = 4;

/// Statements under way at once that people asked for: however many there are, the server has connections left.
const FOR_PEOPLE_AT_ONCE: usize = 2;

/// The practice's database, for SQL.
///
/// Cheap to clone; all clones share their connections. Barriers and the write-back have one connection that is kept
/// open, rows by key and layouts a few more, and so has what people ask for; each snapshot and each scan makes its own. A connection that broke is
/// replaced at the next call: a call that meets a broken one tries once more with a new one.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    options: SessionOptions,
    time_zone: String,
    clock: Lane,
    rows: Lane,
    people: Lane,
}

/// Connections for one purpose.
struct Lane {
    idle: Mutex<Vec<Session>>,
    permits: Semaphore,
}

/// Which connections a call uses.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// What must never wait for rows: barriers, write-back.
    Clock,
    /// Everything else.
    Rows,
    /// The same connections, for what searches a whole table and may have to wait for those who write to it.
    Search,
    /// What people and their programs ask for: it must not keep events waiting.
    People,
}

impl Database {
    /// Connects to the server of `config` and logs in.
    pub async fn connect(config: &MysqlConfig) -> Result<Self, DatabaseError> {
        Self::connect_with(SessionOptions::new(config)?, config).await
    }

    /// As [`Database::connect`], for those who ask nothing about the log: the server need not have one, nor the account
    /// a right to it.
    pub async fn connect_without_log(config: &MysqlConfig) -> Result<Self, DatabaseError> {
        Self::connect_with(SessionOptions::new(config)?.without_log(), config).await
    }

    async fn connect_with(options: SessionOptions, config: &MysqlConfig) -> Result<Self, DatabaseError> {
        let session = options.connect().await?;
        let lane = |count| Lane { idle: Mutex::new(Vec::new()), permits: Semaphore::new(count) };
        let inner = Inner {
            options,
            time_zone: config.time_zone.clone(),
            clock: lane(1),
            rows: lane(STATEMENTS_AT_ONCE),
            people: lane(FOR_PEOPLE_AT_ONCE),
        };
        inner.clock.put(session);
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The name of the practice's database.
    pub fn name(&self) -> &str {
        &self.inner.options.database
    }

    /// The server, for messages: host and port, or socket.
    pub fn server(&self) -> &str {
        &self.inner.options.server
    }

    /// `mysql.time_zone`.
    pub(super) fn configured_time_zone(&self) -> &str {
        &self.inner.time_zone
    }

    /// Which server and log the SQL connection speaks to at this moment.
    pub async fn identity(&self) -> Result<Identity, DatabaseError> {
        let (_, facts) = self.ask(Purpose::Clock, "a ping", |_| "SELECT 1".to_owned()).await?;
        facts.identity.ok_or_else(|| self.unexpected("questions about itself", "server_id is missing"))
    }

    /// The server's version in its own words: `10.11.6-MariaDB-log`, `8.4.3`.
    pub async fn version(&self) -> Result<String, DatabaseError> {
        let (answers, _) =
            self.ask(Purpose::Clock, "a question about its version", |_| "SELECT VERSION()".to_owned()).await?;
        let version = answers.first().and_then(|answer| answer.rows.first()).and_then(|row| row.text_at(0));
        Ok(version.unwrap_or_default().to_owned())
    }

    /// A connection of one's own.
    pub(super) async fn session(&self) -> Result<Session, DatabaseError> {
        self.inner.options.connect().await
    }

    /// Sends the statements that `sql` writes for the server at hand, once more if an idle connection turns out to be
    /// broken, and returns their answers and what is known of the server that gave them.
    pub(super) async fn ask(
        &self,
        purpose: Purpose,
        doing: &'static str,
        sql: impl Fn(&Facts) -> String + Send,
    ) -> Result<(Vec<Answer>, Facts), DatabaseError> {
        self.ask_within(purpose, doing, usize::MAX, sql).await
    }

    /// As [`Database::ask`], without what comes behind the row with which the answers go beyond `most` bytes.
    pub(super) async fn ask_within(
        &self,
        purpose: Purpose,
        doing: &'static str,
        most: usize,
        sql: impl Fn(&Facts) -> String + Send,
    ) -> Result<(Vec<Answer>, Facts), DatabaseError> {
        let mut lent = self.lend(purpose, doing).await?;
        loop {
            let session = &mut lent.session;
            let statements = sql(&session.facts);
            match session.results_within(&statements, doing, most).await {
                Ok(answers) => {
                    let facts = session.facts.clone();
                    lent.give_back();
                    return Ok((answers, facts));
                }
                Err(error) => lent.replace_after(error).await?,
            }
        }
    }

    /// A connection that nobody else uses, for this purpose.
    pub(super) async fn lend(&self, purpose: Purpose, doing: &'static str) -> Result<Lent<'_>, DatabaseError> {
        let lane = match purpose {
            Purpose::Clock => &self.inner.clock,
            Purpose::Rows | Purpose::Search => &self.inner.rows,
            Purpose::People => &self.inner.people,
        };
        // The semaphore is never closed.
        let permit = lane.permits.acquire().await.map_err(|_| self.unexpected(doing, "the program is ending"))?;
        let (mut session, kept) = match lane.take() {
            Some(session) => (session, true),
            None => (self.session().await?, false),
        };
        session.patience = if matches!(purpose, Purpose::Search) { SCAN_TIMEOUT } else { ANSWER_TIMEOUT };
        Ok(Lent { database: self, lane, _permit: permit, session, kept })
    }

    /// An answer that cannot be.
    pub(super) fn unexpected(&self, doing: &'static str, reason: &str) -> DatabaseError {
        DatabaseError::Answer { server: self.server().to_owned(), doing, reason: reason.to_owned() }
    }

    /// Ends all idle connections. Calls that come later make new ones.
    pub async fn close(&self) {
        for lane in [&self.inner.clock, &self.inner.rows, &self.inner.people] {
            while let Some(session) = lane.take() {
                session.close().await;
            }
        }
    }
}

/// A connection out of a lane. It is closed unless it is given back: what an error leaves behind is not known.
pub(super) struct Lent<'a> {
    database: &'a Database,
    lane: &'a Lane,
    _permit: SemaphorePermit<'a>,
    pub(super) session: Session,
    /// It was idle for some time, and may have broken meanwhile.
    kept: bool,
}

impl<'a> Lent<'a> {
    /// Whose connection it is.
    pub(super) fn database(&self) -> &'a Database {
        self.database
    }

    /// Nothing is under way on it, and it may be lent again.
    pub(super) fn give_back(self) {
        if !self.session.is_spent {
            self.lane.put(self.session);
        }
    }

    /// Another connection, if this one turned out by `error` to have broken while it was idle; else the error.
    pub(super) async fn replace_after(&mut self, error: DatabaseError) -> Result<(), DatabaseError> {
        if !(self.kept && error.is_connection_lost()) {
            return Err(error);
        }
        // The other idle connections most likely broke with this one.
        self.lane.clear();
        let patience = self.session.patience;
        self.session = self.database.session().await?;
        self.session.patience = patience;
        self.kept = false;
        Ok(())
    }
}

impl Lane {
    fn take(&self) -> Option<Session> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
