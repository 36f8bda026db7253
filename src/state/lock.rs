//! One bridge to a state file.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::StateError;

/// Holds the file for this process until it is dropped. The operating system lets go of it when the process ends,
/// however it ends.
///
/// The lock is on a file beside the database, so that people can look into the database while the bridge runs.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, StateError> {
        // By whichever link the database was named, the lock is the same.
        let mut lock: PathBuf = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        lock.as_mut_os_string().push(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(|error| StateError::unwritable(path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(StateError::unwritable(&lock, &error)),
        }
    }
}
