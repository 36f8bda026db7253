//! MySQL's binary JSON.

use opendental_cdc::binlog::{ColumnInfo, ColumnType, Utc, Value};

/// A document. Whatever text comes out is JSON.
pub(crate) fn run(bytes: &[u8]) {
    let column = ColumnInfo::new(ColumnType::Json { prefix: 4 });
    if let Ok(text) = Value::Json(bytes).text(&column, &Utc) {
        assert!(text.len() <= 30 * bytes.len() + 4, "{} bytes of text from {}", text.len(), bytes.len());
        let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert!(read.is_ok(), "no JSON: {read:?}");
    }
}
