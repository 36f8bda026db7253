//! What can go wrong with the state file.

use std::{fmt::Display, io, path::Path, path::PathBuf};

/// An error of the state file. Its text says what, where and what to do; it holds nothing of the file's contents.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another bridge has the file open.
    #[error(
        "the state file is in use by another bridge\n{}\nStop the other bridge, or give this one a file of its own \
         in state.path.",
        .0.display()
    )]
    InUse(PathBuf),
    /// The file or its folder cannot be written.
    #[error(
        "the state file cannot be written\n{}: {reason}\nThe folder must exist, with space left, and the bridge's \
         account must be allowed to write the file and to make others beside it.",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file cannot be written at present.
    #[error(
        "the state file cannot be written at present\n{}: {reason}\nIs the disk full, or does another program hold \
         the file?",
        path.display()
    )]
    Unavailable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file that was opened is not there any more.
    #[error("the state file was removed or replaced while the bridge was running\n{}", .0.display())]
    Gone(PathBuf),
    /// The file is damaged.
    #[error(
        "the state file is damaged or is no state file\n{}: {reason}\nMove it away, with the files of the same name \
         and the endings -wal and -shm, or name another in state.path.",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file belongs to another program.
    #[error(
        "the state file is a database of another program\n{}\nGive the bridge a file of its own in state.path.",
        .0.display()
    )]
    Foreign(PathBuf),
    /// The file was written by a later version of this program.
    #[error(
        "the state file was written by a later version of this program\n{}: its schema is {found}, the newest known \
         here is {known}\nRun that version; or go back to the copy that was made before the upgrade, if it is there: \
         the same name and .schema-{known}; or give this one a file of its own in state.path.",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A number that does not fit into the file.
    #[error("a {what} of {number} does not fit into the state file")]
    TooLarge {
        /// What it counts.
        what: &'static str,
        /// It.
        number: u64,
    },
    /// Anything else that SQLite reports.
    #[error("the state file failed\n{}: {reason}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
}

impl StateError {
    /// Whether it may pass without anybody changing the configuration or a file's rights.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether what the file holds is lost, so that it has to be made anew.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Gone(_))
    }

    pub(super) fn unwritable(path: &Path, error: &io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Unavailable { path, reason }
            }
            _ => Self::Unwritable { path, reason },
        }
    }

    pub(super) fn damaged(path: &Path, reason: impl Display) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Sorts what SQLite says by its primary result code (sqlite.org, "Result and Error Codes").
    pub(super) fn sqlite(path: &Path, error: &sqlx::Error) -> Self {
        const BUSY: u32 = 5;
        const LOCKED: u32 = 6;
        const READONLY: u32 = 8;
        const IOERR: u32 = 10;
        const CORRUPT: u32 = 11;
        const FULL: u32 = 13;
        const CANTOPEN: u32 = 14;
        const NOTADB: u32 = 26;
        let path = path.to_owned();
        match error {
            sqlx::Error::Database(said) => {
                let reason = said.message().to_owned();
                let code = said.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
                match code {
                    Some(CORRUPT | NOTADB) => Self::Damaged { path, reason },
                    Some(READONLY | CANTOPEN) => Self::Unwritable { path, reason },
                    Some(IOERR | FULL | BUSY | LOCKED) => Self::Unavailable { path, reason },
                    _ => Self::Sqlite { path, reason },
                }
            }
            // A column that is missing or of another type: somebody else wrote the file.
            sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => Self::Damaged { path, reason: error.to_string() },
            _ => Self::Sqlite { path, reason: error.to_string() },
        }
    }
}
