//! Where in a server's binlog something stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::gtid::Gtids;

/// A place in one server's binlog that can be compared: the number in the file's name, then the byte offset.
///
/// Binlog file names compare by their number, not as text: `mysql-bin.1000000` follows `mysql-bin.999999`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogPoint {
    /// The number at the end of the binlog file's name.
    pub file: u64,
    /// Bytes from the start of that file.
    pub offset: u64,
}

impl LogPoint {
    /// The point at `offset` bytes of the binlog file `name`; `None` if the name does not end in `.` and a number.
    pub fn new(name: &str, offset: u64) -> Option<Self> {
        let (_, number) = name.rsplit_once('.')?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { file: number.parse().ok()?, offset })
    }
}

/// As logs and messages name it: the file's number and the offset, `12:24135`.
impl fmt::Display for LogPoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.offset)
    }
}

/// Whatever lets reading resume: file and offset, and the GTIDs of all that lies before, where the server has them.
///
/// A position only ever stands at a transaction's boundary (rule R1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Name of the binlog file.
    pub file: String,
    /// Byte offset of the next event in it.
    pub offset: u64,
    /// The GTIDs of everything before this position; `None` where the server has no GTIDs.
    pub gtids: Option<Gtids>,
}

impl Position {
    /// The comparable part; files whose names carry no number sort first.
    pub fn point(&self) -> LogPoint {
        LogPoint::new(&self.file, self.offset).unwrap_or(LogPoint { file: 0, offset: self.offset })
    }
}
