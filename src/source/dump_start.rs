//! Where the server is asked to begin its log.

use super::{connection::ConnectionError, error::SourceError, replica_facts::ReplicaFacts};
use crate::binlog::{GtidList, GtidSet, Gtids, Position};

/// Where the server is asked to begin.
#[derive(Debug)]
pub(super) enum DumpStart {
    /// MySQL: with what is not in this set.
    MysqlGtids(GtidSet),
    /// MariaDB: behind these; the session's `@slave_connect_state` tells it.
    MariadbGtids(GtidList),
    /// At an offset of a file.
    File { name: String, offset: u32 },
}

impl DumpStart {
    /// By GTID if the position has GTIDs and the server takes them, else by file and offset.
    pub(super) fn choose(position: &Position, facts: &ReplicaFacts) -> Result<Self, ConnectionError> {
        match &position.gtids {
            Some(Gtids::Mysql(set)) if facts.gtid_mode => return Ok(Self::MysqlGtids(set.clone())),
            Some(Gtids::Mariadb(list)) if facts.mariadb => {
                // The server itself takes a domain that its log does not have for one that begins later.
                let Some(unknown) = list.iter().find(|gtid| !facts.has_logged(*gtid)) else {
                    return Ok(Self::MariadbGtids(list.clone()));
                };
                return Err(ConnectionError::Final(SourceError::Purged {
                    position: format!("{}:{}", position.file, position.offset),
                    reason: format!("{unknown} was never in it, so it was started anew (RESET MASTER)"),
                }));
            }
            _ => {}
        }
        // COM_BINLOG_DUMP has four bytes for the offset.
        let Ok(offset) = u32::try_from(position.offset) else {
            return Err(ConnectionError::Final(SourceError::Purged {
                position: format!("{}:{}", position.file, position.offset),
                reason: "beyond 4 GiB of a file the protocol reaches only by GTID. Turn `gtid_mode` on, or keep \
                         `max_binlog_size` and transactions small"
                    .to_owned(),
            }));
        };
        Ok(Self::File { name: position.file.clone(), offset })
    }

    pub(super) fn by_gtid(&self) -> bool {
        !matches!(self, Self::File { .. })
    }
}
