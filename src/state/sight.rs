//! The state file as it is, without opening it as a bridge does: nothing is made, changed or moved aside.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{
    StateError,
    aside::with_ending,
    lock::{self, Lock},
    schema::{APPLICATION, STEPS},
};

/// What stands where a bridge would keep its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSight {
    /// What is there.
    pub file: SeenFile,
    /// Whether a bridge is running with it.
    pub in_use: bool,
    /// Bytes that are left on its disk for us.
    pub free: u64,
}

/// The file at `state.path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenFile {
    /// None, nor was there ever one.
    None,
    /// None, but a bridge has had one.
    Gone,
    /// One of ours.
    Ours {
        /// See [`super::State::instance_id`]; `None`: it cannot be told without opening the file.
        instance_id: Option<String>,
    },
    /// One of ours, or what is left of it.
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// SQLite's header (sqlite.org, "Database File Format", section 1.3): where the two numbers stand that we look at.
const HEADER: usize = 100;
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

impl StateSight {
    /// Looks at the file at `path` and at its folder.
    ///
    /// # Errors
    /// A bridge cannot use it: its folder or it cannot be written, it is not ours, or of a later version.
    pub async fn of(path: &Path) -> Result<Self, StateError> {
        let unwritable = |error: io::Error| StateError::unwritable(path, &error);
        let folder = folder(path);
        // What SQLite keeps beside the file is made and removed there.
        tempfile::Builder::new().prefix(".opendental-cdc-check").tempfile_in(&folder).map_err(unwritable)?;
        let free = fs4::available_space(&folder).map_err(unwritable)?;
        let lock = lock::name(path);
        let in_use = Lock::is_held(&lock).map_err(unwritable)?;
        let file = match header(path).map_err(unwritable)? {
            None if lock.exists() => SeenFile::Gone,
            None => SeenFile::None,
            Some(header) => seen(path, &header, lock.exists(), in_use).await?,
        };
        Ok(Self { file, in_use, free })
    }

    /// The file's instance id, if it has one.
    pub fn instance_id(&self) -> Option<&str> {
        match &self.file {
            SeenFile::Ours { instance_id } => instance_id.as_deref(),
            _ => None,
        }
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// How the file begins; `None` if there is none. Only a file that may be written is of use.
fn header(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut header = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(Some(header))
}

/// What a file is that begins so.
async fn seen(path: &Path, header: &[u8], had_lock: bool, in_use: bool) -> Result<SeenFile, StateError> {
    let damaged = |reason: &str| SeenFile::Damaged { reason: reason.to_owned() };
    let number = |at: usize| -> Option<i64> {
        let bytes = header.get(at..)?.first_chunk::<4>()?;
        Some(i64::from(u32::from_be_bytes(*bytes)))
    };
    let (Some(version), Some(application)) = (number(USER_VERSION), number(APPLICATION_ID)) else {
        // SQLite takes an empty file for a new one.
        return if header.is_empty() { Ok(SeenFile::None) } else { other(path, had_lock, "it is cut off") };
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return other(path, had_lock, "it is no database of SQLite");
    }
    if application != APPLICATION {
        return Err(StateError::Foreign(path.to_owned()));
    }
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(StateError::Newer { path: path.to_owned(), found: version, known });
    }
    match instance_id(path, in_use).await {
        Ok(instance_id) => Ok(SeenFile::Ours { instance_id }),
        Err(StateError::Damaged { reason, .. }) => Ok(damaged(&reason)),
        // Whatever else keeps us from reading it is no matter of the bridge's.
        Err(_) => Ok(SeenFile::Ours { instance_id: None }),
    }
}

/// What a file is that does not begin as ours do: it is moved aside where the lock beside it tells that it was ours.
fn other(path: &Path, had_lock: bool, reason: &str) -> Result<SeenFile, StateError> {
    if had_lock {
        return Ok(SeenFile::Damaged { reason: reason.to_owned() });
    }
    Err(StateError::damaged(path, reason))
}

/// The instance id in the file; `None` if a bridge that was killed had not put it there yet.
async fn instance_id(path: &Path, in_use: bool) -> Result<Option<String>, StateError> {
    let failed = |error: sqlx::Error| StateError::sqlite(path, &error);
    // A file that nobody uses is read as it lies there, without what SQLite would make beside it, unless a bridge that
    // was killed has left a part of it in the `-wal` file.
    let rest = fs::metadata(with_ending(path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!in_use && !rest);
    let mut connection = options.disable_statement_logging().connect().await.map_err(failed)?;
    let found: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
    let result = match found {
        Ok(found) if found == "ok" => {
            let sql = "SELECT instance_id FROM bridge";
            Ok(sqlx::query_scalar(sql).fetch_optional(&mut connection).await.unwrap_or_default())
        }
        Ok(_) => Err(StateError::damaged(path, "SQLite's quick_check finds its pages in disorder")),
        Err(error) => Err(failed(error)),
    };
    // Nothing was written.
    let _ = connection.close().await;
    result
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::state::State;

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_look_leaves_no_trace_and_tells_what_a_bridge_would_find() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        assert_eq!(StateSight::of(&path).await.unwrap().file, SeenFile::None);
        assert_eq!(names(folder.path()), BTreeSet::new());

        let state = State::open(&path).await.unwrap();
        let id = state.instance_id().to_owned();
        let sight = StateSight::of(&path).await.unwrap();
        assert!(sight.in_use && sight.free > 0);
        assert_eq!(sight.instance_id(), Some(id.as_str()));
        state.close().await.unwrap();
        let before = names(folder.path());
        let sight = StateSight::of(&path).await.unwrap();
        assert!(!sight.in_use);
        assert_eq!(sight.instance_id(), Some(id.as_str()));
        assert_eq!(names(folder.path()), before);

        fs::write(&path, "garbage").unwrap();
        assert!(matches!(StateSight::of(&path).await.unwrap().file, SeenFile::Damaged { .. }));
        fs::remove_file(&path).unwrap();
        assert_eq!(StateSight::of(&path).await.unwrap().file, SeenFile::Gone);
        assert_eq!(names(folder.path()), BTreeSet::from(["state.db.lock".to_owned()]));
    }

    #[tokio::test]
    async fn what_a_bridge_would_refuse_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        fs::write(&path, "somebody's letter").unwrap();
        assert!(matches!(StateSight::of(&path).await, Err(StateError::Damaged { .. })));
        let nowhere = folder.path().join("nowhere").join("state.db");
        assert!(matches!(StateSight::of(&nowhere).await, Err(StateError::Unwritable { .. })));
        assert!(matches!(StateSight::of(folder.path()).await, Err(StateError::Unwritable { .. })));
        fs::remove_file(&path).unwrap();
        let mut state = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
        sqlx::query("PRAGMA user_version = 1").execute(&mut state).await.unwrap();
        assert!(matches!(StateSight::of(&path).await, Err(StateError::Foreign(_))));
        sqlx::query("PRAGMA application_id = 1868850020").execute(&mut state).await.unwrap();
        sqlx::query("PRAGMA user_version = 1000").execute(&mut state).await.unwrap();
        assert!(matches!(StateSight::of(&path).await, Err(StateError::Newer { found: 1000, .. })));
    }
}
