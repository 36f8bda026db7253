//! Why bytes of a binlog could not be read.

/// Why an event or a value could not be read. Never holds bytes of the event: they may be a patient's (rule D4).
///
/// Whoever asked knows the file and offset, and names them beside this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event ends before something that must be in it.
    #[error("{what} is cut short: {wanted} more bytes expected, {left} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes wanted.
        wanted: usize,
        /// Bytes left.
        left: usize,
    },
    /// The event's header states another size than the event has.
    #[error("the event states a size of {stated} bytes but has {actual}")]
    Size {
        /// The header's figure.
        stated: u32,
        /// Bytes at hand.
        actual: usize,
    },
    /// The CRC32 at the event's end does not match its bytes.
    #[error("the event's checksum is {stated:08x} but its bytes give {computed:08x}: it is damaged")]
    Checksum {
        /// The event's figure.
        stated: u32,
        /// The figure for the bytes.
        computed: u32,
    },
    /// Something that contradicts the format.
    #[error("{what} contradicts the binlog format")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// Compressed bytes that do not give what was announced.
    #[error("{what} cannot be decompressed: it is damaged")]
    Compression {
        /// What was compressed.
        what: &'static str,
    },
    /// An event came before any format description, so that it cannot be told apart from noise.
    #[error("an event of type {type_code} came before the format description event")]
    NoFormat {
        /// The event's type.
        type_code: u8,
    },
    /// The binlog's format version is not 4 (MySQL 5.0 and later, all MariaDB).
    #[error("binlog format version {version} is not supported, only 4 (MySQL 5.0 and later, MariaDB)")]
    FormatVersion {
        /// The version found.
        version: u16,
    },
    /// A checksum algorithm other than none and CRC32.
    #[error("checksum algorithm {algorithm} is not supported, only none and CRC32")]
    ChecksumAlgorithm {
        /// The algorithm's number.
        algorithm: u8,
    },
    /// An event that may carry rows and that this program cannot read (rule R4).
    #[error("event type {type_code} ({name}) is not supported and may carry rows")]
    Unsupported {
        /// The event's type.
        type_code: u8,
        /// Its name in the servers' manuals, or `unknown`.
        name: &'static str,
    },
    /// A column type that cannot be read.
    #[error("column type {type_code} ({name}) is not supported")]
    ColumnType {
        /// The type's code.
        type_code: u8,
        /// Its name, or `unknown`.
        name: &'static str,
    },
    /// What is wrong with one column or its value.
    #[error("column {column}: {error}")]
    Column {
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        error: Box<DecodeError>,
    },
    /// Rows and their table map disagree about the number of columns.
    #[error("the rows have {rows} columns but their table map has {map}")]
    ColumnCount {
        /// In the rows event.
        rows: usize,
        /// In the table map.
        map: usize,
    },
    /// Bytes that are no value of the column's type.
    #[error("the bytes are no {kind}")]
    Value {
        /// The type.
        kind: &'static str,
    },
    /// Text that its column's character set cannot hold, or a character set that is not supported.
    #[error(transparent)]
    Charset(#[from] super::charset::CharsetError),
}

impl DecodeError {
    /// Says in which column (from 0) it happened.
    pub(crate) fn in_column(self, index: usize) -> Self {
        match self {
            Self::Column { .. } => self,
            error => Self::Column { column: index + 1, error: Box::new(error) },
        }
    }
}
