//! Packets of the client/server protocol, one after the other: to log in, and for statements.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    super::connection::{ConnectionError, MAX_PACKET},
    stream::Stream,
};

/// The most that one packet holds: one that is as long goes on in the next, which may be empty (MySQL source, "MySQL
/// Packets" of the client/server protocol).
pub(super) const FULL: usize = 0xff_ffff;

/// A packet's length and number.
pub(super) const HEADER: usize = 4;

/// Packets as they are meant: joined where they were split, and none missing in between.
pub(super) struct Packets {
    pub(super) stream: Stream,
    /// The number of the next packet, whoever sends it.
    number: u8,
}

impl Packets {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, number: 0 }
    }

    /// Begins a command; what is read next is its answer.
    pub(super) async fn command(&mut self, command: &[u8]) -> Result<(), ConnectionError> {
        self.number = 0;
        self.write(command).await
    }

    /// Sends a packet of the exchange under way.
    pub(super) async fn write(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() >= FULL {
            return Err(ConnectionError::Lost("a statement is too long for one packet".to_owned()));
        }
        let [a, b, c, _] = (payload.len() as u32).to_le_bytes();
        let packet = [&[a, b, c, self.number], payload].concat();
        self.number = self.number.wrapping_add(1);
        self.stream.write_all(&packet).await.map_err(|error| lost(&error))?;
        self.stream.flush().await.map_err(|error| lost(&error))
    }

    /// The next packet's payload. Reads no byte beyond it. To be waited for until it is there.
    pub(super) async fn read(&mut self) -> Result<Vec<u8>, ConnectionError> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; HEADER];
            self.stream.read_exact(&mut header).await.map_err(|error| lost(&error))?;
            let length = part_length(header, &mut self.number)?;
            let begin = payload.len();
            if begin + length > MAX_PACKET {
                return Err(too_large());
            }
            payload.resize(begin + length, 0);
            let part = payload.get_mut(begin..).unwrap_or_default();
            self.stream.read_exact(part).await.map_err(|error| lost(&error))?;
            if length < FULL {
                return Ok(payload);
            }
        }
    }
}

/// The length that a packet's header tells. `number` is the one that it must have, and then the next.
pub(super) fn part_length(header: [u8; HEADER], number: &mut u8) -> Result<usize, ConnectionError> {
    let [a, b, c, found] = header;
    if found != *number {
        return Err(ConnectionError::Lost("a packet of the server is missing".to_owned()));
    }
    *number = number.wrapping_add(1);
    Ok(u32::from_le_bytes([a, b, c, 0]) as usize)
}

pub(super) fn too_large() -> ConnectionError {
    ConnectionError::Unreadable("the server sent a packet that is too large".to_owned())
}

/// What an error of the network means. The connection is not used again: a part of a packet may be lost.
pub(super) fn lost(error: &io::Error) -> ConnectionError {
    ConnectionError::Lost(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    })
}
