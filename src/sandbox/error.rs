//! What can go wrong with a private server.

use std::path::PathBuf;

/// Why a private server could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A program is not on this machine.
    #[error("{program} is not installed here (looked in {looked}); {hint}")]
    Missing {
        /// The program that was looked for.
        program: &'static str,
        /// Where.
        looked: String,
        /// How to get it.
        hint: String,
    },
    /// Private servers need Unix sockets and a shell.
    #[error("private servers run on Linux and macOS only; use a server of your own, or Docker")]
    Unsupported,
    /// The data folder could not be made.
    #[error("{program} could not make an empty data folder; it said:\n{said}")]
    Initialise {
        /// The program that was run.
        program: String,
        /// The end of what it printed.
        said: String,
    },
    /// The server ended by itself while it was starting, or did not answer.
    #[error("the private server {how}; the end of its log:\n{said}")]
    Start {
        /// What happened.
        how: String,
        /// The end of its log.
        said: String,
    },
    /// The server is not running.
    #[error("the private server is not running: call restart() first")]
    Stopped,
    /// A file or a process could not be handled.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted, as "cannot write".
        what: &'static str,
        /// With which file or program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server refused a statement, or the connection broke.
    #[error("the private server said: {0}")]
    Sql(#[from] mysql_async::Error),
    /// A value asked for as text is not UTF-8.
    #[error("a value is not UTF-8 text; ask for HEX(column) instead")]
    NotText,
}

impl SandboxError {
    /// For `map_err`: an I/O error with what was attempted, and on what.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
