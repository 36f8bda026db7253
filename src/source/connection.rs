//! A connection over which the server sends its log: raw events, and nothing of them understood.

use std::task::{Context, Poll};

use super::{error::SourceError, identity::Identity, replica_id::ReplicaId};
use crate::binlog::Position;

/// Hands out the events of a log as bytes.
pub(super) trait BinlogConnection: Send {
    /// The server at the other end.
    fn identity(&self) -> &Identity;

    /// Waits for the next event and puts its bytes into `event`, in place of what is there: header, body and checksum,
    /// nothing checked. Giving up waiting loses nothing.
    fn poll_event(&mut self, context: &mut Context<'_>, event: &mut Vec<u8>) -> Poll<Result<(), ConnectionError>>;
}

/// Makes connections.
pub(super) trait ConnectionMaker: Send + Sync {
    /// Connects and asks for the log from `start` on: by GTID if the position has GTIDs and the server takes them, else
    /// by file and offset.
    fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
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
