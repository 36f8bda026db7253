//! What MariaDB compresses inside of events (`log_bin_compress`): statements, and the rows of rows events.

use flate2::{Decompress, FlushDecompress, Status};

use super::error::DecodeError;
use super::input::Input;

/// The most that one part may give: `max_allowed_packet`, which bounds rows and statements, cannot be set higher.
const MAX_LENGTH: usize = 1 << 30;
/// What a damaged length may make us allocate before the first byte is there.
const FIRST_GROWTH: usize = 64 << 10;
/// A buffer that grew beyond this is given back before the next use.
const KEPT: usize = 16 << 20;

pub(super) const WHAT: &str = "compressed data";

/// Decompresses one part after the other into the same buffer.
#[derive(Default)]
pub(super) struct Inflater {
    /// Made when it is first needed.
    zlib: Option<Decompress>,
    bytes: Vec<u8>,
}

impl Inflater {
    /// The bytes behind a MariaDB compression header: a byte with the algorithm (0 is zlib) and the number of bytes in
    /// the length behind it, that length in big-endian order, the compressed bytes (MariaDB source,
    /// `binlog_buf_uncompress`).
    ///
    /// The length only bounds what is taken; memory grows with what is really there.
    pub(super) fn inflate(&mut self, compressed: &[u8]) -> Result<&[u8], DecodeError> {
        let mut input = Input::new(compressed, WHAT);
        let header = input.u8()?;
        if header & 0x70 != 0 || !(1..=4).contains(&(header & 7)) {
            return Err(input.malformed());
        }
        let length = stated_length(input.bytes(usize::from(header & 7))?).ok_or_else(|| input.malformed())?;
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        let zlib = self.zlib.get_or_insert_with(|| Decompress::new(true));
        zlib.reset(true);
        inflate(zlib, input.rest(), length, &mut self.bytes)?;
        Ok(&self.bytes)
    }
}

/// The length that MariaDB writes in front of what it compresses, the highest byte first; `None` if it cannot be.
pub(super) fn stated_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH)
}

/// Appends to `out`, which is empty, what `input` gives: `length` bytes, or it is an error. Memory grows with what is
/// really there.
pub(super) fn inflate(
    zlib: &mut Decompress,
    mut input: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let failed = || DecodeError::Compression { what: WHAT };
    loop {
        let (had, read) = (out.len(), zlib.total_in());
        let missing = length.checked_sub(had).ok_or_else(failed)?;
        // One more than is missing, so that the stream's end is seen.
        out.reserve(missing.min(had.max(FIRST_GROWTH)) + 1);
        let status = zlib.decompress_vec(input, out, FlushDecompress::None).map_err(|_| failed())?;
        let taken = usize::try_from(zlib.total_in() - read).map_err(|_| failed())?;
        input = input.get(taken..).unwrap_or_default();
        match status {
            Status::StreamEnd if out.len() == length && input.is_empty() => return Ok(()),
            Status::Ok | Status::BufError if taken > 0 || out.len() > had => {}
            _ => return Err(failed()),
        }
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

/// A clone has a buffer of its own, which starts empty.
impl Clone for Inflater {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(header: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(header.to_vec(), flate2::Compression::default());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn lengths_of_one_to_four_bytes_are_read() {
        let mut inflater = Inflater::default();
        for header in [&[0x81, 200][..], &[0x82, 0, 200], &[0x83, 0, 0, 200], &[0x84, 0, 0, 0, 200]] {
            assert_eq!(inflater.inflate(&compressed(header, &[7; 200])).unwrap(), [7; 200]);
        }
        let long: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let header = [&[0x84][..], &(long.len() as u32).to_be_bytes()].concat();
        assert_eq!(inflater.inflate(&compressed(&header, &long)).unwrap(), long);
    }

    #[test]
    fn r4_another_length_or_algorithm_than_stated_is_an_error() {
        let mut inflater = Inflater::default();
        for header in [&[0x81, 199][..], &[0x81, 201], &[0x84, 0xff, 0xff, 0xff, 0xff], &[0x91, 200], &[0x80], &[0x85]]
        {
            assert!(inflater.inflate(&compressed(header, &[7; 200])).is_err(), "{header:?}");
        }
        let whole = compressed(&[0x81, 200], &[7; 200]);
        for end in 0..whole.len() {
            assert!(inflater.inflate(&whole[..end]).is_err(), "{end}");
        }
        assert!(inflater.inflate(&[&whole[..], &[0]].concat()).is_err());
        let bomb = compressed(&[0x82, 0xff, 0xff], &[0; 10_000_000]);
        assert!(inflater.inflate(&bomb).is_err());
        assert!(inflater.bytes.capacity() < 1 << 20, "a bomb is cut off at its stated length");
        assert_eq!(inflater.inflate(&whole).unwrap(), [7; 200], "still usable");
    }
}
