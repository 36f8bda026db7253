//! Values of MariaDB's COMPRESSED columns.

use std::borrow::Cow;

use flate2::Decompress;

use super::error::DecodeError;
use super::zlib;

const WHAT: &str = "a compressed value";
/// The first byte of a value that was not worth compressing.
const PLAIN: u8 = 0;

/// The value behind its header: a byte with the method (zlib alone exists), whether the zlib stream has neither header
/// nor checksum (bit 3), and how many bytes of the value's length follow, the highest first (MariaDB source,
/// `Field_longstr::uncompress`). An empty value has no header.
pub(super) fn decompress(value: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    let failed = DecodeError::Compression { what: WHAT };
    let (header, behind) = match value {
        [] | [PLAIN] => return Ok(Cow::Borrowed(&[])),
        [PLAIN, plain @ ..] => return Ok(Cow::Borrowed(plain)),
        [header, behind @ ..] if header >> 4 == 8 => (header, behind),
        _ => return Err(failed),
    };
    let Some((length, compressed)) = behind.split_at_checked(usize::from(header & 7)) else { return Err(failed) };
    let length = zlib::stated_length(length).ok_or(failed)?;
    let mut out = Vec::new();
    zlib::inflate(&mut Decompress::new(header & 8 == 0), compressed, length, &mut out)?;
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_bytes_are_a_value_or_an_error() {
        proptest!(|(header in prop_oneof![0x80..=0x8fu8, any::<u8>()], bytes in prop::collection::vec(any::<u8>(), 0..60))| {
            let value = [&[header][..], &bytes].concat();
            if let Ok(plain) = decompress(&value) {
                // zlib makes at most 1032 bytes of one.
                prop_assert!(plain.len() <= 1032 * value.len());
            }
        });
    }
}
