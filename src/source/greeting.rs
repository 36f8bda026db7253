//! What a server says of itself to everybody, before anyone is logged in.

use super::{direct_connection::DirectMaker, session::version_number};
use crate::config::MysqlConfig;

/// The kind and version of a server that lets us not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// MariaDB, and not MySQL.
    pub mariadb: bool,
    /// Major, minor and patch of its version.
    pub version: (u16, u16, u16),
}

impl Greeting {
    /// Connects, listens, and leaves again; `None` if the server does not greet us.
    pub async fn of(config: &MysqlConfig) -> Option<Self> {
        let said = DirectMaker::new(config, config.address().ok()?).greeting().await.ok()?;
        Some(Self { mariadb: said.contains("MariaDB"), version: version_number(&said) })
    }
}
