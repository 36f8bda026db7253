//! The state file itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::Utc;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{
    Changes, ForgetLayouts, Saved, StateError,
    aside::{self, FileMark},
    backup, deleted_keys, delivery_log,
    lock::Lock,
    records::{self, Record},
    schema::{APPLICATION, STEPS},
};
use crate::failpoint::Failpoint;

/// The open state file. No other bridge can open it meanwhile; people can look into it.
///
/// What [`State::commit`] has returned from is on the disk: it survives a crash of the process and of the machine.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    /// `None` after a failure: a new one is made when it is next needed.
    connection: Option<SqliteConnection>,
    /// The file that the connection has open.
    mark: Option<FileMark>,
    instance_id: String,
    origin: Origin,
    // The last field, so that the file is let go of only after the connection.
    _lock: Lock,
}

/// How the file was found when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As a bridge had left it.
    Kept,
    /// There was none, nor any sign that there ever was one.
    New,
    /// There was none, but the lock beside it tells that there was one.
    Missing,
    /// It was damaged.
    Damaged {
        /// Where it was moved.
        aside: Option<PathBuf>,
        /// What is wrong with it.
        reason: String,
    },
}

impl State {
    /// Opens the file at `path`, makes it if it is not there, and brings its tables to this version's schema. A damaged
    /// one is moved aside and made anew, if it is one of ours; see [`State::origin`].
    ///
    /// # Errors
    /// The file is in use, not ours, of a later version, or cannot be written.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let lock = Lock::take(path).await?;
        let (opened, mut origin) = match Opened::at(path, true).await {
            Err(StateError::Damaged { reason, .. }) if lock.was_there() || aside::is_ours(path) => {
                let aside = aside::move_away(path, Utc::now())?;
                (Opened::at(path, true).await?, Origin::Damaged { aside, reason })
            }
            opened => (opened?, Origin::Kept),
        };
        if opened.made && origin == Origin::Kept {
            origin = if lock.was_there() { Origin::Missing } else { Origin::New };
        }
        let Opened { connection, instance_id, .. } = opened;
        let mark = FileMark::of(path);
        Ok(Self { path: path.to_owned(), connection: Some(connection), mark, instance_id, origin, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// 32 hexadecimal digits, random, made with the file: what it says of itself can be told from any other file's.
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// Reads everything. A file that holds what cannot have been written by this program is moved aside and made anew,
    /// like one that is damaged.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn load(&mut self) -> Result<Saved, StateError> {
        match self.read().await {
            Err(StateError::Damaged { reason, .. }) => {
                let aside = self.replace(&Changes::default(), None).await?;
                self.origin = Origin::Damaged { aside, reason };
                self.read().await
            }
            read => read,
        }
    }

    async fn read(&mut self) -> Result<Saved, StateError> {
        let path = self.path.clone();
        let (path, connection) = (path.as_path(), self.connection().await?);
        let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
        let mut transaction = connection.begin().await.map_err(failed)?;
        let identity = sqlx::query_scalar("SELECT identity FROM bridge").fetch_one(&mut *transaction).await;
        let identity = identity.map_err(failed)?;
        let audit =
            sqlx::query_scalar("SELECT audit FROM bridge").fetch_one(&mut *transaction).await.map_err(failed)?;
        let server_ahead = sqlx::query_scalar("SELECT server_ahead FROM bridge").fetch_one(&mut *transaction).await;
        let server_ahead = server_ahead.map_err(failed)?;
        let rows = sqlx::query("SELECT * FROM subscription ORDER BY num").fetch_all(&mut *transaction).await;
        let subscriptions =
            rows.map_err(failed)?.iter().map(|row| Record { path, row }.subscription()).collect::<Result<_, _>>()?;
        let rows =
            sqlx::query("SELECT * FROM layout ORDER BY table_name, file, offset").fetch_all(&mut *transaction).await;
        let layouts =
            rows.map_err(failed)?.iter().map(|row| Record { path, row }.layout()).collect::<Result<_, _>>()?;
        let rows = sqlx::query("SELECT * FROM log_file ORDER BY number").fetch_all(&mut *transaction).await;
        let log_files =
            rows.map_err(failed)?.iter().map(|row| Record { path, row }.log_file()).collect::<Result<_, _>>()?;
        let deleted = deleted_keys::stored(path, &mut transaction).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(Saved { identity, audit, server_ahead, subscriptions, layouts, log_files, deleted })
    }

    /// Writes `changes` in one transaction: all of them or, on an error or if the future is dropped, none.
    ///
    /// # Errors
    /// The file cannot be written, or is not there any more ([`StateError::is_loss`]). The state that was there before
    /// still holds. The next commit tries with a new connection.
    pub async fn commit(&mut self, changes: &Changes) -> Result<(), StateError> {
        let path = self.path.clone();
        let result = match self.connection().await {
            Ok(connection) => write(&path, connection, changes, None).await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.disconnect().await;
        }
        result
    }

    /// Makes the file anew, with `all` in it and the same [`State::instance_id`]. What stands under its name is moved
    /// aside; returns where.
    ///
    /// # Errors
    /// The file cannot be written. It can be tried again.
    pub async fn renew(&mut self, all: &Changes) -> Result<Option<PathBuf>, StateError> {
        let instance_id = self.instance_id.clone();
        self.replace(all, Some(&instance_id)).await
    }

    /// Puts a new file in the place of what there is, with the instance id or an id of its own.
    async fn replace(&mut self, all: &Changes, instance_id: Option<&str>) -> Result<Option<PathBuf>, StateError> {
        self.disconnect().await;
        // Under another name first, so that at each instant there is a whole file or none.
        let new = aside::with_ending(&self.path, ".new");
        let failed = |error: std::io::Error| StateError::unwritable(&new, &error);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let Opened { mut connection, instance_id: own, .. } = Opened::at(&new, false).await?;
        let written = write(&new, &mut connection, all, instance_id).await;
        let closed = connection.close().await.map_err(|error| StateError::sqlite(&new, &error));
        written.and(closed)?;
        let aside = aside::move_away(&self.path, Utc::now())?;
        fs::rename(&new, &self.path).map_err(failed)?;
        self.mark = FileMark::of(&self.path);
        self.instance_id = instance_id.map_or(own, str::to_owned);
        self.connection().await?;
        Ok(aside)
    }

    /// The connection to the file that was opened, a new one if need be.
    async fn connection(&mut self) -> Result<&mut SqliteConnection, StateError> {
        if FileMark::of(&self.path) != self.mark {
            return Err(StateError::Gone(self.path.clone()));
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Opened::at(&self.path, true).await?.connection,
        };
        Ok(self.connection.insert(connection))
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            // It failed before; what was committed is safe in the file and its `-wal`.
            let _ = connection.close().await;
        }
    }

    /// Closes the file, so that no `-wal` and `-shm` file is left beside it. Dropping the state is as safe.
    ///
    /// # Errors
    /// SQLite could not put the last changes in their place; they are safe in the `-wal` file.
    pub async fn close(self) -> Result<(), StateError> {
        let Some(connection) = self.connection else { return Ok(()) };
        connection.close().await.map_err(|error| StateError::sqlite(&self.path, &error))
    }

    /// Closes and removes the file. The lock beside it stays, so that whoever opens it next finds it
    /// [`Origin::Missing`].
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn discard(mut self) -> Result<(), StateError> {
        self.disconnect().await;
        fs::remove_file(&self.path).map_err(|error| StateError::unwritable(&self.path, &error))
    }
}

/// A connection to a file whose tables are ours and of this version.
struct Opened {
    connection: SqliteConnection,
    instance_id: String,
    /// There was nothing in it.
    made: bool,
}

impl Opened {
    /// Opens or makes the file; `wal`: as the file that is kept, and not as one that is about to get its name.
    async fn at(path: &Path, wal: bool) -> Result<Self, StateError> {
        let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
        let options =
            SqliteConnectOptions::new().filename(path).create_if_missing(true).synchronous(SqliteSynchronous::Full);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        match prepare(path, &mut connection, wal).await {
            Ok((instance_id, made)) => Ok(Self { connection, instance_id, made }),
            Err(error) => {
                let _ = connection.close().await;
                Err(error)
            }
        }
    }
}

/// Looks at the file and brings its tables to this version's schema; returns its instance id, and whether it was empty.
async fn prepare(path: &Path, connection: &mut SqliteConnection, wal: bool) -> Result<(String, bool), StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let found: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(failed)?;
    if found != "ok" {
        return Err(StateError::damaged(path, "SQLite's quick_check finds its pages in disorder"));
    }
    backup::before_upgrade(path, connection).await?;
    let made = migrate(path, connection).await?;
    if wal {
        // Only now that the file is known to be ours: the mode is written into it.
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await.map_err(failed)?;
    }
    let instance_id = sqlx::query_scalar("SELECT instance_id FROM bridge").fetch_one(connection).await;
    Ok((instance_id.map_err(failed)?, made))
}

/// Writes `changes` in one transaction, and where it is given the instance id.
async fn write(
    path: &Path,
    connection: &mut SqliteConnection,
    changes: &Changes,
    instance_id: Option<&str>,
) -> Result<(), StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let mut transaction = connection.begin().await.map_err(failed)?;
    if let Some(instance_id) = instance_id {
        let query = sqlx::query("UPDATE bridge SET instance_id = ?").bind(instance_id);
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    if let Some(identity) = &changes.identity {
        let query = sqlx::query("UPDATE bridge SET identity = ?").bind(identity);
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    if let Some(audit) = &changes.audit {
        let query = sqlx::query("UPDATE bridge SET audit = ?").bind(audit);
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    if let Some(seconds) = changes.server_ahead {
        let query = sqlx::query("UPDATE bridge SET server_ahead = ?").bind(seconds);
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    for num in &changes.remove {
        let query = sqlx::query("DELETE FROM subscription WHERE num = ?").bind(num);
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    let chunks = changes.upsert.chunks_exact(records::CHUNK);
    let rest = chunks.remainder().chunks(1);
    for chunk in chunks.chain(rest) {
        let text = if chunk.len() == 1 { &records::UPSERT_SUBSCRIPTION } else { &records::UPSERT_CHUNK };
        let query = chunk.iter().try_fold(sqlx::query(text.as_str()), records::bind_subscription)?;
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    if let Some(which) = changes.forget_layouts {
        let query = match which {
            ForgetLayouts::All => sqlx::query("DELETE FROM layout"),
            ForgetLayouts::Before(point) => records::bind_point(sqlx::query(FORGET_LAYOUTS), Some(point))?,
        };
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    for saved in &changes.layouts {
        let query = records::bind_layout(sqlx::query(records::UPSERT_LAYOUT), saved)?;
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    if let Some(number) = changes.forget_log_files {
        let query = records::bind_log_file(sqlx::query("DELETE FROM log_file WHERE number < ?"), number)?;
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    for (number, made) in &changes.log_files {
        let query = records::bind_log_file(sqlx::query(records::UPSERT_LOG_FILE), *number)?;
        query.bind(made).execute(&mut *transaction).await.map_err(failed)?;
    }
    if changes.forget_deleted_places {
        deleted_keys::forget_places(path, &mut transaction).await?;
    }
    for (watch_table, which) in &changes.forget_deleted {
        deleted_keys::forget(path, &mut transaction, watch_table, which).await?;
    }
    for (watch_table, keys) in &changes.deleted {
        deleted_keys::store(path, &mut transaction, watch_table, keys).await?;
    }
    delivery_log::append(path, &mut transaction, &changes.deliveries).await?;
    if let Some(which) = changes.forget_deliveries {
        delivery_log::forget(path, &mut transaction, which).await?;
    }
    Failpoint::StateWritten.pass();
    transaction.commit().await.map_err(failed)
}

const FORGET_LAYOUTS: &str = "DELETE FROM layout WHERE (file, offset) < (
    SELECT kept.file, kept.offset FROM layout AS kept
    WHERE kept.table_name = layout.table_name AND (kept.file, kept.offset) <= (?, ?)
    ORDER BY kept.file DESC, kept.offset DESC LIMIT 1)";

/// Brings the tables to the newest schema, in one transaction, which also shows that the file can be written. Returns
/// whether there were none.
async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<bool, StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(failed)?;
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *transaction).await.map_err(failed)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut *transaction).await.map_err(failed)?;
    if application != APPLICATION && tables > 0 {
        return Err(StateError::Foreign(path.to_owned()));
    }
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = match usize::try_from(version) {
        Ok(done) if done <= STEPS.len() => done,
        _ => return Err(StateError::Newer { path: path.to_owned(), found: version, known }),
    };
    for step in STEPS.iter().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(done == 0)
}
