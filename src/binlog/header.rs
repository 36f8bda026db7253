//! The header that every event starts with.

use super::error::DecodeError;
use super::input::Input;

/// Set on events that the server made up for this connection and that stand in no file
/// (`LOG_EVENT_ARTIFICIAL_F`).
pub(crate) const FLAG_ARTIFICIAL: u16 = 0x20;
/// Set on events that whoever does not know their type may skip (`LOG_EVENT_IGNORABLE_F`).
pub(crate) const FLAG_IGNORABLE: u16 = 0x80;
/// Set in the format description of a file that its server still writes, or did not close
/// (`LOG_EVENT_BINLOG_IN_USE_F`).
pub(crate) const FLAG_IN_USE: u16 = 0x01;

/// What every event starts with (MySQL source documentation, "Binlog Event Header").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Seconds since 1970, of the statement's start or of the commit; 0 on most artificial events.
    pub timestamp: u32,
    /// Which event it is.
    pub type_code: u8,
    /// The server that first logged it.
    pub server_id: u32,
    /// Bytes of the whole event, header and checksum included.
    pub size: u32,
    /// Offset of the event behind this one. 0 on artificial events, and inside transactions on MariaDB 11.4 and later;
    /// wraps in files over 4 GB.
    pub end_position: u32,
    /// `LOG_EVENT_…_F` bits.
    pub flags: u16,
}

impl Header {
    /// Bytes of a header.
    pub const SIZE: usize = 19;

    /// Reads the first [`Header::SIZE`] bytes of `event`.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn read(event: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(event, "the event header");
        Ok(Self {
            timestamp: input.u32()?,
            type_code: input.u8()?,
            server_id: input.u32()?,
            size: input.u32()?,
            end_position: input.u32()?,
            flags: input.u16()?,
        })
    }

    /// Whether the server made this event up for the connection, so that it stands in no file.
    pub fn is_artificial(&self) -> bool {
        self.flags & FLAG_ARTIFICIAL != 0
    }
}
