//! What can go wrong with the server.

use super::{change::Doubt, database_error::DatabaseError};
use crate::binlog::DecodeError;

/// An error of the source. Its text says what, where and what to do; it holds no row values, statement text or
/// passwords (rule D4).
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The server could not be reached, or the connection was lost.
    #[error("no connection to {server}: {reason}")]
    Connection {
        /// Host and port, or socket.
        server: String,
        /// What the network or the server said.
        reason: String,
    },
    /// The server refused the account or one of its rights.
    #[error("{server} refuses the account: {reason}. What it needs: {grant}")]
    Access {
        /// Host and port, or socket.
        server: String,
        /// What the server said.
        reason: String,
        /// The GRANT that mends it.
        grant: String,
    },
    /// `mysql.url`, `mysql.tls` or another setting cannot be used.
    #[error("{key}: {reason}")]
    Configuration {
        /// The configuration key.
        key: &'static str,
        /// What is wrong with it and what is allowed.
        reason: String,
    },
    /// The server has deleted the log from the position that reading must begin at, or never had it.
    #[error("the server no longer has its log from {position} on: {reason}")]
    Purged {
        /// Where reading had to begin.
        position: String,
        /// What the server said.
        reason: String,
    },
    /// The server's log is not the one that was read before, though it has a file of the same name.
    #[error("the server's log was started anew: its file {file} was made at another time than the one that was read")]
    Anew {
        /// The file.
        file: String,
    },
    /// Another replica uses our server_id or UUID.
    #[error(
        "another replica of this server uses server_id {server_id}: give each reader its own `mysql.server_id` \
         (the server said: {reason})"
    )]
    ServerIdClash {
        /// Our id.
        server_id: u32,
        /// What the server said.
        reason: String,
    },
    /// The server cannot send its log as asked.
    #[error("the server cannot send its log: {reason}")]
    Dump {
        /// What the server said and what to do.
        reason: String,
    },
    /// The server's log cannot be read with certainty for a watched table (rule R4).
    #[error("the log cannot be read with certainty, {0}")]
    Doubt(Doubt),
    /// A row image of the log could not be read.
    #[error("a row of {table} cannot be read: {error}")]
    Row {
        /// The table.
        table: String,
        /// Why.
        error: DecodeError,
    },
    /// The server answered something that this program does not understand.
    #[error("{server} answered a query about {about} unexpectedly: {reason}")]
    Answer {
        /// Host and port, or socket.
        server: String,
        /// What was asked.
        about: &'static str,
        /// What is wrong with the answer; no values.
        reason: String,
    },
    /// An SQL statement failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Nobody takes the reader's messages any more.
    #[error("the receiver of the reader's messages is gone")]
    Closed,
}
