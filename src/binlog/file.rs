//! Binlog files on disk: the magic number, then one event behind the other.

use std::io::{self, Read};

use super::decoder;
use super::error::DecodeError;
use super::event_type;
use super::format::{Checksum, FormatDescription};
use super::header::{FLAG_IN_USE, Header};

/// The first bytes of a binlog file.
const MAGIC: [u8; 4] = *b"\xfebin";
/// Those of a file that MySQL encrypted (`binlog_encryption`).
const MAGIC_ENCRYPTED: [u8; 4] = *b"\xfdbin";

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as a binlog file.
    #[error("this is no binlog file: it does not begin with the bytes fe 62 69 6e")]
    Magic,
    /// The server encrypted it.
    #[error("this binlog file is encrypted; only its server can read it (`tail` and `run` get it decrypted)")]
    Encrypted,
    /// It ends inside an event.
    #[error("the file ends inside an event: {wanted} bytes expected, {found} found")]
    Truncated {
        /// Bytes of the event, or of its header.
        wanted: u64,
        /// Bytes there.
        found: u64,
    },
    /// It ends between two events, but its server had closed it and the event that comes last then is not there.
    #[error(
        "the file ends without the event that closes it: it was cut off, its server died while it wrote it, or it was \
         copied meanwhile (mysqlbinlog --raw)"
    )]
    Unfinished,
    /// An event cannot be right.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Cuts a binlog file into events. Holds one event at a time.
pub struct FileEvents<R> {
    reader: R,
    event: Vec<u8>,
    /// Where the next event starts.
    offset: u64,
    ending: Ending,
}

/// What a file's end may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Behind an event: there is none yet.
    NoEvent,
    /// Anywhere between two events: the server still writes it, or died while it did.
    Open,
    /// Behind a rotate or stop event, which has not come yet.
    Closed,
    /// Here.
    Reached,
}

impl<R> std::fmt::Debug for FileEvents<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileEvents(at {})", self.offset)
    }
}

impl<R: Read> FileEvents<R> {
    /// Begins at the start of a file. `reader` should be buffered.
    ///
    /// # Errors
    /// If it is not a binlog file, or an encrypted one.
    pub fn new(mut reader: R) -> Result<Self, FileError> {
        let mut magic = [0; MAGIC.len()];
        let read = read_up_to(&mut reader, &mut magic)?;
        match magic {
            MAGIC if read == MAGIC.len() => {
                Ok(Self { reader, event: Vec::new(), offset: MAGIC.len() as u64, ending: Ending::NoEvent })
            }
            MAGIC_ENCRYPTED => Err(FileError::Encrypted),
            _ => Err(FileError::Magic),
        }
    }

    /// Where the next event starts, in bytes; after an error, where the event is that cannot be read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes of the next event with the offset at which it starts; `None` at the file's end.
    ///
    /// # Errors
    /// If the file ends inside an event, or where it cannot end, or the event cannot be right. The file cannot be read on
    /// then. [`FileError::Unfinished`] comes behind the last event: all that is there has been read.
    pub fn next_event(&mut self) -> Result<Option<(u64, &[u8])>, FileError> {
        let mut header = [0; Header::SIZE];
        let read = read_up_to(&mut self.reader, &mut header)?;
        if read == 0 && self.ending != Ending::NoEvent {
            return if self.ending == Ending::Closed { Err(FileError::Unfinished) } else { Ok(None) };
        }
        if read < Header::SIZE {
            return Err(FileError::Truncated { wanted: Header::SIZE as u64, found: read as u64 });
        }
        let read_header = Header::read(&header)?;
        let size = u64::from(read_header.size);
        let Some(rest) = size.checked_sub(Header::SIZE as u64) else {
            return Err(DecodeError::Size { stated: read_header.size, actual: Header::SIZE }.into());
        };
        self.event.clear();
        self.event.extend_from_slice(&header);
        // A damaged size must not take memory that no bytes fill, so the buffer grows with what is read.
        let found = (&mut self.reader).take(rest).read_to_end(&mut self.event)? as u64;
        if found < rest {
            return Err(FileError::Truncated { wanted: size, found: found + Header::SIZE as u64 });
        }
        if read_header.type_code == event_type::START_ENCRYPTION {
            return Err(FileError::Encrypted);
        }
        self.ending = match (self.ending, read_header.type_code) {
            (Ending::NoEvent, event_type::FORMAT_DESCRIPTION) => self.begin(&read_header)?,
            (Ending::NoEvent, _) => Ending::Open,
            (Ending::Open, _) => Ending::Open,
            (_, event_type::ROTATE | event_type::STOP) => Ending::Reached,
            _ => Ending::Closed,
        };
        let at = self.offset;
        self.offset += size;
        Ok(Some((at, &self.event)))
    }

    /// Looks at the file's first event. Its checksum is there even if the others have none, so that damage cannot hide
    /// that they have; but where a server sent it from the middle of a file, with an end position of 0 (`mysqlbinlog
    /// --raw --start-position`), it did not count it again.
    fn begin(&self, header: &Header) -> Result<Ending, FileError> {
        let format = FormatDescription::read(self.event.get(Header::SIZE..).unwrap_or_default())?;
        if format.is_checked && format.checksum == Checksum::None && header.end_position != 0 {
            decoder::verify_format_description(&self.event)?;
        }
        Ok(if header.flags & FLAG_IN_USE == 0 { Ending::Closed } else { Ending::Open })
    }
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_binlog_file() {
        assert!(matches!(FileEvents::new(&b""[..]), Err(FileError::Magic)));
        assert!(matches!(FileEvents::new(&b"hello"[..]), Err(FileError::Magic)));
        assert!(matches!(FileEvents::new(&b"\xfdbin...."[..]), Err(FileError::Encrypted)));
    }

    /// An event without a checksum, and with zeros as its body.
    fn event(type_code: u8, flags: u8, body: usize) -> Vec<u8> {
        let mut event = vec![0; Header::SIZE + body];
        event[4] = type_code;
        event[9] = event.len() as u8;
        event[17] = flags;
        event
    }

    /// How a file of MySQL 5.5 with these events ends.
    fn end(flags: u8, events: &[u8]) -> Result<(), FileError> {
        let mut format = event(event_type::FORMAT_DESCRIPTION, flags, 2 + 50 + 4 + 1 + 27);
        format[Header::SIZE] = 4;
        format[Header::SIZE + 2..][..3].copy_from_slice(b"5.5");
        format[Header::SIZE + 2 + 50 + 4] = Header::SIZE as u8;
        let file =
            [&MAGIC[..], &format, &events.iter().flat_map(|code| event(*code, 0, 8)).collect::<Vec<u8>>()].concat();
        let mut events = FileEvents::new(&*file)?;
        while events.next_event()?.is_some() {}
        Ok(())
    }

    #[test]
    fn r4_a_closed_file_ends_behind_the_event_that_closes_it() {
        assert!(matches!(end(0, &[]), Err(FileError::Unfinished)));
        assert!(matches!(end(0, &[event_type::QUERY, event_type::XID]), Err(FileError::Unfinished)));
        assert!(end(0, &[event_type::QUERY, event_type::ROTATE]).is_ok());
        assert!(end(0, &[event_type::STOP]).is_ok());
        assert!(end(FLAG_IN_USE as u8, &[event_type::QUERY]).is_ok(), "one that is still written");
        let nothing = FileEvents::new(&MAGIC[..]).unwrap().next_event().map(|_| ());
        assert!(matches!(nothing, Err(FileError::Truncated { wanted: 19, found: 0 })));
    }

    #[test]
    fn a_file_that_ends_inside_an_event_says_so() {
        let mut events = FileEvents::new(&b"\xfebin1234"[..]).unwrap();
        assert!(matches!(events.next_event(), Err(FileError::Truncated { wanted: 19, found: 4 })));
        let mut header = [0; 19];
        header[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        let bytes = [&b"\xfebin"[..], &header].concat();
        let mut events = FileEvents::new(&bytes[..]).unwrap();
        assert!(matches!(events.next_event(), Err(FileError::Truncated { wanted: 0xffff_ffff, found: 19 })));
    }
}
