//! A server's answer to a statement, packet by packet. Their bodies are read by `mysql_common`.

use std::sync::Arc;

use mysql_async::Row;
use mysql_common::{
    constants::CapabilityFlags,
    io::ParseBuf,
    packets::{Column, ErrPacket},
    proto::{MyDeserialize, Text},
    row::RowDeserializer,
};

use super::{connection::ConnectionError, replica_session::StatementError};

/// The command that sends a statement (MySQL source, `enum_server_command`).
pub(super) const COM_QUERY: u8 = 3;

/// First byte of a packet without rows, of one with an error, and of one that ends a list of others.
pub(super) const OK: u8 = 0;
pub(super) const ERROR: u8 = 0xff;
const END: u8 = 0xfe;
/// A value in a row that is NULL.
const NULL: u8 = 0xfb;
/// An end is shorter than this; a row may begin with the same byte, but is longer then.
const END_LIMIT: usize = 9;

/// A statement's answer: the number of columns, the columns, an end, rows as text, an end.
#[derive(Default)]
pub(super) struct Answer {
    /// How many columns there are; `None` before the first packet.
    count: Option<usize>,
    columns: Vec<Column>,
    /// All columns, once they have ended.
    row: Option<Arc<[Column]>>,
    rows: Vec<Row>,
}

impl Answer {
    /// Takes the next packet; the rows if it was the last.
    pub(super) fn take(&mut self, packet: &[u8]) -> Result<Option<Vec<Row>>, StatementError> {
        if packet.first() == Some(&ERROR) {
            return Err(refusal(packet));
        }
        match (self.count, &self.row) {
            (None, _) => match packet {
                [OK, ..] => return Ok(Some(Vec::new())),
                // Our statements have few columns; more than 250 would be told in more bytes.
                [count] => self.count = Some(usize::from(*count)),
                _ => return Err(strange().into()),
            },
            (Some(count), None) if self.columns.len() < count => self.columns.push(parse(packet, ())?),
            (Some(_), None) if is_end(packet) => self.row = Some(std::mem::take(&mut self.columns).into()),
            (Some(_), None) => return Err(strange().into()),
            (Some(_), Some(_)) if is_end(packet) => return Ok(Some(std::mem::take(&mut self.rows))),
            (Some(_), Some(columns)) => self.rows.push(row(packet, columns)?),
        }
        Ok(None)
    }
}

/// A row. MySQL leaves the UUID of a replica that has none out of SHOW SLAVE HOSTS' rows, instead of telling NULL.
fn row(packet: &[u8], columns: &Arc<[Column]>) -> Result<Row, ConnectionError> {
    let read = |packet: &[u8]| parse::<RowDeserializer<(), Text>>(packet, columns.clone());
    let row = read(packet).or_else(|_| read(&[packet, &[NULL]].concat()));
    Ok(row?.into_inner())
}

/// Whether the packet ends a list of others, or the log.
pub(super) fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&END) && packet.len() < END_LIMIT
}

/// Reads a packet of a known kind.
pub(super) fn parse<'a, T: MyDeserialize<'a>>(packet: &'a [u8], context: T::Ctx) -> Result<T, ConnectionError> {
    ParseBuf(packet).parse(context).map_err(|_| strange())
}

/// The error in a packet.
pub(super) fn refusal(packet: &[u8]) -> StatementError {
    match parse::<ErrPacket<'_>>(packet, CapabilityFlags::CLIENT_PROTOCOL_41) {
        Ok(ErrPacket::Error(error)) => {
            StatementError::Refused { code: error.error_code(), text: error.message_str().into_owned() }
        }
        Ok(ErrPacket::Progress(_)) => strange().into(),
        Err(error) => error.into(),
    }
}

/// What is said of a packet that nobody expects.
pub(super) fn strange() -> ConnectionError {
    ConnectionError::Lost("the server sent an answer that cannot be read".to_owned())
}

impl From<ConnectionError> for StatementError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}
