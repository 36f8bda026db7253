//! Names and values inside SQL text, safe whatever they hold and whatever `sql_mode` says.

use std::fmt::Write;

use crate::row::{KeyPart, RowKey};

/// `name` in backquotes.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `names` in backquotes, with commas between them.
pub(super) fn identifiers<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| identifier(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `text` as a literal. In hexadecimal, since what a backslash means depends on `sql_mode`.
pub(super) fn text(text: &str) -> String {
    if text.is_empty() { "''".to_owned() } else { format!("_utf8mb4 {}", bytes(text.as_bytes())) }
}

/// `bytes` as a literal.
pub(super) fn bytes(bytes: &[u8]) -> String {
    format!("X'{}'", hex::encode_upper(bytes))
}

/// The condition that `key_columns` hold `key`; `None` if their numbers differ.
pub(super) fn key_is<S: AsRef<str>>(key_columns: &[S], key: &RowKey) -> Option<String> {
    let values = match key {
        RowKey::Int(number) => vec![number.to_string()],
        RowKey::UInt(number) => vec![number.to_string()],
        RowKey::Columns(parts) => parts
            .iter()
            .map(|part| match part {
                KeyPart::Int(number) => number.to_string(),
                KeyPart::UInt(number) => number.to_string(),
                KeyPart::Text(value) => text(value),
                KeyPart::Bytes(value) => bytes(value),
            })
            .collect(),
    };
    if values.is_empty() || values.len() != key_columns.len() {
        return None;
    }
    let mut condition = String::new();
    for (column, value) in key_columns.iter().zip(values) {
        let and = if condition.is_empty() { "" } else { " AND " };
        // Writing to a String cannot fail.
        let _ = write!(condition, "{and}{} = {value}", identifier(column.as_ref()));
    }
    Some(condition)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_name_or_a_value_early() {
        assert_eq!(identifiers(&["a`; DROP", "b"]), "`a``; DROP`, `b`");
        assert_eq!(text("a'\\"), "_utf8mb4 X'61275C'");
        let key = RowKey::Columns(Box::new([KeyPart::Text("x".into()), KeyPart::Int(-1)]));
        assert_eq!(key_is(&["k", "n"], &key).unwrap(), "`k` = _utf8mb4 X'78' AND `n` = -1");
        assert_eq!(key_is(&["k"], &key), None);
    }
}
