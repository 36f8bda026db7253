//! Values of MariaDB's COMPRESSED columns.

use std::borrow::Cow;

use flate2::Decompress;

use super::column_type::ColumnType;
use super::error::DecodeError;
use super::zlib;

/// The first byte of a value that was not worth compressing.
const PLAIN: u8 = 0;

/// The value behind its header: a byte with the method (zlib alone exists), whether the zlib stream has neither header
/// nor checksum (bit 3), and how many bytes of the value's length follow, the highest first (MariaDB source,
/// `Field_longstr::uncompress`). An empty value has no header, and none is longer than its column can hold.
pub(super) fn decompress(value: &[u8], column: ColumnType) -> Result<Cow<'_, [u8]>, DecodeError> {
    let failed = DecodeError::Compression { what: zlib::WHAT };
    let (header, behind) = match value {
        [] | [PLAIN] => return Ok(Cow::Borrowed(&[])),
        [PLAIN, plain @ ..] => return Ok(Cow::Borrowed(plain)),
        [header, behind @ ..] if header >> 4 == 8 => (header, behind),
        _ => return Err(failed),
    };
    let Some((length, compressed)) = behind.split_at_checked(usize::from(header & 7)) else { return Err(failed) };
    let length = zlib::stated_length(length).filter(|length| *length <= longest(column)).ok_or(failed)?;
    let mut out = Vec::new();
    zlib::inflate(&mut Decompress::new(header & 8 == 0), compressed, length, &mut out)?;
    Ok(Cow::Owned(out))
}

/// Most bytes of a column's values.
fn longest(column: ColumnType) -> usize {
    match column {
        ColumnType::CompressedVarchar { bytes } => usize::from(bytes),
        ColumnType::CompressedBlob { prefix: prefix @ 1..=3 } => (1 << (8 * prefix)) - 1,
        _ => usize::MAX,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_bytes_are_a_value_or_an_error() {
        proptest!(|(header in prop_oneof![0x80..=0x8fu8, any::<u8>()], bytes in prop::collection::vec(any::<u8>(), 0..60))| {
            let value = [&[header][..], &bytes].concat();
            let varchar = ColumnType::CompressedVarchar { bytes: 30 };
            match decompress(&value, varchar) {
                Ok(Cow::Owned(plain)) => prop_assert!(plain.len() <= 30),
                Ok(Cow::Borrowed(plain)) => prop_assert_eq!(plain, &bytes),
                Err(error) => prop_assert_eq!(error, DecodeError::Compression { what: zlib::WHAT }),
            }
        });
    }

    #[test]
    fn r4_another_length_than_stated_or_possible_is_an_error() {
        let column = ColumnType::CompressedVarchar { bytes: 101 };
        let mut writer = flate2::write::ZlibEncoder::new(vec![0x81, 100], flate2::Compression::default());
        writer.write_all(&[7; 100]).unwrap();
        let mut value = writer.finish().unwrap();
        assert_eq!(*decompress(&value, column).unwrap(), [7; 100]);
        assert!(decompress(&value, ColumnType::CompressedVarchar { bytes: 51 }).is_err(), "longer than its column");
        for stated in [0, 99, 101] {
            value[1] = stated;
            assert!(decompress(&value, column).is_err(), "{stated}");
        }
    }
}
