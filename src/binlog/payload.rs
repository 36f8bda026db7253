//! MySQL's compressed transactions (`binlog_transaction_compression`): one event that holds all others.

use std::io::Read;

use zstd::{stream::read::Decoder as ZstdDecoder, zstd_safe::DCtx};

use super::decoder;
use super::error::DecodeError;
use super::event::Event;
use super::event_type as types;
use super::format::FormatDescription;
use super::header::Header;
use super::input::Input;

/// The most that one event may hold: the servers' `max_allowed_packet` cannot be set higher.
const MAX_EVENT: u64 = 1 << 30;
/// A buffer that grew beyond this is given back before the next use.
const KEPT: usize = 16 << 20;

const WHAT: &str = "the transaction payload event";
const INNER: &str = "an event inside a transaction payload";

/// What reading payloads needs and what is used again for the next one.
#[derive(Default)]
pub(super) struct Unpacker {
    /// Made when it is first needed.
    zstd: Option<DCtx<'static>>,
    /// The event at hand.
    event: Vec<u8>,
}

impl Unpacker {
    /// Reads the head of a payload: numbered fields, each with its length (1 the payload's size, 2 the compression,
    /// 3 the size uncompressed), up to field 0 (MySQL source documentation, "Transaction_payload_event").
    pub(super) fn open<'a>(
        &'a mut self,
        header: &Header,
        body: &'a [u8],
        format: &'a FormatDescription,
    ) -> Result<Payload<'a>, DecodeError> {
        let mut input = Input::new(body, WHAT);
        let (mut size, mut compression, mut left) = (None, None, None);
        loop {
            let field = input.packed()?;
            if field == 0 {
                break;
            }
            let mut value = Input::new(input.packed_bytes()?, WHAT);
            match field {
                1 => size = Some(value.packed()?),
                2 => compression = Some(value.packed()?),
                3 => left = Some(value.packed()?),
                _ => {}
            }
        }
        let bytes = input.rest();
        if size != u64::try_from(bytes.len()).ok() {
            return Err(input.malformed());
        }
        let (source, left) = match (compression, left) {
            (Some(0), Some(left)) => {
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    none => none.insert(DCtx::try_create().ok_or(DecodeError::Compression { what: WHAT })?),
                };
                (Source::Zstd(ZstdDecoder::with_context(bytes, zstd)), left)
            }
            (Some(255), _) => (Source::Plain(bytes), bytes.len() as u64),
            _ => return Err(input.malformed()),
        };
        if self.event.capacity() > KEPT {
            self.event = Vec::new();
        }
        Ok(Payload { source, left, event: &mut self.event, header: *header, format })
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

/// A clone has buffers of its own, which start empty.
impl Clone for Unpacker {
    fn clone(&self) -> Self {
        Self::default()
    }
}

enum Source<'a> {
    Plain(&'a [u8]),
    Zstd(ZstdDecoder<'a, &'a [u8]>),
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buffer),
            Self::Zstd(stream) => stream.read(buffer),
        }
    }
}

/// The events of a transaction payload event, from BEGIN to commit. They are decompressed one after the other, so that
/// memory is bounded by the largest of them (and by the compression's window, 2 MiB unless the server was told to
/// compress more; at most 128 MiB).
pub struct Payload<'a> {
    source: Source<'a>,
    /// Bytes of events that are still to come.
    left: u64,
    event: &'a mut Vec<u8>,
    header: Header,
    format: &'a FormatDescription,
}

impl std::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes left)", self.left)
    }
}

impl Payload<'_> {
    /// The next event; `None` behind the last one, and behind an error.
    ///
    /// Inside of a payload events have no place of their own in the log: their headers have the size and the end
    /// position of the event that holds them.
    ///
    /// # Errors
    /// If the payload is damaged, or holds what cannot be read or cannot be there.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, DecodeError> {
        match self.fill() {
            Ok(None) => Ok(None),
            Ok(Some(inner)) => {
                let body = self.event.get(Header::SIZE..).unwrap_or_default();
                let body = decoder::decode_body(&inner, body, self.format, None).inspect_err(|_| {
                    self.left = 0;
                    self.source = Source::Plain(&[]);
                })?;
                let Header { size, end_position, .. } = self.header;
                Ok(Some(Event { header: Header { size, end_position, ..inner }, body }))
            }
            Err(error) => {
                self.left = 0;
                self.source = Source::Plain(&[]);
                Err(error)
            }
        }
    }

    /// Puts the next event into the buffer.
    fn fill(&mut self) -> Result<Option<Header>, DecodeError> {
        self.event.clear();
        if self.left == 0 {
            self.read(1)?;
            return if self.event.is_empty() { Ok(None) } else { Err(DecodeError::Malformed { what: WHAT }) };
        }
        self.read(Header::SIZE as u64)?;
        let header = Header::read(self.event)?;
        let size = u64::from(header.size);
        let rest = size.checked_sub(Header::SIZE as u64).ok_or(DecodeError::Malformed { what: INNER })?;
        if size > self.left.min(MAX_EVENT) || matches!(header.type_code, types::FORMAT_DESCRIPTION | types::ROTATE) {
            return Err(DecodeError::Malformed { what: INNER });
        }
        self.read(rest)?;
        self.left -= size;
        let actual = self.event.len();
        if actual as u64 == size { Ok(Some(header)) } else { Err(DecodeError::Size { stated: header.size, actual }) }
    }

    /// Reads up to `count` bytes into the buffer, which grows with what is there.
    fn read(&mut self, count: u64) -> Result<(), DecodeError> {
        match (&mut self.source).take(count).read_to_end(self.event) {
            Ok(_) => Ok(()),
            Err(_) => Err(DecodeError::Compression { what: WHAT }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Decoder, EventBody};
    use super::*;

    fn event(type_code: u8, body: &[u8]) -> Vec<u8> {
        let mut event = vec![0, 0, 0, 0, type_code, 7, 0, 0, 0];
        event.extend((Header::SIZE as u32 + body.len() as u32).to_le_bytes());
        event.extend([77, 0, 0, 0, 0, 0]);
        event.extend(body);
        event
    }

    fn decoder() -> Decoder {
        let mut body = vec![4, 0];
        body.extend(b"8.4.0");
        body.resize(2 + 50 + 4, 0);
        body.push(Header::SIZE as u8);
        // No checksums.
        body.resize(body.len() + 42 + 5, 0);
        let mut decoder = Decoder::new();
        decoder.decode(&event(types::FORMAT_DESCRIPTION, &body)).unwrap();
        decoder
    }

    fn number(value: usize) -> Vec<u8> {
        [&[254][..], &(value as u64).to_le_bytes()].concat()
    }

    fn field(number_of: u8, value: &[u8]) -> Vec<u8> {
        [&[number_of, value.len() as u8][..], value].concat()
    }

    fn payload(inner: &[u8], uncompressed: usize) -> Vec<u8> {
        let bytes = zstd::encode_all(inner, 3).unwrap();
        let size = field(1, &number(bytes.len()));
        event(40, &[size, field(2, &[0]), field(3, &number(uncompressed)), vec![0], bytes].concat())
    }

    /// The types of the events inside, and how it ended.
    fn read(decoder: &mut Decoder, event: &[u8]) -> (Vec<u8>, Result<(), DecodeError>) {
        let mut types = Vec::new();
        let mut event = match decoder.decode(event) {
            Ok(event) => event,
            Err(error) => return (types, Err(error)),
        };
        let EventBody::TransactionPayload(payload) = &mut event.body else { panic!("{event:?}") };
        let result = loop {
            match payload.next_event() {
                Ok(Some(inner)) => {
                    assert_eq!((inner.header.size, inner.header.end_position), (event.header.size, 77));
                    types.push(inner.header.type_code);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(result.is_ok() || payload.next_event().unwrap().is_none(), "an error ends it");
        (types, result)
    }

    fn inner() -> Vec<u8> {
        [event(types::XID, &[1; 8]), event(36, &[9; 3_000_000]), event(types::XID, &[1; 8])].concat()
    }

    #[test]
    fn events_come_one_by_one_compressed_or_not() {
        let mut decoder = decoder();
        let inner = inner();
        for _ in 0..2 {
            assert_eq!(read(&mut decoder, &payload(&inner, inner.len())), (vec![16, 36, 16], Ok(())));
        }
        let plain = [field(1, &number(inner.len())), field(2, &[252, 255, 0]), vec![0], inner].concat();
        assert_eq!(read(&mut decoder, &event(40, &plain)), (vec![16, 36, 16], Ok(())));
    }

    #[test]
    fn r4_a_payload_that_is_not_what_it_says_is_an_error() {
        let mut decoder = decoder();
        let inner = inner();
        let whole = payload(&inner, inner.len());
        for wrong in [inner.len() - 27, inner.len() - 1, inner.len() + 1, inner.len() + 27, 0] {
            assert!(read(&mut decoder, &payload(&inner, wrong)).1.is_err(), "{wrong}");
        }
        for cut in [30, whole.len() / 2, whole.len() - 1] {
            let mut cut = whole[..cut].to_vec();
            let size = cut.len() as u32;
            cut[9..13].copy_from_slice(&size.to_le_bytes());
            assert!(read(&mut decoder, &cut).1.is_err());
        }
        for unfit in [whole.clone(), event(types::FORMAT_DESCRIPTION, &[0; 99]), event(types::ROTATE, &[4; 20])] {
            assert!(read(&mut decoder, &payload(&unfit, unfit.len())).1.is_err());
        }
        let mut unknown = whole.clone();
        unknown[Header::SIZE + 11 + 2] = 1;
        assert!(read(&mut decoder, &unknown).1.is_err(), "an unknown compression");
        let mut endless = event(36, &[0; 50_000_000]);
        endless[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        let bomb = payload(&endless, endless.len());
        assert!(bomb.len() < 10_000);
        assert!(read(&mut decoder, &bomb).1.is_err());
        assert!(read(&mut decoder, &whole).1.is_ok(), "still usable");
    }
}
