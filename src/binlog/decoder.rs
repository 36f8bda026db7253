//! From an event's bytes to an [`Event`].

use super::control;
use super::error::DecodeError;
use super::event::{Event, EventBody, Query};
use super::event_type as types;
use super::format::{CHECKSUM_SIZE, Checksum, Flavor, FormatDescription};
use super::gtid_event;
use super::header::{FLAG_IGNORABLE, FLAG_IN_USE, Header};
use super::input::Input;
use super::payload::Unpacker;
use super::rows::Rows;
use super::table_map::TableMap;
use super::zlib::Inflater;

/// Reads the events of one stream: a connection, or a file. Keeps the format that the last format description said.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    format: Option<FormatDescription>,
    buffers: Buffers,
}

/// Hold what the last event held compressed.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    inflater: Inflater,
    unpacker: Unpacker,
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
    /// believed. What the event holds compressed is decompressed into the decoder.
    ///
    /// # Errors
    /// If the bytes are damaged or contradict the format, or the event may carry rows and is of a type that cannot be
    /// read (rule R4). The decoder stays usable.
    pub fn decode<'a>(&'a mut self, event: &'a [u8]) -> Result<Event<'a>, DecodeError> {
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
            Some(format) => decode_body(&header, body, format, Some(&mut self.buffers))?,
            None => control::rotate(body)?,
        };
        Ok(Event { header, body })
    }
}

/// Reads an event's body. Without `buffers` (inside of a payload) nothing may be compressed.
pub(super) fn decode_body<'a>(
    header: &Header,
    body: &'a [u8],
    format: &'a FormatDescription,
    buffers: Option<&'a mut Buffers>,
) -> Result<EventBody<'a>, DecodeError> {
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
        types::PARTIAL_UPDATE_ROWS if !mariadb => EventBody::Rows(Rows::read(header.type_code, body, post_header)?),
        types::INCIDENT => EventBody::Incident,
        types::HEARTBEAT => control::heartbeat(header, body, mariadb)?,
        types::HEARTBEAT_V2 if !mariadb => control::heartbeat_v2(body)?,
        types::GTID if !mariadb => EventBody::MysqlGtid(Some(gtid_event::mysql(body)?)),
        types::ANONYMOUS_GTID if !mariadb => EventBody::MysqlGtid(None),
        types::GTID_TAGGED if !mariadb => EventBody::MysqlGtid(Some(gtid_event::tagged(body)?)),
        types::PREVIOUS_GTIDS if !mariadb => EventBody::PreviousGtids(gtid_event::previous(body)?),
        types::XA_PREPARE => control::xa_prepare(body)?,
        types::TRANSACTION_PAYLOAD if !mariadb => {
            EventBody::TransactionPayload(given(buffers)?.unpacker.open(header, body, format)?)
        }
        types::QUERY_COMPRESSED if mariadb => {
            let query = control::query(body, post_header)?;
            EventBody::Query(Query { statement: given(buffers)?.inflater.inflate(query.statement)?, ..query })
        }
        types::WRITE_ROWS_COMPRESSED_V1..=types::DELETE_ROWS_COMPRESSED_V2 if mariadb => {
            let rows = Rows::read(header.type_code, body, post_header)?;
            EventBody::Rows(rows.inflated(&mut given(buffers)?.inflater)?)
        }
        types::MARIADB_GTID if mariadb => EventBody::MariadbGtid(gtid_event::mariadb(header, body)?),
        types::MARIADB_GTID_LIST if mariadb => EventBody::MariadbGtidList(gtid_event::list(body)?),
        skipped if types::is_skipped(skipped) => EventBody::Ignored(skipped),
        other if header.flags & FLAG_IGNORABLE != 0 && !types::may_carry_rows(other) => EventBody::Ignored(other),
        other => return Err(unsupported(other)),
    })
}

fn given(buffers: Option<&mut Buffers>) -> Result<&mut Buffers, DecodeError> {
    buffers.ok_or(DecodeError::Malformed { what: "a transaction payload event inside another" })
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
pub(super) fn verify_format_description(event: &[u8]) -> Result<(), DecodeError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An event with these bytes behind the header, and a checksum if asked for.
    fn event(type_code: u8, end_position: u32, flags: u16, body: &[u8], checksum: bool) -> Vec<u8> {
        let size = (Header::SIZE + body.len() + if checksum { CHECKSUM_SIZE } else { 0 }) as u32;
        let mut event = vec![0; 4];
        event.push(type_code);
        event.extend(7u32.to_le_bytes());
        event.extend(size.to_le_bytes());
        event.extend(end_position.to_le_bytes());
        event.extend(flags.to_le_bytes());
        event.extend(body);
        if checksum {
            event.extend(crc32fast::hash(&event).to_le_bytes());
        }
        event
    }

    fn format_description(version: &[u8], types: usize) -> Vec<u8> {
        let mut body = vec![4, 0];
        body.extend(version);
        body.resize(2 + 50 + 4, 0);
        body.push(Header::SIZE as u8);
        body.resize(body.len() + types, 0);
        body.push(1);
        event(types::FORMAT_DESCRIPTION, 0, 0, &body, true)
    }

    fn decoder(version: &[u8], types: usize) -> Decoder {
        let mut decoder = Decoder::new();
        decoder.decode(&format_description(version, types)).unwrap();
        decoder
    }

    fn rotated(decoder: &mut Decoder, event: &[u8]) -> (Vec<u8>, u64) {
        match decoder.decode(event).unwrap().body {
            EventBody::Rotate { file, position } => (file.to_vec(), position),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_rotate_event_may_or_may_not_end_with_a_checksum() {
        let body = [&4u64.to_le_bytes()[..], b"mysql-bin.000001"].concat();
        for checksum in [false, true] {
            let event = event(types::ROTATE, 0, 0x20, &body, checksum);
            assert_eq!(rotated(&mut Decoder::new(), &event), (b"mysql-bin.000001".to_vec(), 4));
        }
        let early = event(types::XID, 0, 0, &1u64.to_le_bytes(), true);
        assert_eq!(Decoder::new().decode(&early).unwrap_err(), DecodeError::NoFormat { type_code: types::XID });
    }

    #[test]
    fn the_flavor_is_known_even_where_the_version_hides_it() {
        let flavor = |version: &[u8], types| decoder(version, types).format().unwrap().flavor;
        assert_eq!(flavor(b"10.11.6-MariaDB-log", 171), Flavor::Mariadb);
        assert_eq!(flavor(b"8.0.36", 41), Flavor::Mysql);
        assert_eq!(flavor(b"5.7.30-custom", 171), Flavor::Mariadb);
    }

    #[test]
    fn a_format_description_in_use_is_checked_without_that_flag() {
        let mut event = format_description(b"8.0.36", 41);
        event[17] |= FLAG_IN_USE as u8;
        assert!(Decoder::new().decode(&event).is_ok());
        event[18] ^= 1;
        assert!(matches!(Decoder::new().decode(&event), Err(DecodeError::Checksum { .. })));
    }

    #[test]
    fn heartbeats_of_all_kinds_tell_where_the_server_reads() {
        let beat = |decoder: &mut Decoder, event: &[u8]| match decoder.decode(event).unwrap().body {
            EventBody::Heartbeat { file, position } => (file.to_vec(), position),
            other => panic!("{other:?}"),
        };
        let expected = |position| (b"b.000009".to_vec(), position);
        let mut mysql = decoder(b"8.4.0", 42);
        let mut mariadb = decoder(b"11.4.2-MariaDB", 171);
        let short = event(types::HEARTBEAT, 4711, 0, b"b.000009", true);
        assert_eq!(beat(&mut mysql, &short), expected(4711));
        assert_eq!(beat(&mut mariadb, &short), expected(4711));
        let long = [&(1u64 << 33).to_le_bytes()[..], b"b.000009"].concat();
        assert_eq!(beat(&mut mariadb, &event(types::HEARTBEAT, 0, 0, &long, true)), expected(1 << 33));
        let fields = b"\x01\x08b.000009\x02\x09\xfe\0\0\0\0\x02\0\0\0\0";
        assert_eq!(beat(&mut mysql, &event(types::HEARTBEAT_V2, 0, 0, fields, true)), expected(1 << 33));
    }

    #[test]
    fn r4_types_that_may_carry_rows_are_refused_by_name_and_unknown_ones_too() {
        let mut mysql = decoder(b"8.4.0", 42);
        let mut mariadb = decoder(b"11.4.2-MariaDB", 171);
        for (decoder, codes) in [(&mut mysql, &[1, 20, 99, 162, 166][..]), (&mut mariadb, &[39, 40, 172, 200])] {
            for code in codes {
                let event = event(*code, 0, 0, b"abc", true);
                let refused = decoder.decode(&event).unwrap_err();
                assert!(matches!(refused, DecodeError::Unsupported { type_code, .. } if type_code == *code), "{code}");
            }
        }
        let ignorable = event(99, 0, FLAG_IGNORABLE, b"abc", true);
        assert!(matches!(mysql.decode(&ignorable).unwrap().body, EventBody::Ignored(99)));
        let rows_of_unknown_make = event(22, 0, FLAG_IGNORABLE, b"abc", true);
        assert!(mysql.decode(&rows_of_unknown_make).is_err(), "the flag does not excuse a type that carries rows");
    }
}
