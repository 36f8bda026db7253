//! Keys of deleted rows for which there is no room in memory, until their deletion is delivered.

use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::{
    ConnectOptions, Connection, Row, Sqlite, SqliteConnection, Transaction,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{
    StateError,
    records::{Bound, bind_point, rows},
};
use crate::{
    binlog::LogPoint,
    packed::{KeyBytes, Mark, Marks, MarksBuilder},
    row::RowKey,
};

/// A row whose deletion is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedKey {
    /// Its primary key.
    pub key: RowKey,
    /// When it was deleted, in microseconds since 1970 UTC.
    pub committed: i64,
    /// It was deleted at or before this place in the log.
    pub point: LogPoint,
}

/// Which stored keys of a watch table are forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgetDeleted {
    /// All: they are delivered.
    All,
    /// These rows are there again.
    Keys(Vec<RowKey>),
    /// Those behind this place: the log there was misread.
    Behind(LogPoint),
}

/// What the state file knows of a watch table's stored keys as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeys {
    /// The watch table's name.
    pub watch_table: String,
    /// None of them was deleted behind this place.
    pub last: LogPoint,
    /// The least and the greatest of them.
    pub least: RowKey,
    /// See `least`.
    pub greatest: RowKey,
}

/// Which stored keys of a watch table a window has.
#[derive(Clone, Debug)]
pub struct WantedKeys {
    /// The watch table's name.
    pub watch_table: String,
    /// Those that were deleted behind this place in the log, and not behind `to`.
    pub from: LogPoint,
    /// See `from`.
    pub to: LogPoint,
    /// Those before `from` too that were deleted at this time or later, in microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Only those behind this one, by time and key.
    pub behind: Option<Mark>,
    /// At least those up to and including this one.
    pub at_least: Option<Mark>,
    /// And the first so many of them.
    pub most: usize,
}

/// Some of a window's stored keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundKeys {
    /// When each was deleted, and the key.
    pub marks: Marks,
    /// The last of them, if there are more behind it.
    pub more_behind: Option<Mark>,
}

/// Keys that one statement writes or forgets.
const CHUNK: usize = 100;

const COLUMNS: [&str; 5] = ["watch_table", "key", "committed", "file", "offset"];

/// Writes keys in the place of what is there of the same rows.
pub(super) async fn store(
    path: &Path,
    transaction: &mut Transaction<'_, Sqlite>,
    watch_table: &str,
    keys: &[DeletedKey],
) -> Result<(), StateError> {
    for chunk in keys.chunks(CHUNK) {
        let text = format!("INSERT OR REPLACE INTO deleted_key {}", rows(&COLUMNS, chunk.len()));
        let query = chunk.iter().try_fold(sqlx::query(sqlx::AssertSqlSafe(text)), |query, deleted| {
            let query = query.bind(watch_table).bind(bytes(&deleted.key)).bind(deleted.committed);
            bind_point(query, Some(deleted.point))
        })?;
        execute(path, transaction, query).await?;
    }
    Ok(())
}

pub(super) async fn forget(
    path: &Path,
    transaction: &mut Transaction<'_, Sqlite>,
    watch_table: &str,
    which: &ForgetDeleted,
) -> Result<(), StateError> {
    const ALL: &str = "DELETE FROM deleted_key WHERE watch_table = ?";
    match which {
        ForgetDeleted::All => execute(path, transaction, sqlx::query(ALL).bind(watch_table)).await,
        ForgetDeleted::Behind(point) => {
            let query = sqlx::query("DELETE FROM deleted_key WHERE watch_table = ? AND (file, offset) > (?, ?)");
            execute(path, transaction, bind_point(query.bind(watch_table), Some(*point))?).await
        }
        ForgetDeleted::Keys(keys) => {
            for chunk in keys.chunks(CHUNK) {
                let text = format!("{ALL} AND key IN ({})", vec!["?"; chunk.len()].join(","));
                let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(watch_table);
                let query = chunk.iter().fold(query, |query, key| query.bind(bytes(key)));
                execute(path, transaction, query).await?;
            }
            Ok(())
        }
    }
}

/// The places of all keys were in another log: they lie before all of the new one.
pub(super) async fn forget_places(path: &Path, transaction: &mut Transaction<'_, Sqlite>) -> Result<(), StateError> {
    execute(path, transaction, sqlx::query("UPDATE deleted_key SET file = 0, offset = 0")).await
}

async fn execute(path: &Path, transaction: &mut Transaction<'_, Sqlite>, query: Bound<'_>) -> Result<(), StateError> {
    query.execute(&mut **transaction).await.map_err(|error| StateError::sqlite(path, &error))?;
    Ok(())
}

/// Of which watch tables there are keys.
pub(super) async fn stored(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<StoredKeys>, StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let text = "SELECT watch_table, file, max(offset) AS offset, min(key) AS least, max(key) AS greatest \
                FROM deleted_key GROUP BY watch_table, file ORDER BY watch_table, file";
    let mut stored: Vec<StoredKeys> = Vec::new();
    for row in sqlx::query(text).fetch_all(connection).await.map_err(failed)? {
        let unsigned = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
        let last = LogPoint { file: unsigned("file").map_err(failed)?, offset: unsigned("offset").map_err(failed)? };
        let watch_table: String = row.try_get("watch_table").map_err(failed)?;
        let (least, greatest) = (key(path, &row, "least")?, key(path, &row, "greatest")?);
        match stored.last_mut().filter(|before| before.watch_table == watch_table) {
            Some(before) => {
                before.last = last.max(before.last);
                before.least = least.min(before.least.clone());
                before.greatest = greatest.max(before.greatest.clone());
            }
            None => stored.push(StoredKeys { watch_table, last, least, greatest }),
        }
    }
    Ok(stored)
}

/// Reads keys from the state file at `path`, whoever else has it open.
///
/// # Errors
/// The file cannot be read.
pub async fn find_deleted(path: &Path, wanted: &WantedKeys) -> Result<FoundKeys, StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let options = options.disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    let found = find(path, &mut connection, wanted).await;
    let closed = connection.close().await.map_err(failed);
    let found = found?;
    closed?;
    Ok(found)
}

async fn find(path: &Path, connection: &mut SqliteConnection, wanted: &WantedKeys) -> Result<FoundKeys, StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let text = "SELECT committed, key FROM deleted_key WHERE watch_table = ? AND (committed, key) > (?, ?) \
                AND (((file, offset) > (?, ?) AND (file, offset) <= (?, ?)) \
                OR (committed >= ? AND (file, offset) <= (?, ?))) ORDER BY committed, key";
    let (committed, key_bytes) = match &wanted.behind {
        Some((committed, key)) => (*committed, bytes(key)),
        None => (i64::MIN, Vec::new()),
    };
    let query = sqlx::query(text).bind(&wanted.watch_table).bind(committed).bind(key_bytes);
    let query = bind_point(bind_point(query, Some(wanted.from))?, Some(wanted.to))?;
    let query = bind_point(query.bind(wanted.since), Some(wanted.from))?;
    let mut rows = query.fetch(connection);
    let (mut marks, mut last, mut more_behind) = (MarksBuilder::default(), None, None);
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        if count >= wanted.most && wanted.at_least.as_ref().is_none_or(|wanted| last.as_ref() >= Some(wanted)) {
            more_behind = last;
            break;
        }
        let mark: Mark = (row.try_get("committed").map_err(failed)?, key(path, &row, "key")?);
        marks.push(mark.0, &mark.1);
        last = Some(mark);
        count += 1;
    }
    Ok(FoundKeys { marks: marks.finish(), more_behind })
}

fn bytes(key: &RowKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    KeyBytes::write(key, &mut bytes);
    bytes
}

fn key(path: &Path, row: &SqliteRow, column: &str) -> Result<RowKey, StateError> {
    let bytes: &[u8] = row.try_get(column).map_err(|error| StateError::sqlite(path, &error))?;
    KeyBytes::read(&mut &*bytes)
        .ok_or_else(|| StateError::damaged(path, format_args!("column {column} of deleted_key cannot be read")))
}
