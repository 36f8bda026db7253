//! Packets of the client/server protocol, over a connection of `mysql_cdc`.

use std::io;

use mysql_cdc::{
    binlog_client::BinlogClient, binlog_events::BinlogEvents, errors::Error, events::event_parser::EventParser,
    providers::mysql::mysql_provider::replicate_mysql, replica_options::ReplicaOptions,
};

use super::super::connection::{ConnectionError, MAX_PACKET};

/// The most that one packet holds: one that is as long goes on in the next, which may be empty (MySQL source, "MySQL
/// Packets" of the client/server protocol).
const FULL: usize = 0xff_ffff;

/// Packets as they are meant: joined where they were split, and none missing in between.
pub(super) struct Packets {
    /// Only its channel is used. That one's type has no public name, so this one is kept.
    stream: BinlogEvents,
    /// The number that the next packet must have.
    number: u8,
}

impl Packets {
    /// Connects and logs in.
    pub(super) fn log_in(client: &BinlogClient) -> Result<Self, Error> {
        let (channel, _) = client.connect()?;
        Ok(Self { stream: BinlogEvents { channel, parser: EventParser::new() }, number: 0 })
    }

    /// Sends a command; what is read next is its answer.
    pub(super) fn command(&mut self, command: &[u8]) -> Result<(), ConnectionError> {
        self.number = 1;
        self.stream.channel.write_packet(command, 0).map_err(|error| lost(&error))
    }

    /// Asks for the log; what is read next is the log.
    pub(super) fn ask_for_log(&mut self, options: &ReplicaOptions) -> Result<(), ConnectionError> {
        self.number = 1;
        // Sends the request and nothing else, so it does for MariaDB too.
        replicate_mysql(&mut self.stream.channel, options, options.server_id).map_err(|error| match error {
            Error::IoError(error) => lost(&error),
            _ => ConnectionError::Lost("mysql_cdc could not ask for the log".to_owned()),
        })
    }

    /// The next packet's payload.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, ConnectionError> {
        let mut payload = self.read_part()?;
        let mut part = payload.len();
        while part == FULL {
            let more = self.read_part()?;
            part = more.len();
            if payload.len() + part > MAX_PACKET {
                return Err(ConnectionError::Unreadable("the server sent a packet that is too large".to_owned()));
            }
            payload.extend_from_slice(&more);
        }
        Ok(payload)
    }

    fn read_part(&mut self) -> Result<Vec<u8>, ConnectionError> {
        let (payload, number) = self.stream.channel.read_packet().map_err(|error| lost(&error))?;
        if number != self.number {
            return Err(ConnectionError::Lost("a packet of the server is missing".to_owned()));
        }
        self.number = number.wrapping_add(1);
        Ok(payload)
    }
}

/// What an error of the network means. It is never used again: a part of a packet may be lost.
pub(super) fn lost(error: &io::Error) -> ConnectionError {
    ConnectionError::Lost(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        // Unix and Windows name it differently.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the server is silent".to_owned(),
        _ => error.to_string(),
    })
}
