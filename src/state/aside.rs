//! A state file that cannot be used is moved aside, never overwritten.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{StateError, schema::APPLICATION};

/// The endings of the files that SQLite keeps beside its own. They go first: put beside another database, they would
/// be taken for parts of it.
const PARTS: [&str; 3] = ["-wal", "-shm", ""];

/// Moves the file and what SQLite keeps beside it to `<path>.damaged-<time>`, and returns that path; `None` if there
/// was no such file.
pub(super) fn move_away(path: &Path, now: DateTime<Utc>) -> Result<Option<PathBuf>, StateError> {
    let stem = with_ending(path, &format!(".damaged-{}", now.format("%Y%m%dT%H%M%SZ")));
    let names = std::iter::once(stem.clone()).chain((2..).map(|number| with_ending(&stem, &format!("-{number}"))));
    let Some(aside) = names.into_iter().find(|name| !name.exists()) else { return Ok(None) };
    let mut moved = false;
    for ending in PARTS {
        match fs::rename(with_ending(path, ending), with_ending(&aside, ending)) {
            Ok(()) => moved |= ending.is_empty(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StateError::unwritable(path, &error)),
        }
    }
    Ok(moved.then_some(aside))
}

/// Whether the file begins as ours do: a database of SQLite with our `application_id` (sqlite.org, "Database File
/// Format", section 1.3).
pub(super) fn is_ours(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.starts_with(b"SQLite format 3\0") && header.ends_with(&APPLICATION.to_be_bytes()[4..])
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.to_owned();
    path.as_mut_os_string().push(ending);
    path
}

/// Which file stands under a name: another one is another file, though it is called the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileMark {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

impl FileMark {
    /// `None` if there is none.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|found| Self { device_and_inode: (found.dev(), found.ino()) })
    }

    /// `None` if there is none. Elsewhere a file that is open cannot be replaced.
    #[cfg(not(unix))]
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|_| Self {})
    }
}
