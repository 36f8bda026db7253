//! Global transaction identifiers of both dialects.

mod list;
mod set;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use list::{GtidList, MariadbGtid};
pub use set::{GtidSet, MysqlGtid, Tag};

/// A set of executed transactions, in the dialect of the server that wrote it. Serialises as the server's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gtids {
    /// MySQL: `uuid[:tag]:interval[:interval]…,…`.
    Mysql(GtidSet),
    /// MariaDB: the last `domain-server-sequence` of each domain.
    Mariadb(GtidList),
}

impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysql(set) => set.fmt(f),
            Self::Mariadb(list) => list.fmt(f),
        }
    }
}

/// Text that is no GTID, or no set or list of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no {expected}")]
pub struct GtidError {
    /// The part that could not be read.
    pub text: String,
    /// What was expected there.
    pub expected: &'static str,
}

impl GtidError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}
