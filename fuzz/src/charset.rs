//! Text of every collation.

use opendental_cdc::binlog::charset;

/// The collation's id in two bytes, then the text.
pub(crate) fn run(bytes: &[u8]) {
    let Some((collation, text)) = bytes.split_first_chunk() else { return };
    if let Ok(decoded) = charset::decode(u16::from_le_bytes(*collation), text) {
        assert!(decoded.len() <= 4 * text.len());
        assert!(!decoded.is_empty() || text.is_empty(), "bytes without a character");
    }
}
