//! The format description event: how the events behind it are laid out.

use serde::{Deserialize, Serialize};

use super::error::DecodeError;
use super::input::Input;

/// Whose dialect of the binlog it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavor {
    /// MySQL, Percona Server and the services built on them.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// What stands at the end of every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing.
    None,
    /// Four bytes of CRC32.
    Crc32,
}

/// Bytes of a CRC32 at an event's end.
pub(crate) const CHECKSUM_SIZE: usize = 4;
/// Bytes of the server's version in a format description event.
const VERSION_SIZE: usize = 50;
/// MySQL's event types end far below MariaDB's first own one, so that a list reaching it is MariaDB's, whatever the
/// version says (`--version` can hide the name).
const FIRST_MARIADB_TYPE: usize = 160;
/// A list with at least so many types and with the five bytes of algorithm and checksum behind it is from MySQL 5.6 or
/// later (35 types; 5.5 has 27), whatever the version says: a damaged version must not hide the checksum.
const CHECKED_LIST: usize = 40;

/// What a format description event says (MySQL source documentation, "Format_description_event").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatDescription {
    /// The server's version, such as `10.11.6-MariaDB-log`.
    pub server_version: String,
    /// The dialect.
    pub flavor: Flavor,
    /// What ends the events behind it.
    pub checksum: Checksum,
    /// Whether this event ends with a checksum, as it does in a file even where the events behind it have none.
    pub(crate) is_checked: bool,
    /// When the server made this file, in seconds since 1970, if its start did; else 0.
    pub created: u32,
    /// Fixed bytes at the start of each event type's body, from type 1.
    post_headers: Box<[u8]>,
}

impl FormatDescription {
    /// Reads the event's body, with all that may end it: an algorithm byte and a checksum.
    pub(crate) fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(body, "the format description event");
        let version = input.u16()?;
        if version != 4 {
            return Err(DecodeError::FormatVersion { version });
        }
        let name = input.bytes(VERSION_SIZE)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let server_version = String::from_utf8_lossy(name).into_owned();
        let created = input.u32()?;
        if usize::from(input.u8()?) != super::header::Header::SIZE {
            return Err(input.malformed());
        }
        let mut post_headers = input.rest();
        let named_mariadb = server_version.contains("MariaDB");
        let mut checksum = Checksum::None;
        let is_checked = named_mariadb || post_headers.len() >= CHECKED_LIST || knows_checksums(&server_version);
        if is_checked {
            let Some(lists) = post_headers.len().checked_sub(CHECKSUM_SIZE + 1) else {
                return Err(DecodeError::Truncated {
                    what: "the format description event",
                    wanted: CHECKSUM_SIZE + 1,
                    left: post_headers.len(),
                });
            };
            checksum = match post_headers.get(lists).copied() {
                Some(0) => Checksum::None,
                Some(1) => Checksum::Crc32,
                other => return Err(DecodeError::ChecksumAlgorithm { algorithm: other.unwrap_or_default() }),
            };
            post_headers = post_headers.get(..lists).unwrap_or_default();
        }
        let mariadb = named_mariadb || post_headers.len() >= FIRST_MARIADB_TYPE;
        let flavor = if mariadb { Flavor::Mariadb } else { Flavor::Mysql };
        Ok(Self { server_version, flavor, checksum, is_checked, created, post_headers: post_headers.into() })
    }

    /// Fixed bytes at the start of the body of events of this type; 0 for types the server does not know.
    pub(crate) fn post_header(&self, type_code: u8) -> u8 {
        let index = usize::from(type_code).checked_sub(1);
        index.and_then(|index| self.post_headers.get(index)).copied().unwrap_or(0)
    }
}

/// MySQL writes the algorithm byte and a checksum into this event since 5.6.1, whether or not checksums are on.
fn knows_checksums(server_version: &str) -> bool {
    let mut numbers = server_version.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0)
    });
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= (5, 6, 1)
}
