//! From an event's bytes to an [`Event`].

use super::control;
use super::error::DecodeError;
use super::event::{Event, EventBody};
use super::event_type as types;
use super::format::{CHECKSUM_SIZE, Checksum, Flavor, FormatDescription};
use super::gtid_event;
use super::header::{FLAG_IGNORABLE, FLAG_IN_USE, Header};
use super::input::Input;
use super::rows::Rows;
use super::table_map::TableMap;

/// Reads the events of one stream: a connection, or a file. Keeps the format that the last format description said.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    format: Option<FormatDescription>,
}

impl Decoder {
    /// A decoder at the start of a stream, which knows no format yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The format that the last format description event said.
    pub fn format(&self) -> Option<&FormatDescription> {
        self.format.as_ref()
    }

    /// Reads one whole event: header, body and checksum. Its length and checksum are checked before anything in it is
    /// believed.
    ///
    /// # Errors
    /// If the bytes are damaged or contradict the format, or the event may carry rows and is of a type that cannot be
    /// read (rule R4). The decoder stays usable.
    pub fn decode<'a>(&mut self, event: &'a [u8]) -> Result<Event<'a>, DecodeError> {
        let header = Header::read(event)?;
        if usize::try_from(header.size) != Ok(event.len()) {
            return Err(DecodeError::Size { stated: header.size, actual: event.len() });
        }
        let body = event.get(Header::SIZE..).unwrap_or_default();
        if header.type_code == types::FORMAT_DESCRIPTION {
            let format = FormatDescription::read(body)?;
            if format.checksum == Checksum::Crc32 {
                verify_format_description(event)?;
            }
            self.format = Some(format.clone());
            return Ok(Event { header, body: EventBody::FormatDescription(format) });
        }
        let body = match &self.format {
            Some(FormatDescription { checksum: Checksum::Crc32, .. }) => verified(event)?,
            Some(_) => body,
            // The first events of a connection come before the format is known, and MariaDB ends its rotate event
            // with a checksum all the same, if checksums are on.
            None if header.type_code == types::ROTATE => verified(event).unwrap_or(body),
            None => return Err(DecodeError::NoFormat { type_code: header.type_code }),
        };
        let body = match &self.format {
            Some(format) => decode_body(&header, body, format)?,
            None => control::rotate(body)?,
        };
        Ok(Event { header, body })
    }
}

fn decode_body<'a>(header: &Header, body: &'a [u8], format: &FormatDescription) -> Result<EventBody<'a>, DecodeError> {
    let post_header = format.post_header(header.type_code);
    let mariadb = format.flavor == Flavor::Mariadb;
    Ok(match header.type_code {
        types::QUERY | types::EXECUTE_LOAD_QUERY => EventBody::Query(control::query(body, post_header)?),
        types::STOP => EventBody::Stop,
        types::ROTATE => control::rotate(body)?,
        types::XID => EventBody::Xid(Input::new(body, "the XID event").u64()?),
        types::TABLE_MAP => EventBody::TableMap(TableMap::read(body, post_header, format.flavor)?),
        types::WRITE_ROWS_V1..=types::DELETE_ROWS_V1 | types::WRITE_ROWS_V2..=types::DELETE_ROWS_V2 => {
            EventBody::Rows(Rows::read(header.type_code, body, post_header)?)
        }
        types::INCIDENT => EventBody::Incident,
        types::HEARTBEAT => control::heartbeat(header, body, mariadb)?,
        types::HEARTBEAT_V2 if !mariadb => control::heartbeat_v2(body)?,
        types::GTID if !mariadb => EventBody::MysqlGtid(Some(gtid_event::mysql(body)?)),
        types::ANONYMOUS_GTID if !mariadb => EventBody::MysqlGtid(None),
        types::GTID_TAGGED if !mariadb => EventBody::MysqlGtid(Some(gtid_event::tagged(body)?)),
        types::PREVIOUS_GTIDS if !mariadb => EventBody::PreviousGtids(gtid_event::previous(body)?),
        types::XA_PREPARE => control::xa_prepare(body)?,
        types::MARIADB_GTID if mariadb => EventBody::MariadbGtid(gtid_event::mariadb(header, body)?),
        types::MARIADB_GTID_LIST if mariadb => EventBody::MariadbGtidList(gtid_event::list(body)?),
        ignored if types::ignored(ignored).is_some() => EventBody::Ignored(ignored),
        known if types::name(known) != "unknown" => return Err(unsupported(known)),
        unknown if header.flags & FLAG_IGNORABLE != 0 => EventBody::Ignored(unknown),
        unknown => return Err(unsupported(unknown)),
    })
}

fn unsupported(type_code: u8) -> DecodeError {
    DecodeError::Unsupported { type_code, name: types::name(type_code) }
}

/// The body between header and checksum, if the checksum matches.
fn verified(event: &[u8]) -> Result<&[u8], DecodeError> {
    let (bytes, stated) = split_checksum(event)?;
    let computed = crc32fast::hash(bytes);
    if computed != stated {
        return Err(DecodeError::Checksum { stated, computed });
    }
    Ok(bytes.get(Header::SIZE..).unwrap_or_default())
}

/// The checksum of a format description was made before the server set the flag "in use" in its file; one that was made
/// for a connection may have been made with it.
fn verify_format_description(event: &[u8]) -> Result<(), DecodeError> {
    let (bytes, stated) = split_checksum(event)?;
    let (before, flags, after) = match bytes.split_at_checked(Header::SIZE - 2) {
        Some((before, rest)) => match rest.split_first() {
            Some((flags, after)) => (before, *flags, after),
            None => (before, 0, rest),
        },
        None => (bytes, 0, &[][..]),
    };
    let with = |flags: u8| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(before);
        hasher.update(&[flags]);
        hasher.update(after);
        hasher.finalize()
    };
    let computed = with(flags & !(FLAG_IN_USE as u8));
    if computed == stated || with(flags) == stated {
        return Ok(());
    }
    Err(DecodeError::Checksum { stated, computed })
}

fn split_checksum(event: &[u8]) -> Result<(&[u8], u32), DecodeError> {
    match event.split_last_chunk::<CHECKSUM_SIZE>() {
        Some((bytes, stated)) if bytes.len() >= Header::SIZE => Ok((bytes, u32::from_le_bytes(*stated))),
        _ => Err(DecodeError::Truncated {
            what: "the event's checksum",
            wanted: CHECKSUM_SIZE,
            left: event.len().saturating_sub(Header::SIZE),
        }),
    }
}
