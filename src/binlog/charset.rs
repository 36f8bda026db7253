//! Text by its column's collation: decoded exactly, or refused (rule R3).

mod collation;
mod difference;
mod encoded;
mod single_byte;

use std::borrow::Cow;

use encoded::Encoded;

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
    /// Bytes of a binary column.
    #[error("the column holds bytes, not text")]
    Binary,
    /// Bytes that the character set does not have, or for which the server has no character, so that a SELECT shows `?`
    /// (big5, tis620: U+FFFD).
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
    /// Its name, and what it has beyond ASCII.
    Upper(&'static str, &'static single_byte::Upper),
    Encoded(Encoded),
}

/// The name of a collation's character set (`utf8mb4`); `None` if the collation is not known.
pub fn name(collation: u16) -> Option<&'static str> {
    Some(match collation::charset(collation)? {
        Charset::Utf8(name) | Charset::Upper(name, _) => name,
        Charset::Encoded(encoded) => encoded.name,
        Charset::Ascii => "ascii",
        Charset::Ucs2 => "ucs2",
        Charset::Utf16 => "utf16",
        Charset::Utf16Le => "utf16le",
        Charset::Utf32 => "utf32",
        Charset::Binary => "binary",
    })
}

/// Decodes `bytes` of a column with this collation; borrowed where they are UTF-8 already.
///
/// # Errors
/// If the collation is not known or is `binary`, or the bytes are not in its character set. Never replaces a character.
pub fn decode(collation: u16, bytes: &[u8]) -> Result<Cow<'_, str>, CharsetError> {
    let text = match collation::charset(collation).ok_or(CharsetError::Collation { collation })? {
        Charset::Utf8(_) => utf8(bytes),
        Charset::Ascii => bytes.is_ascii().then_some(bytes).and_then(utf8),
        Charset::Ucs2 => ucs2(bytes),
        Charset::Utf16 => utf16(bytes, u16::from_be_bytes),
        Charset::Utf16Le => utf16(bytes, u16::from_le_bytes),
        Charset::Utf32 => utf32(bytes),
        Charset::Binary => return Err(CharsetError::Binary),
        Charset::Upper(_, table) => upper(bytes, table),
        Charset::Encoded(encoded) => encoded.decode(bytes),
    };
    text.ok_or_else(|| CharsetError::Invalid { name: name(collation).unwrap_or_default() })
}

fn utf8(bytes: &[u8]) -> Option<Cow<'_, str>> {
    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
}

fn upper<'a>(bytes: &'a [u8], table: &single_byte::Upper) -> Option<Cow<'a, str>> {
    if bytes.is_ascii() {
        return utf8(bytes);
    }
    let character = |byte: &u8| match byte.checked_sub(0x80) {
        None => Some(char::from(*byte)),
        Some(index) => table.get(usize::from(index)).copied().filter(|found| *found != single_byte::NONE),
    };
    bytes.iter().map(character).collect::<Option<String>>().map(Cow::Owned)
}

/// Two bytes are a character, and surrogates are none.
fn ucs2(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let text: Option<String> = units.iter().map(|bytes| char::from_u32(u16::from_be_bytes(*bytes).into())).collect();
    text.map(Cow::Owned)
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
        let surrogates = b"\xd8\x3d\xde\x00";
        assert_eq!(decode(35, surrogates), Err(CharsetError::Invalid { name: "ucs2" }));
        assert_eq!(decode(54, surrogates).unwrap(), "\u{1f600}");
        assert_eq!(decode(54, &surrogates[..2]), Err(CharsetError::Invalid { name: "utf16" }));
        assert_eq!(decode(63, b"abc"), Err(CharsetError::Binary));
        assert_eq!(decode(18, b"a\xff"), Err(CharsetError::Invalid { name: "tis620" }), "the server shows U+FFFD");
        assert_eq!(decode(60000, b"abc"), Err(CharsetError::Collation { collation: 60000 }));
    }

    #[test]
    fn r3_wide_character_sets() {
        assert_eq!(decode(54, &[0x00, 0x41, 0xd8, 0x3d, 0xde, 0x00]).unwrap(), "A\u{1f600}");
        assert_eq!(decode(56, &[0x41, 0x00]).unwrap(), "A");
        assert_eq!(decode(60, &[0, 1, 0xf6, 0]).unwrap(), "\u{1f600}");
    }

    #[test]
    fn r3_any_bytes_of_any_collation_are_text_or_an_error() {
        use proptest::prelude::*;
        proptest!(|(collation in prop_oneof![0..640u16, any::<u16>()], bytes: Vec<u8>, known: usize)| {
            let Some(name) = name(collation) else {
                prop_assert_eq!(decode(collation, &bytes), Err(CharsetError::Collation { collation }));
                return Ok(());
            };
            match decode(collation, &bytes) {
                // The shortest text of a byte is nothing, and the longest three bytes.
                Ok(text) => prop_assert!(text.len() <= 3 * bytes.len()),
                Err(CharsetError::Binary) => prop_assert_eq!(name, "binary"),
                Err(error) => prop_assert_eq!(error, CharsetError::Invalid { name }),
            }
            let ascii = "Smith & Sons".get(..known % 12).unwrap();
            if !["ucs2", "utf16", "utf16le", "utf32", "binary"].contains(&name) {
                prop_assert_eq!(decode(collation, ascii.as_bytes()).unwrap(), ascii);
            }
        });
    }
}
