//! Who makes the binlog connection.

use std::time::Duration;

#[cfg(feature = "mysql-cdc")]
use super::mysql_cdc_connection::MysqlCdcMaker;
use super::{
    connection::{BinlogConnection, ConnectionError, ConnectionMaker},
    direct_connection::DirectMaker,
    error::SourceError,
    mysql_async_connection::MysqlAsyncMaker,
    replica_id::ReplicaId,
};
use crate::{
    binlog::Position,
    config::{BinlogClient, MysqlConfig},
};

/// Connects as it is configured.
pub(super) enum ConfiguredMaker {
    Direct(DirectMaker),
    MysqlAsync(MysqlAsyncMaker),
    #[cfg(feature = "mysql-cdc")]
    MysqlCdc(MysqlCdcMaker),
}

impl ConfiguredMaker {
    pub(super) fn new(config: &MysqlConfig) -> Result<Self, SourceError> {
        let address = config.address().map_err(|error| SourceError::Configuration {
            key: "mysql.url",
            reason: format!("{error}; expected is mysql://user:password@host:3306/database"),
        })?;
        if let Some(refusal) = config.client_refusal() {
            let reason = format!("\"mysql_cdc\" {refusal}");
            return Err(SourceError::Configuration { key: "mysql.client", reason });
        }
        Ok(match config.client {
            BinlogClient::Direct => Self::Direct(DirectMaker::new(config, address)),
            BinlogClient::MysqlAsync => Self::MysqlAsync(MysqlAsyncMaker::new(config, address)),
            #[cfg(feature = "mysql-cdc")]
            BinlogClient::MysqlCdc => Self::MysqlCdc(MysqlCdcMaker::new(config, address)?),
        })
    }
}

impl ConnectionMaker for ConfiguredMaker {
    async fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
        patience: Duration,
    ) -> Result<Box<dyn BinlogConnection>, ConnectionError> {
        match self {
            Self::Direct(maker) => maker.connect(start, id, patience).await,
            Self::MysqlAsync(maker) => maker.connect(start, id, patience).await,
            #[cfg(feature = "mysql-cdc")]
            Self::MysqlCdc(maker) => maker.connect(start, id, patience).await,
        }
    }
}
