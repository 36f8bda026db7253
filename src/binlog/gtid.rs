//! Global transaction identifiers of both dialects.

use serde::{Deserialize, Serialize};

/// A set of executed transactions, in the dialect of the server that wrote it. Serialises as the server's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gtids {
    /// MySQL: `uuid[:tag]:interval[:interval]…,…`.
    Mysql(String),
    /// MariaDB: the last `domain-server-sequence` of each domain.
    Mariadb(String),
}
