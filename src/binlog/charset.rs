//! Text by its column's collation: decoded exactly, or refused (rule R3).

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The collation of bytes that are no text.
pub const BINARY: u16 = 63;

/// Why text could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CharsetError {
    /// Nobody told the column's collation: the server does not send it (`binlog_row_metadata`).
    #[error("the column's character set is not known")]
    Unknown,
    /// A collation that this program does not know.
    #[error("collation id {collation} is not known")]
    Collation {
        /// Its id in `information_schema.COLLATIONS`.
        collation: u16,
    },
    /// A character set that cannot be decoded exactly.
    #[error("character set {name} is not supported; convert the column to utf8mb4")]
    Unsupported {
        /// Its name.
        name: &'static str,
    },
    /// Bytes that the character set does not have.
    #[error("the bytes are no text in character set {name}")]
    Invalid {
        /// Its name.
        name: &'static str,
    },
}

#[derive(Clone, Copy)]
enum Charset {
    Utf8(&'static str),
    Ascii,
    Ucs2,
    Utf16,
    Utf16Le,
    Utf32,
    Binary,
    /// One that `encoding_rs` decodes as the servers do: a test compares every character that the server has. Bytes for
    /// which it has none, so that a SELECT shows `?`, come out as their windows twins have them.
    Encoding(&'static str, &'static Encoding),
    Unsupported(&'static str),
}

/// Character set of a collation (MySQL and MariaDB: `information_schema.COLLATIONS`; MariaDB's ids from 1024 are the
/// NOPAD twins of those 1024 lower, and from 2048 the UCA 14 collations, 256 for each Unicode character set).
fn charset(collation: u16) -> Option<Charset> {
    use Charset::*;
    Some(match collation {
        33 | 76 | 83 | 192..=223 | 576..=607 | 2048..=2303 => Utf8("utf8mb3"),
        45 | 46 | 224..=247 | 255..=575 | 608..=639 | 2304..=2559 => Utf8("utf8mb4"),
        // MySQL's latin1 is windows-1252, with the five bytes that it leaves open as control characters.
        5 | 8 | 15 | 31 | 47..=49 | 94 => Encoding("latin1", encoding_rs::WINDOWS_1252),
        BINARY => Binary,
        11 | 65 => Ascii,
        35 | 90 | 128..=159 | 640..=671 | 2560..=2815 => Ucs2,
        54 | 55 | 101..=124 | 672..=703 | 2816..=3071 => Utf16,
        56 | 62 => Utf16Le,
        60 | 61 | 160..=191 | 736..=767 | 3072..=3327 => Utf32,
        2 | 9 | 21 | 27 | 77 => Encoding("latin2", encoding_rs::ISO_8859_2),
        7 | 74 => Encoding("koi8r", encoding_rs::KOI8_R),
        14 | 23 | 50..=52 => Encoding("cp1251", encoding_rs::WINDOWS_1251),
        16 | 71 => Unsupported("hebrew"),
        20 | 41 | 42 | 79 => Encoding("latin7", encoding_rs::ISO_8859_13),
        22 | 75 => Unsupported("koi8u"),
        25 | 70 => Unsupported("greek"),
        26 | 34 | 44 | 66 | 99 => Encoding("cp1250", encoding_rs::WINDOWS_1250),
        29 | 58 | 59 => Encoding("cp1257", encoding_rs::WINDOWS_1257),
        36 | 68 => Unsupported("cp866"),
        39 | 53 => Encoding("macroman", encoding_rs::MACINTOSH),
        57 | 67 => Encoding("cp1256", encoding_rs::WINDOWS_1256),
        18 | 89 => Unsupported("tis620"),
        30 | 78 => Unsupported("latin5"),
        1 | 84 => Unsupported("big5"),
        12 | 91 => Unsupported("ujis"),
        13 | 88 => Unsupported("sjis"),
        19 | 85 => Encoding("euckr", encoding_rs::EUC_KR),
        24 | 86 => Unsupported("gb2312"),
        28 | 87 => Encoding("gbk", encoding_rs::GBK),
        95 | 96 => Encoding("cp932", encoding_rs::SHIFT_JIS),
        97 | 98 => Unsupported("eucjpms"),
        248..=250 => Unsupported("gb18030"),
        3 | 69 => Unsupported("dec8"),
        4 | 80 => Unsupported("cp850"),
        6 | 72 => Unsupported("hp8"),
        10 | 82 => Unsupported("swe7"),
        32 | 64 => Unsupported("armscii8"),
        37 | 73 => Unsupported("keybcs2"),
        38 | 43 => Unsupported("macce"),
        40 | 81 => Unsupported("cp852"),
        92 | 93 => Unsupported("geostd8"),
        1024..=2047 => return charset(collation - 1024),
        _ => return None,
    })
}

/// Decodes `bytes` of a column with this collation; borrowed where they are UTF-8 already.
///
/// # Errors
/// If the collation is not known, its character set is not supported or is `binary`, or the bytes are not in it.
/// Never replaces a character.
pub fn decode(collation: u16, bytes: &[u8]) -> Result<Cow<'_, str>, CharsetError> {
    let charset = charset(collation).ok_or(CharsetError::Collation { collation })?;
    let invalid = |name| CharsetError::Invalid { name };
    match charset {
        Charset::Utf8(name) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| invalid(name)),
        Charset::Ascii if !bytes.is_ascii() => Err(invalid("ascii")),
        Charset::Ascii => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| invalid("ascii")),
        Charset::Ucs2 => utf16(bytes, u16::from_be_bytes).ok_or(invalid("ucs2")),
        Charset::Utf16 => utf16(bytes, u16::from_be_bytes).ok_or(invalid("utf16")),
        Charset::Utf16Le => utf16(bytes, u16::from_le_bytes).ok_or(invalid("utf16le")),
        Charset::Utf32 => utf32(bytes).ok_or(invalid("utf32")),
        Charset::Encoding(name, encoding) => {
            encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or(invalid(name))
        }
        Charset::Binary => Err(CharsetError::Unsupported { name: "binary" }),
        Charset::Unsupported(name) => Err(CharsetError::Unsupported { name }),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'_, str>> {
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).collect();
    text.ok().map(Cow::Owned)
}

fn utf32(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (units, odd) = bytes.as_chunks::<4>();
    if !odd.is_empty() {
        return None;
    }
    let text: Option<String> = units.iter().map(|bytes| char::from_u32(u32::from_be_bytes(*bytes))).collect();
    text.map(Cow::Owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn r3_latin1_is_windows_1252_and_knows_all_256_bytes() {
        assert_eq!(decode(8, b"\x80\x81\xe9").unwrap(), "\u{20ac}\u{81}\u{e9}");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(8, &all).unwrap().chars().count(), 256);
        assert_eq!(decode(1032, b"\xe9").unwrap(), "\u{e9}", "the NOPAD twin");
    }

    #[test]
    fn r3_nothing_is_decoded_lossily() {
        assert_eq!(decode(45, b"\xe9"), Err(CharsetError::Invalid { name: "utf8mb4" }));
        assert_eq!(decode(11, b"\xe9"), Err(CharsetError::Invalid { name: "ascii" }));
        assert_eq!(decode(35, b"\xd8\x00"), Err(CharsetError::Invalid { name: "ucs2" }));
        assert_eq!(decode(4, b"abc"), Err(CharsetError::Unsupported { name: "cp850" }));
        assert_eq!(decode(60000, b"abc"), Err(CharsetError::Collation { collation: 60000 }));
    }

    #[test]
    fn r3_wide_character_sets() {
        assert_eq!(decode(54, &[0x00, 0x41, 0xd8, 0x3d, 0xde, 0x00]).unwrap(), "A\u{1f600}");
        assert_eq!(decode(56, &[0x41, 0x00]).unwrap(), "A");
        assert_eq!(decode(60, &[0, 1, 0xf6, 0]).unwrap(), "\u{1f600}");
    }
}
