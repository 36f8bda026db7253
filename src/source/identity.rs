//! Which server, and which log of it, a position belongs to (rule W2).

use serde::{Deserialize, Serialize};

/// A server and its log. Two connections that find equal identities speak to the same server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `@@server_id`.
    pub server_id: u32,
    /// MySQL's `@@server_uuid`, MariaDB's `@@server_uid` (11.x and later), if the server has one.
    pub uuid: Option<String>,
    /// `@@version`, `@@hostname`, `@@port`, `@@datadir` and `@@log_bin_basename`, as one text.
    pub host: String,
}
