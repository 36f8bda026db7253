//! A practice at work: writers that change rows of watched tables at random in all the ways that there are, and what
//! those rows must look like to a subscriber in the end. For tests that compare what arrived with what is there.
//!
//! ```text
//! let workload = Workload::new(seed);
//! workload.prepare(&mut office.connect().await).await;
//! let writing = workload.start(&office.server.url(&office.database));   // starts a bridge, breaks things …
//! let written = writing.stop().await;                                   // no transaction is open any more
//! for table in watched::ALL { told.lacks(subscription, &table.rows(&mut session).await) }
//! ```
//!
//! The same seed writes the same statements, though not at the same instants.

mod statement;
mod told;
pub(crate) mod watched;
mod writing;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use mysql_async::{Conn, prelude::Queryable};

use statement::Statements;
pub(crate) use told::Told;
pub(crate) use writing::{Writing, Written};

/// Sessions that write at once. A key belongs to one of them: only it inserts rows with that key.
const WRITERS: i64 = 3;

/// Rows that each table begins with, for each writer. Patients are many, so that a bulk update of their balances is
/// more than one page of a poll.
const ROWS: i64 = 60;
const PATIENTS: i64 = 800;

/// What is written, and how far it has come.
pub(crate) struct Workload {
    seed: u64,
    progress: Arc<Progress>,
}

/// What the writers count together.
struct Progress {
    /// The last serial number that was used in each of [`watched::ALL`]; a key is made of it and a writer's number.
    serials: [AtomicI64; watched::ALL.len()],
    /// Statements so far.
    statements: AtomicI64,
    /// Whether every change of a row gives it a new stamp.
    stamped: bool,
}

impl Workload {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, false)
    }

    /// One that changes no row without giving it a new stamp, so that a catch-up finds all that it changed.
    pub(crate) fn stamped(seed: u64) -> Self {
        Self::of(seed, true)
    }

    fn of(seed: u64, stamped: bool) -> Self {
        let serials = watched::ALL.map(|table| AtomicI64::new(if table.is_patients() { PATIENTS } else { ROWS }));
        Self { seed, progress: Arc::new(Progress { serials, statements: AtomicI64::new(0), stamped }) }
    }

    /// Gives each table an engine, transactional or not, by the seed, and its first rows.
    pub(crate) async fn prepare(&self, session: &mut Conn) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        // A MySQL that insists on GTIDs refuses transactions that write to both kinds. Others do not know the variable.
        let consistent: Option<String> =
            session.query_first("SELECT CAST(@@enforce_gtid_consistency AS CHAR)").await.ok().flatten();
        let one_kind = consistent.is_some_and(|value| value == "ON" || value == "1");
        for table in watched::ALL.map(|table| table.table).into_iter().chain(["scheduleop"]) {
            let engine = if one_kind || random.bool() { "InnoDB" } else { "MyISAM" };
            session.query_drop(format!("ALTER TABLE {table} ENGINE={engine}")).await.unwrap();
        }
        for lane in 0..WRITERS {
            let statements = Statements::new(0, lane, self.progress.clone());
            for statement in statements.first_rows() {
                session.query_drop(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
    }

    /// Starts the writers on the database at `url`; they write until they are stopped, with new connections where the
    /// old ones break. May be called again once they have been stopped.
    pub(crate) fn start(&self, url: &str) -> Writing {
        let so_far = self.progress.statements.load(Ordering::Relaxed);
        let seed = self.seed.wrapping_add(so_far.cast_unsigned());
        Writing::start(url, (0..WRITERS).map(|lane| Statements::new(seed, lane, self.progress.clone())))
    }
}

/// `SEED` of the environment, so that a failure can be had again, or any.
pub(crate) fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..))
}
