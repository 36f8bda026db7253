//! Keys as bytes that sort as the keys do.

use crate::row::{KeyPart, RowKey};

/// What a key, or one of its columns, begins with. They are in the order of the types' variants.
const INT: u8 = 1;
const UINT: u8 = 2;
const COLUMNS: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;

/// Ends a list of columns, and a text behind [`ESCAPE`]; less than what a column begins with.
const END: u8 = 0;

/// In texts, behind a zero byte that is part of the text.
const ESCAPED: u8 = 0xff;

/// Writes keys and numbers so that the bytes compare as they do, and reads them back.
pub(crate) struct KeyBytes;

impl KeyBytes {
    pub(crate) fn write_int(number: i64, out: &mut Vec<u8>) {
        // With the sign's bit turned over, negative numbers come first.
        out.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }

    pub(crate) fn write(key: &RowKey, out: &mut Vec<u8>) {
        match key {
            RowKey::Int(number) => {
                out.push(INT);
                Self::write_int(*number, out);
            }
            RowKey::UInt(number) => {
                out.push(UINT);
                out.extend_from_slice(&number.to_be_bytes());
            }
            RowKey::Columns(parts) => {
                out.push(COLUMNS);
                for part in parts {
                    write_part(part, out);
                }
                out.push(END);
            }
        }
    }

    /// Takes a number off the front; `None` if there is none.
    pub(crate) fn read_int(bytes: &mut &[u8]) -> Option<i64> {
        Some((read_uint(bytes)? ^ (1 << 63)).cast_signed())
    }

    /// Takes a key off the front; `None` if there is none.
    pub(crate) fn read(bytes: &mut &[u8]) -> Option<RowKey> {
        Some(match first(bytes)? {
            INT => RowKey::Int(Self::read_int(bytes)?),
            UINT => RowKey::UInt(read_uint(bytes)?),
            COLUMNS => {
                let mut parts = Vec::new();
                loop {
                    parts.push(match first(bytes)? {
                        END => return Some(RowKey::Columns(parts.into())),
                        INT => KeyPart::Int(Self::read_int(bytes)?),
                        UINT => KeyPart::UInt(read_uint(bytes)?),
                        TEXT => KeyPart::Text(String::from_utf8(read_bytes(bytes)?).ok()?.into()),
                        BYTES => KeyPart::Bytes(read_bytes(bytes)?.into()),
                        _ => return None,
                    });
                }
            }
            _ => return None,
        })
    }
}

fn write_part(part: &KeyPart, out: &mut Vec<u8>) {
    match part {
        KeyPart::Int(number) => {
            out.push(INT);
            KeyBytes::write_int(*number, out);
        }
        KeyPart::UInt(number) => {
            out.push(UINT);
            out.extend_from_slice(&number.to_be_bytes());
        }
        KeyPart::Text(text) => {
            out.push(TEXT);
            write_bytes(text.as_bytes(), out);
        }
        KeyPart::Bytes(bytes) => {
            out.push(BYTES);
            write_bytes(bytes, out);
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(*byte);
        if *byte == END {
            out.push(ESCAPED);
        }
    }
    out.extend_from_slice(&[END, END]);
}

fn read_bytes(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        match first(bytes)? {
            END => match first(bytes)? {
                ESCAPED => read.push(END),
                _ => return Some(read),
            },
            byte => read.push(byte),
        }
    }
}

fn read_uint(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}

fn first(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any key; numbers and texts that are near each other are likely.
    pub(crate) fn key() -> impl Strategy<Value = RowKey> {
        let text = "[\0\u{1}a\u{ff}]{0,3}";
        let part = prop_oneof![
            any::<i64>().prop_map(KeyPart::Int),
            any::<u64>().prop_map(KeyPart::UInt),
            text.prop_map(|text| KeyPart::Text(text.into())),
            text.prop_map(|text| KeyPart::Bytes(text.into_bytes().into())),
        ];
        prop_oneof![
            4 => (-3..300_i64).prop_map(RowKey::Int),
            1 => any::<i64>().prop_map(RowKey::Int),
            1 => any::<u64>().prop_map(RowKey::UInt),
            2 => prop::collection::vec(part, 0..3).prop_map(|parts| RowKey::Columns(parts.into())),
        ]
    }

    fn bytes(key: &RowKey) -> Vec<u8> {
        let mut bytes = Vec::new();
        KeyBytes::write(key, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn w4_bytes_of_keys_sort_as_the_keys_do_and_read_back(left in key(), right in key()) {
            prop_assert_eq!(left.cmp(&right), bytes(&left).cmp(&bytes(&right)));
            prop_assert_eq!(KeyBytes::read(&mut bytes(&left).as_slice()), Some(left));
        }
    }
}
