//! The delivery log: what became of each attempt to send an event, for people and for the status page.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow, SqliteTransaction},
};

use super::{
    StateError,
    records::{self, Bound, Record},
};

/// One attempt to send an event. It holds no key of a row and no value, nor anything of the endpoint's URL but its
/// host (rule D4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When it ended, in milliseconds since 1970 UTC by the bridge's clock.
    pub ended: i64,
    /// `SubscriptionNum`.
    pub subscription: i64,
    /// The watch table's name.
    pub watch_table: String,
    /// The number of the subscription's window.
    pub window: u64,
    /// The event's `webhook-id`, the same for all attempts.
    pub webhook_id: String,
    /// Elements in the body.
    pub elements: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// The answer's status; `None`: there was no answer.
    pub status: Option<u16>,
    /// Why the event was not accepted; `None`: it was.
    pub failure: Option<DeliveryFailure>,
    /// Milliseconds from sending to the status or to the failure.
    pub took: u64,
}

/// Why an event was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// A word for programs: one of those in `docs/delivery.md`.
    pub kind: String,
    /// A text for people.
    pub reason: String,
}

/// Which deliveries are too old to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetDeliveries {
    /// Those that ended before, in milliseconds since 1970 UTC.
    pub before: i64,
    /// All but the newest so many.
    pub keep: u32,
}

/// Reads the delivery log, also while a bridge writes it.
#[derive(Debug)]
pub struct DeliveryLog {
    path: PathBuf,
    connection: SqliteConnection,
}

impl DeliveryLog {
    /// Opens the state file at `path` for reading.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let connection = SqliteConnection::connect_with(&options).await;
        let connection = connection.map_err(|error| StateError::sqlite(path, &error))?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// The last `count` attempts for `subscription`, the newest first.
    ///
    /// # Errors
    /// The file cannot be read, or is none of this version.
    pub async fn last(&mut self, subscription: i64, count: u32) -> Result<Vec<Delivery>, StateError> {
        let query = sqlx::query("SELECT * FROM delivery WHERE subscription = ? ORDER BY id DESC LIMIT ?");
        let rows = query.bind(subscription).bind(count).fetch_all(&mut self.connection).await;
        self.deliveries(rows)
    }

    /// The last `count` attempts for whatever subscription, the newest first.
    ///
    /// # Errors
    /// As [`DeliveryLog::last`].
    pub async fn last_of_all(&mut self, count: u32) -> Result<Vec<Delivery>, StateError> {
        let query = sqlx::query("SELECT * FROM delivery ORDER BY id DESC LIMIT ?");
        let rows = query.bind(count).fetch_all(&mut self.connection).await;
        self.deliveries(rows)
    }

    /// The last attempt for each subscription that was accepted.
    ///
    /// # Errors
    /// As [`DeliveryLog::last`].
    pub async fn last_accepted(&mut self) -> Result<Vec<Delivery>, StateError> {
        const SQL: &str = "SELECT * FROM delivery WHERE id IN \
            (SELECT MAX(id) FROM delivery WHERE failure IS NULL GROUP BY subscription) ORDER BY subscription";
        let rows = sqlx::query(SQL).fetch_all(&mut self.connection).await;
        self.deliveries(rows)
    }

    fn deliveries(&self, rows: Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Delivery>, StateError> {
        let rows = rows.map_err(|error| StateError::sqlite(&self.path, &error))?;
        rows.iter().map(|row| Record { path: &self.path, row }.delivery()).collect()
    }
}

const COLUMNS: [&str; 11] = [
    "ended",
    "subscription",
    "watch_table",
    "window_number",
    "webhook_id",
    "elements",
    "bytes",
    "status",
    "failure",
    "reason",
    "took",
];

/// Writes one delivery.
static INSERT: LazyLock<String> = LazyLock::new(|| insert(1));

/// Writes [`records::CHUNK`] deliveries.
static INSERT_CHUNK: LazyLock<String> = LazyLock::new(|| insert(records::CHUNK));

fn insert(rows: usize) -> String {
    format!("INSERT INTO delivery {}", records::rows(&COLUMNS, rows))
}

/// Appends `deliveries` in their order.
pub(super) async fn append(
    path: &Path,
    transaction: &mut SqliteTransaction<'_>,
    deliveries: &[Delivery],
) -> Result<(), StateError> {
    let chunks = deliveries.chunks_exact(records::CHUNK);
    let rest = chunks.remainder().chunks(1);
    for chunk in chunks.chain(rest) {
        let text = if chunk.len() == 1 { &INSERT } else { &INSERT_CHUNK };
        let query = chunk.iter().try_fold(sqlx::query(text.as_str()), bind)?;
        query.execute(&mut **transaction).await.map_err(|error| StateError::sqlite(path, &error))?;
    }
    Ok(())
}

/// Everything before the first that is young enough (if there is none, everything), or before the last so many.
const FORGET: &str = "DELETE FROM delivery WHERE id < max(
    coalesce((SELECT id FROM delivery WHERE ended >= ? ORDER BY id LIMIT 1), (SELECT max(id) + 1 FROM delivery)),
    (SELECT max(id) + 1 FROM delivery) - ?)";

/// Removes the oldest. They are numbered in the order in which they were written, which is that of their ends.
pub(super) async fn forget(
    path: &Path,
    transaction: &mut SqliteTransaction<'_>,
    which: ForgetDeliveries,
) -> Result<(), StateError> {
    let query = sqlx::query(FORGET).bind(which.before).bind(which.keep);
    query.execute(&mut **transaction).await.map_err(|error| StateError::sqlite(path, &error))?;
    Ok(())
}

fn bind<'q>(query: Bound<'q>, delivery: &'q Delivery) -> Result<Bound<'q>, StateError> {
    let failure = delivery.failure.as_ref();
    Ok(query
        .bind(delivery.ended)
        .bind(delivery.subscription)
        .bind(&delivery.watch_table)
        .bind(records::number("window number", delivery.window)?)
        .bind(&delivery.webhook_id)
        .bind(records::number("count of elements", delivery.elements)?)
        .bind(records::number("count of bytes", delivery.bytes)?)
        .bind(delivery.status)
        .bind(failure.map(|failure| &failure.kind))
        .bind(failure.map(|failure| &failure.reason))
        .bind(records::number("count of milliseconds", delivery.took)?))
}

impl Record<'_> {
    fn delivery(&self) -> Result<Delivery, StateError> {
        let failure = match self.get("failure")? {
            Some(kind) => Some(DeliveryFailure { kind, reason: self.get("reason")? }),
            None => None,
        };
        Ok(Delivery {
            ended: self.get("ended")?,
            subscription: self.get("subscription")?,
            watch_table: self.get("watch_table")?,
            window: self.unsigned("window_number", self.get("window_number")?)?,
            webhook_id: self.get("webhook_id")?,
            elements: self.unsigned("elements", self.get("elements")?)?,
            bytes: self.unsigned("bytes", self.get("bytes")?)?,
            status: self.get("status")?,
            failure,
            took: self.unsigned("took", self.get("took")?)?,
        })
    }
}
