//! One bridge to a state file.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::StateError;

/// A bridge that was just killed, and a program that it was about to start, hold the lock for a moment longer.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Holds the file for this process until it is dropped. The operating system lets go of it when the process ends,
/// however it ends.
///
/// The lock is on a file beside the database, so that people can look into the database while the bridge runs.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    was_there: bool,
}

impl Lock {
    /// Whether a bridge has had the lock before: its file stays.
    pub(super) fn was_there(&self) -> bool {
        self.was_there
    }

    /// Whether somebody has the lock in this file. Who takes it at this very moment is not kept from it.
    pub(super) fn is_held(lock: &Path) -> io::Result<bool> {
        let file = match File::options().write(true).open(lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) async fn take(path: &Path) -> Result<Self, StateError> {
        let lock = name(path);
        let was_there = lock.exists();
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(|error| StateError::unwritable(path, &error))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file, was_there }),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
                Err(TryLockError::Error(error)) => return Err(StateError::unwritable(&lock, &error)),
            }
        }
    }
}

/// The lock's file: by whichever link the database was named, it is the same.
pub(super) fn name(path: &Path) -> PathBuf {
    let mut lock: PathBuf = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    lock.as_mut_os_string().push(".lock");
    lock
}
