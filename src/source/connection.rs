//! A connection over which the server sends its log: raw events, and nothing of them understood.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use super::{batch::Batch, error::SourceError, identity::Identity, replica_id::ReplicaId};
use crate::binlog::Position;

/// How long connecting, logging in and preparing the session may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest packet that the servers can send, in bytes.
pub(super) const MAX_PACKET: usize = 1 << 30;

/// Hands out the events of a log as bytes.
pub(super) trait BinlogConnection: Send {
    /// The server at the other end.
    fn identity(&self) -> &Identity;

    /// Waits for the next event and appends its bytes: header, body and checksum, nothing checked; and those of others
    /// that are at hand. Giving up waiting loses nothing. Not to be called again after an error.
    fn poll_append(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>>;
}

/// Makes connections.
pub(super) trait ConnectionMaker: Send + Sync {
    /// Connects and asks for the log from `start` on: by GTID if the position has GTIDs and the server takes them, else
    /// by file and offset. Whoever takes the events gives up after a silence of `patience`; the connection need not be
    /// able to wait longer.
    fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
        patience: Duration,
    ) -> impl Future<Output = Result<Box<dyn BinlogConnection>, ConnectionError>> + Send;
}

/// Why there is no connection, or no longer one.
#[derive(Debug)]
pub(super) enum ConnectionError {
    /// A new connection may mend it.
    Lost(String),
    /// The connection's library could not take an event apart; the text holds none of its bytes. If it happens again
    /// at the same position, a new connection will not mend it.
    Unreadable(String),
    /// Another replica has our server_id or UUID.
    Clash(String),
    /// A new connection will not mend it.
    Final(SourceError),
}
