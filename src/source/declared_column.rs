//! A column as the server declares it, and as the log carries it.

use serde::{Deserialize, Serialize};

use crate::binlog::{ColumnInfo, ColumnType, charset};

/// A collation of utf8mb4 that every server knows (utf8mb4_general_ci).
const UTF8MB4: u16 = 45;

/// One column, as a row of `information_schema.COLUMNS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeclaredColumn {
    /// `COLUMN_NAME`.
    pub name: Box<str>,
    /// `DATA_TYPE` in lower case, such as `bigint`.
    pub data_type: Box<str>,
    /// `COLUMN_TYPE`, such as `bigint(20) unsigned` or `enum('a','b')`.
    pub column_type: Box<str>,
    /// `CHARACTER_OCTET_LENGTH`.
    pub octet_length: Option<u64>,
    /// `NUMERIC_PRECISION`.
    pub precision: Option<u64>,
    /// `NUMERIC_SCALE`.
    pub scale: Option<u64>,
    /// `DATETIME_PRECISION`.
    pub fraction: Option<u64>,
    /// `information_schema.COLLATIONS.ID` of `COLLATION_NAME`; `None` for columns that hold no text, and for collations
    /// that the server lists without an id.
    pub collation: Option<u32>,
}

impl DeclaredColumn {
    /// Whether the log may carry this column as `kind`. What is not known to be otherwise may be.
    pub(super) fn may_be(&self, kind: ColumnType) -> bool {
        use ColumnType::*;
        let fraction_is = |fraction: u8| self.fraction.is_none_or(|declared| declared == u64::from(fraction));
        let length_is = |bytes: u16| self.octet_length.is_none_or(|declared| declared == u64::from(bytes));
        match &*self.data_type {
            "tinyint" | "bool" | "boolean" => kind == Tiny,
            "smallint" => kind == Short,
            "mediumint" => kind == Medium,
            "int" | "integer" => kind == Long,
            "bigint" => kind == LongLong,
            "float" => kind == Float,
            "double" | "real" => kind == Double,
            "decimal" | "numeric" => match kind {
                Decimal { precision, scale } => {
                    self.precision == Some(u64::from(precision)) && self.scale == Some(u64::from(scale))
                }
                _ => false,
            },
            "bit" => matches!(kind, Bit { bits } if self.precision == Some(u64::from(bits))),
            "year" => kind == Year,
            "date" => kind == Date,
            "time" => matches!(kind, OldTime { .. }) || matches!(kind, Time { fraction } if fraction_is(fraction)),
            "datetime" => {
                matches!(kind, OldDateTime { .. }) || matches!(kind, DateTime { fraction } if fraction_is(fraction))
            }
            "timestamp" => {
                matches!(kind, OldTimestamp { .. }) || matches!(kind, Timestamp { fraction } if fraction_is(fraction))
            }
            "char" | "binary" => matches!(kind, Char { bytes } if length_is(bytes)),
            "varchar" | "varbinary" => match kind {
                Varchar { bytes } => length_is(bytes),
                // Its header is one byte more.
                CompressedVarchar { bytes } => length_is(bytes.saturating_sub(1)),
                _ => false,
            },
            "tinytext" | "tinyblob" => matches!(kind, Blob { prefix: 1 } | CompressedBlob { prefix: 1 }),
            "text" | "blob" => matches!(kind, Blob { prefix: 2 } | CompressedBlob { prefix: 2 }),
            "mediumtext" | "mediumblob" => matches!(kind, Blob { prefix: 3 } | CompressedBlob { prefix: 3 }),
            "longtext" | "longblob" => matches!(kind, Blob { prefix: 4 } | CompressedBlob { prefix: 4 }),
            "json" => matches!(kind, Json { .. } | Blob { prefix: 4 }),
            "uuid" | "inet6" => kind == Char { bytes: 16 },
            "inet4" => kind == Char { bytes: 4 },
            // MariaDB's is a VARBINARY.
            "vector" => matches!(kind, Vector { .. }) || matches!(kind, Varchar { bytes } if length_is(bytes)),
            "enum" => matches!(kind, Enum { .. }),
            "set" => matches!(kind, Set { .. }),
            _ => true,
        }
    }

    /// Adds to a column of the log what the log did not tell.
    pub(super) fn complete(&self, column: &mut ColumnInfo) {
        column.name = Some(self.name.clone());
        if column.unsigned.is_none() {
            // ZEROFILL shows as `unsigned zerofill`.
            column.unsigned = Some(self.column_type.to_ascii_lowercase().contains(" unsigned"));
        }
        if column.labels.is_none() && matches!(column.kind, ColumnType::Enum { .. } | ColumnType::Set { .. }) {
            // The server told them in the connection's character set, and values hold only their numbers. MySQL tells
            // no collation of binary ones.
            let binary = column.collation.or(self.collation()).is_none_or(|collation| collation == charset::BINARY);
            column.collation = Some(if binary { charset::BINARY } else { UTF8MB4 });
            column.labels = labels(&self.column_type);
        }
        if column.collation.is_none() {
            column.collation = self.collation();
        }
        self.tell(column);
    }

    fn collation(&self) -> Option<u16> {
        match (self.collation, &*self.data_type) {
            (Some(collation), _) => u16::try_from(collation).ok(),
            (None, "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector") => {
                Some(charset::BINARY)
            }
            (None, _) => None,
        }
    }

    /// Adds to a column of the log what no log tells.
    pub(super) fn tell(&self, column: &mut ColumnInfo) {
        column.kind = self.kind(column.kind);
        let float = matches!(column.kind, ColumnType::Float | ColumnType::Double);
        column.decimals = self.scale.filter(|_| float).and_then(|scale| u8::try_from(scale).ok());
    }

    /// The type behind one of the log that serves several.
    fn kind(&self, kind: ColumnType) -> ColumnType {
        let fraction = self.fraction.and_then(|digits| u8::try_from(digits).ok()).filter(|digits| *digits <= 6);
        let fraction = fraction.unwrap_or_default();
        match (&*self.data_type, kind) {
            ("uuid", ColumnType::Char { bytes: 16 }) => ColumnType::Uuid,
            ("inet6", ColumnType::Char { bytes: 16 }) => ColumnType::Inet6,
            ("inet4", ColumnType::Char { bytes: 4 }) => ColumnType::Inet4,
            ("time", ColumnType::OldTime { .. }) => ColumnType::OldTime { fraction },
            ("datetime", ColumnType::OldDateTime { .. }) => ColumnType::OldDateTime { fraction },
            ("timestamp", ColumnType::OldTimestamp { .. }) => ColumnType::OldTimestamp { fraction },
            _ => kind,
        }
    }
}

/// The labels in `enum('a','it''s','back\\\\slash')`.
fn labels(column_type: &str) -> Option<Box<[Box<[u8]>]>> {
    let mut rest = column_type.split_once('(')?.1.chars();
    let mut labels = Vec::new();
    loop {
        labels.push(label(&mut rest)?.into_bytes().into());
        match rest.next()? {
            ',' => {}
            ')' => return rest.as_str().is_empty().then(|| labels.into()),
            _ => return None,
        }
    }
}

/// One label in its quotes.
fn label(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut label = String::new();
    rest.next().filter(|first| *first == '\'')?;
    loop {
        label.push(match rest.next()? {
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                '0' => '\0',
                other => other,
            },
            '\'' if !rest.as_str().starts_with('\'') => return Some(label),
            '\'' => rest.next()?,
            other => other,
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn r3_labels_are_read_as_the_server_quotes_them() {
        let read = |text| -> Option<Vec<String>> {
            let labels = labels(text)?;
            Some(labels.iter().map(|label| String::from_utf8(label.to_vec()).unwrap()).collect())
        };
        assert_eq!(read(r"enum('a','it''s','','b\\c','a\nb',')')").unwrap(), ["a", "it's", "", "b\\c", "a\nb", ")"]);
        for broken in ["enum", "enum(", "enum('a'", "enum('a',)", "enum('a')x", r"enum('a\')"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
