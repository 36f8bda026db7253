//! Column types as the binlog knows them, and how long their values are in a row image.

use super::decimal;
use super::error::DecodeError;
use super::input::Input;
use super::old_temporal;

/// A column's type with what the table map says of it (MySQL source documentation, "Table_map_event", column types and
/// metadata). Equal types have equal layouts in row images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// TINYINT, BOOL.
    Tiny,
    /// SMALLINT.
    Short,
    /// MEDIUMINT.
    Medium,
    /// INT.
    Long,
    /// BIGINT.
    LongLong,
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// DECIMAL.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME of servers before MySQL 5.6.4 and MariaDB 10.1, or of MariaDB with `mysql56_temporal_format=OFF`; tables of
    /// such servers keep it when they are upgraded.
    OldTime {
        /// Digits of fraction, 0 to 6. The log does not tell it, and so neither how long the values are; MariaDB alone
        /// has other than 0.
        fraction: u8,
    },
    /// DATETIME of such servers.
    OldDateTime {
        /// As of [`ColumnType::OldTime`].
        fraction: u8,
    },
    /// TIMESTAMP of such servers.
    OldTimestamp {
        /// As of [`ColumnType::OldTime`].
        fraction: u8,
    },
    /// TIME.
    Time {
        /// Digits of fraction, 0 to 6.
        fraction: u8,
    },
    /// DATETIME.
    DateTime {
        /// Digits of fraction, 0 to 6.
        fraction: u8,
    },
    /// TIMESTAMP.
    Timestamp {
        /// Digits of fraction, 0 to 6.
        fraction: u8,
    },
    /// CHAR and BINARY; also MariaDB's UUID, INET4 and INET6, which the log does not tell from BINARY.
    Char {
        /// Most bytes that a value can have.
        bytes: u16,
    },
    /// MariaDB's UUID, where somebody other than the log tells it.
    Uuid,
    /// MariaDB's INET4, likewise.
    Inet4,
    /// MariaDB's INET6, likewise.
    Inet6,
    /// VARCHAR and VARBINARY.
    Varchar {
        /// Most bytes that a value can have.
        bytes: u16,
    },
    /// BLOB and TEXT of all sizes.
    Blob {
        /// Bytes of the length in front of a value, 1 to 4.
        prefix: u8,
    },
    /// MariaDB's VARCHAR and VARBINARY `COMPRESSED`.
    CompressedVarchar {
        /// Most bytes that a value can have, its header included.
        bytes: u16,
    },
    /// MariaDB's BLOB and TEXT `COMPRESSED`.
    CompressedBlob {
        /// Bytes of the length in front of a value, 1 to 4.
        prefix: u8,
    },
    /// MySQL's JSON.
    Json {
        /// Bytes of the length in front of a value, 1 to 4.
        prefix: u8,
    },
    /// GEOMETRY and its kin.
    Geometry {
        /// Bytes of the length in front of a value, 1 to 4.
        prefix: u8,
    },
    /// MySQL's VECTOR.
    Vector {
        /// Bytes of the length in front of a value, 1 to 4.
        prefix: u8,
    },
    /// BIT.
    Bit {
        /// 1 to 64.
        bits: u8,
    },
    /// ENUM.
    Enum {
        /// Bytes of the index, 1 or 2.
        bytes: u8,
    },
    /// SET.
    Set {
        /// Bytes of the bits, 1 to 8.
        bytes: u8,
    },
}

/// How long a value is in a row image: a fixed number of bytes, or a length in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    /// That fixed number. Where fixed columns were added to one with a length, theirs, in front of that length.
    pub(super) fixed: u16,
    /// Bytes of the length in front, 0 for a fixed number of bytes.
    pub(super) prefix: u8,
}

impl Width {
    /// The same columns with fewer steps: fixed ones are added to what follows them.
    pub(super) fn runs(widths: &[Self]) -> Box<[Self]> {
        let mut runs: Vec<Self> = Vec::new();
        for width in widths {
            match runs.last_mut() {
                // Values of fixed width have 32 bytes at most, so the sum fits.
                Some(last) if last.prefix == 0 => {
                    last.fixed += width.fixed;
                    last.prefix = width.prefix;
                }
                _ => runs.push(*width),
            }
        }
        runs.into()
    }
}

const CODE_FLOAT: u8 = 4;
const CODE_DOUBLE: u8 = 5;
const CODE_BIT: u8 = 16;
const CODE_VARCHAR: u8 = 15;
const CODE_ENUM: u8 = 247;
const CODE_SET: u8 = 248;
const CODE_STRING: u8 = 254;

impl ColumnType {
    /// Reads a column's metadata, of which each type has its own number of bytes.
    pub(super) fn read(code: u8, metadata: &mut Input<'_>) -> Result<Self, DecodeError> {
        let fraction = |digits: u8| if digits <= 6 { Ok(digits) } else { Err(metadata_error()) };
        let prefix = |bytes: u8| if (1..=4).contains(&bytes) { Ok(bytes) } else { Err(metadata_error()) };
        Ok(match code {
            1 => Self::Tiny,
            2 => Self::Short,
            3 => Self::Long,
            CODE_FLOAT => expect_size(metadata, 4, Self::Float)?,
            CODE_DOUBLE => expect_size(metadata, 8, Self::Double)?,
            7 => Self::OldTimestamp { fraction: 0 },
            8 => Self::LongLong,
            9 => Self::Medium,
            10 | 14 => Self::Date,
            11 => Self::OldTime { fraction: 0 },
            12 => Self::OldDateTime { fraction: 0 },
            13 => Self::Year,
            CODE_VARCHAR | 253 => Self::Varchar { bytes: metadata.u16()? },
            CODE_BIT => {
                let (odd, bytes) = (metadata.u8()?, metadata.u8()?);
                match u16::from(bytes) * 8 + u16::from(odd) {
                    bits @ 1..=64 if odd < 8 => Self::Bit { bits: bits as u8 },
                    _ => return Err(metadata_error()),
                }
            }
            17 => Self::Timestamp { fraction: fraction(metadata.u8()?)? },
            18 => Self::DateTime { fraction: fraction(metadata.u8()?)? },
            19 => Self::Time { fraction: fraction(metadata.u8()?)? },
            140 => Self::CompressedBlob { prefix: prefix(metadata.u8()?)? },
            141 => Self::CompressedVarchar { bytes: metadata.u16()? },
            242 => Self::Vector { prefix: prefix(metadata.u8()?)? },
            245 => Self::Json { prefix: prefix(metadata.u8()?)? },
            246 => {
                let (precision, scale) = (metadata.u8()?, metadata.u8()?);
                if !decimal::is_possible(precision, scale) {
                    return Err(metadata_error());
                }
                Self::Decimal { precision, scale }
            }
            249..=252 => Self::Blob { prefix: prefix(metadata.u8()?)? },
            255 => Self::Geometry { prefix: prefix(metadata.u8()?)? },
            CODE_STRING => Self::read_string(metadata.u8()?, metadata.u8()?)?,
            CODE_ENUM => Self::read_string(CODE_ENUM, metadata.u8()?)?,
            CODE_SET => Self::read_string(CODE_SET, metadata.u8()?)?,
            other => return Err(unsupported(other)),
        })
    }

    /// CHAR, BINARY, ENUM and SET share a code; the real type is the first byte of metadata, and two bits of CHAR's
    /// length hide in it, inverted, where they overlap the type's.
    fn read_string(first: u8, second: u8) -> Result<Self, DecodeError> {
        match first {
            CODE_ENUM if (1..=2).contains(&second) => Ok(Self::Enum { bytes: second }),
            CODE_SET if (1..=8).contains(&second) => Ok(Self::Set { bytes: second }),
            CODE_ENUM | CODE_SET => Err(metadata_error()),
            _ if first | 0x30 == CODE_STRING => {
                let high = u16::from((first & 0x30) ^ 0x30) << 4;
                Ok(Self::Char { bytes: high | u16::from(second) })
            }
            other => Err(unsupported(other)),
        }
    }

    /// How long values are.
    pub(super) fn width(self) -> Width {
        let fixed = |fixed: u16| Width { prefix: 0, fixed };
        let prefixed = |prefix: u8| Width { prefix, fixed: 0 };
        let fraction_bytes = |fraction: u8| u16::from(fraction.div_ceil(2));
        match self {
            Self::Tiny | Self::Year => fixed(1),
            Self::Short => fixed(2),
            Self::Medium | Self::Date => fixed(3),
            Self::Long | Self::Float => fixed(4),
            Self::LongLong | Self::Double => fixed(8),
            Self::Decimal { precision, scale } => fixed(decimal::size(precision, scale)),
            Self::OldTime { fraction } => fixed(old_temporal::time_size(fraction)),
            Self::OldDateTime { fraction } => fixed(old_temporal::date_time_size(fraction)),
            Self::OldTimestamp { fraction } => fixed(4 + fraction_bytes(fraction)),
            Self::Time { fraction } => fixed(3 + fraction_bytes(fraction)),
            Self::Timestamp { fraction } => fixed(4 + fraction_bytes(fraction)),
            Self::DateTime { fraction } => fixed(5 + fraction_bytes(fraction)),
            Self::Char { bytes } | Self::Varchar { bytes } | Self::CompressedVarchar { bytes } => {
                prefixed(if bytes > 255 { 2 } else { 1 })
            }
            Self::Uuid | Self::Inet4 | Self::Inet6 => prefixed(1),
            Self::Blob { prefix }
            | Self::CompressedBlob { prefix }
            | Self::Json { prefix }
            | Self::Geometry { prefix }
            | Self::Vector { prefix } => prefixed(prefix),
            Self::Bit { bits } => fixed(u16::from(bits.div_ceil(8))),
            Self::Enum { bytes } | Self::Set { bytes } => fixed(u16::from(bytes)),
        }
    }

    /// Whether the table map's list of signs has an entry for columns of this type (the servers count YEAR too).
    pub(super) fn has_sign(self) -> bool {
        use ColumnType::*;
        matches!(self, Tiny | Short | Medium | Long | LongLong | Float | Double | Decimal { .. } | Year)
    }

    /// Whether the table map's list of collations has an entry for columns of this type. MariaDB counts GEOMETRY, and
    /// MySQL VECTOR.
    pub(super) fn has_collation(self, mariadb: bool) -> bool {
        match self {
            Self::Char { .. } | Self::Varchar { .. } | Self::Blob { .. } | Self::Vector { .. } => true,
            Self::CompressedVarchar { .. } | Self::CompressedBlob { .. } => true,
            Self::Geometry { .. } => mariadb,
            _ => false,
        }
    }

    /// Whether it is ENUM or SET, which have lists of collations and labels of their own.
    pub(super) fn has_labels(self) -> bool {
        matches!(self, Self::Enum { .. } | Self::Set { .. })
    }
}

fn unsupported(type_code: u8) -> DecodeError {
    DecodeError::ColumnType { type_code, name: name(type_code) }
}

fn metadata_error() -> DecodeError {
    DecodeError::Malformed { what: "the table map's column metadata" }
}

fn expect_size(metadata: &mut Input<'_>, size: u8, kind: ColumnType) -> Result<ColumnType, DecodeError> {
    if metadata.u8()? == size { Ok(kind) } else { Err(metadata_error()) }
}

/// The name of a type that cannot be read.
fn name(code: u8) -> &'static str {
    match code {
        0 => "DECIMAL of MySQL 4",
        6 => "NULL",
        20 => "typed array",
        243 => "invalid",
        244 => "BOOL",
        _ => "unknown",
    }
}
