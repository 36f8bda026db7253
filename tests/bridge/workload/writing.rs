//! Writers at work.

use std::time::Duration;

use mysql_async::{Conn, Error, Opts, prelude::Queryable};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::statement::Statements;

/// Pauses between the statements of a writer, and within a long transaction.
const PAUSE: std::ops::Range<u64> = 0..60;
const LONG_PAUSE: std::ops::Range<u64> = 0..900;

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) statements: u64,
    /// Rows that statements changed, those of transactions that were rolled back too.
    pub(crate) rows: u64,
    /// Transactions of more than one statement.
    pub(crate) transactions: u64,
    /// Transactions that a lock or a lost connection ended.
    pub(crate) broken: u64,
}

/// The writers of a workload. Dropping it breaks their connections.
pub(crate) struct Writing {
    stop: CancellationToken,
    writers: JoinSet<Written>,
}

impl Writing {
    pub(super) fn start(url: &str, statements: impl Iterator<Item = Statements>) -> Self {
        let stop = CancellationToken::new();
        let mut writers = JoinSet::new();
        for statements in statements {
            let (options, stop) = (Opts::from_url(url).unwrap(), stop.clone());
            writers.spawn(Writer { options, session: None, statements, written: Written::default() }.run(stop));
        }
        Self { stop, writers }
    }

    /// Lets each writer end its transaction, and waits for that.
    pub(crate) async fn stop(mut self) -> Written {
        self.stop.cancel();
        let mut all = Written::default();
        while let Some(written) = self.writers.join_next().await {
            let written = written.unwrap();
            all.statements += written.statements;
            all.rows += written.rows;
            all.transactions += written.transactions;
            all.broken += written.broken;
        }
        all
    }
}

struct Writer {
    options: Opts,
    session: Option<Conn>,
    statements: Statements,
    written: Written,
}

impl Writer {
    async fn run(mut self, stop: CancellationToken) -> Written {
        while !stop.is_cancelled() {
            if let Err(error) = self.turn().await {
                assert!(passes(&error), "{error}");
                // Without its session the server rolls back what is open.
                self.session = None;
                self.written.broken += 1;
                sleep(Duration::from_millis(20)).await;
            }
            sleep(Duration::from_millis(self.statements.random.u64(PAUSE))).await;
        }
        if let Some(session) = self.session {
            // It has no open transaction; a server that is gone needs no goodbye.
            let _ = session.disconnect().await;
        }
        self.written
    }

    async fn turn(&mut self) -> Result<(), Error> {
        let transaction = self.statements.random.u8(0..if self.statements.is_slow() { 2 } else { 12 }) == 0;
        if !transaction {
            let statement = self.statements.next(true);
            return self.execute(&statement).await;
        }
        self.written.transactions += 1;
        self.execute("BEGIN").await?;
        for _ in 0..self.statements.random.u8(1..6) {
            let statement = self.statements.next(false);
            self.execute(&statement).await?;
            if self.statements.is_slow() {
                sleep(Duration::from_millis(self.statements.random.u64(LONG_PAUSE))).await;
            }
        }
        if self.statements.random.u8(0..4) == 0 {
            self.execute("SAVEPOINT midway").await?;
            let statement = self.statements.next(false);
            self.execute(&statement).await?;
            self.execute("ROLLBACK TO midway").await?;
        }
        let end = if self.statements.random.u8(0..6) == 0 { "ROLLBACK" } else { "COMMIT" };
        self.execute(end).await
    }

    async fn execute(&mut self, statement: &str) -> Result<(), Error> {
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                let mut session = Conn::new(self.options.clone()).await?;
                // As Open Dental's servers have it; and nobody waits long for a writer that sleeps.
                session.query_drop("SET SESSION sql_mode = '', innodb_lock_wait_timeout = 5").await?;
                self.session.insert(session)
            }
        };
        session.query_drop(statement).await?;
        self.written.statements += 1;
        self.written.rows += session.affected_rows();
        Ok(())
    }
}

/// Whether an error is one that goes by itself: a lock, a deadlock, a server that is away.
fn passes(error: &Error) -> bool {
    match error {
        // ER_CON_COUNT_ERROR, ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK,
        // ER_QUERY_INTERRUPTED, ER_TABLE_DEF_CHANGED, ER_CONNECTION_KILLED, ER_RUN_HOOK_ERROR (semi-sync while it stops).
        Error::Server(said) => matches!(said.code, 1040 | 1053 | 1077 | 1205 | 1213 | 1317 | 1412 | 1927 | 3100),
        Error::Io(_) | Error::Driver(_) => true,
        Error::Other(_) | Error::Url(_) => false,
    }
}
