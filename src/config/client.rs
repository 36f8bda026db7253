//! Who makes the binlog connection, and what each can do.

use serde::Deserialize;

use super::MysqlConfig;

/// `mysql.client`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinlogClient {
    /// This program itself: TLS, Unix sockets, every password plugin that it knows.
    Direct,
    /// The crate `mysql_async`: the same, and slower; it unpacks each of MySQL's compressed transactions as a whole.
    MysqlAsync,
    /// The crate `mysql_cdc`: plain TCP, `mysql_native_password` and `caching_sha2_password`. Only with the cargo
    /// feature `mysql-cdc`.
    #[cfg(feature = "mysql-cdc")]
    MysqlCdc,
}

impl BinlogClient {
    /// Whether it encrypts where the server does.
    pub fn encrypts(self) -> bool {
        match self {
            Self::Direct | Self::MysqlAsync => true,
            #[cfg(feature = "mysql-cdc")]
            Self::MysqlCdc => false,
        }
    }
}

impl MysqlConfig {
    /// What the other keys ask for and [`MysqlConfig::client`] cannot do, in words; `None` if it can.
    pub fn client_refusal(&self) -> Option<&'static str> {
        match self.client {
            BinlogClient::Direct | BinlogClient::MysqlAsync => None,
            #[cfg(feature = "mysql-cdc")]
            BinlogClient::MysqlCdc => self.mysql_cdc_refusal(),
        }
    }
}
