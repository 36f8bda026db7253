//! The state file itself.

use std::path::{Path, PathBuf};

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{
    Changes, ForgetLayouts, Saved, StateError, delivery_log,
    lock::Lock,
    records::{self, Record},
    schema::{APPLICATION, STEPS},
};

/// The open state file. No other bridge can open it meanwhile; people can look into it.
///
/// What [`State::commit`] has returned from is on the disk: it survives a crash of the process and of the machine.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    connection: SqliteConnection,
    instance_id: String,
    // The last field, so that the file is let go of only after the connection.
    _lock: Lock,
}

impl State {
    /// Opens the file at `path`, makes it if it is not there, and brings its tables to this version's schema.
    ///
    /// # Errors
    /// The file is in use, damaged, not ours, of a later version, or cannot be written.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let lock = Lock::take(path).await?;
        let options =
            SqliteConnectOptions::new().filename(path).create_if_missing(true).synchronous(SqliteSynchronous::Full);
        let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let found: String =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await.map_err(failed)?;
        if found != "ok" {
            return Err(StateError::damaged(path, "SQLite's quick_check finds its pages in disorder"));
        }
        migrate(path, &mut connection).await?;
        // Only now that the file is known to be ours: the mode is written into it.
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(failed)?;
        let instance_id = sqlx::query_scalar("SELECT instance_id FROM bridge").fetch_one(&mut connection).await;
        let instance_id = instance_id.map_err(failed)?;
        Ok(Self { path: path.to_owned(), connection, instance_id, _lock: lock })
    }

    /// 32 hexadecimal digits, random, made with the file: what it says of itself can be told from any other file's.
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// Reads everything.
    ///
    /// # Errors
    /// The file cannot be read, or holds what cannot have been written by this program.
    pub async fn load(&mut self) -> Result<Saved, StateError> {
        let path = self.path.as_path();
        let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
        let mut transaction = self.connection.begin().await.map_err(failed)?;
        let identity = sqlx::query_scalar("SELECT identity FROM bridge").fetch_one(&mut *transaction).await;
        let identity = identity.map_err(failed)?;
        let rows = sqlx::query("SELECT * FROM subscription ORDER BY num").fetch_all(&mut *transaction).await;
        let subscriptions =
            rows.map_err(failed)?.iter().map(|row| Record { path, row }.subscription()).collect::<Result<_, _>>()?;
        let rows =
            sqlx::query("SELECT * FROM layout ORDER BY table_name, file, offset").fetch_all(&mut *transaction).await;
        let layouts =
            rows.map_err(failed)?.iter().map(|row| Record { path, row }.layout()).collect::<Result<_, _>>()?;
        transaction.commit().await.map_err(failed)?;
        Ok(Saved { identity, subscriptions, layouts })
    }

    /// Writes `changes` in one transaction: all of them or, on an error or if the future is dropped, none.
    ///
    /// # Errors
    /// The file cannot be written. The state that was there before still holds.
    pub async fn commit(&mut self, changes: &Changes) -> Result<(), StateError> {
        let path = self.path.as_path();
        let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
        let mut transaction = self.connection.begin().await.map_err(failed)?;
        if let Some(identity) = &changes.identity {
            let query = sqlx::query("UPDATE bridge SET identity = ?").bind(identity);
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
        delivery_log::append(path, &mut transaction, &changes.deliveries).await?;
        if let Some(which) = changes.forget_deliveries {
            delivery_log::forget(path, &mut transaction, which).await?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Closes the file, so that no `-wal` and `-shm` file is left beside it. Dropping the state is as safe.
    ///
    /// # Errors
    /// SQLite could not put the last changes in their place; they are safe in the `-wal` file.
    pub async fn close(self) -> Result<(), StateError> {
        let path = self.path;
        self.connection.close().await.map_err(|error| StateError::sqlite(&path, &error))
    }
}

const FORGET_LAYOUTS: &str = "DELETE FROM layout WHERE (file, offset) < (
    SELECT kept.file, kept.offset FROM layout AS kept
    WHERE kept.table_name = layout.table_name AND (kept.file, kept.offset) <= (?, ?)
    ORDER BY kept.file DESC, kept.offset DESC LIMIT 1)";

/// Brings the tables to the newest schema, in one transaction, which also shows that the file can be written.
async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), StateError> {
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
    transaction.commit().await.map_err(failed)
}
