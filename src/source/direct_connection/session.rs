//! A session before the log is asked for: statements, and the request itself.

use mysql_async::Row;
use mysql_common::{
    packets::{ComBinlogDump, ComBinlogDumpGtid, ComRegisterSlave},
    proto::MySerialize,
};

use super::{
    super::{
        answer::{Answer, COM_QUERY, ERROR, OK, refusal, strange},
        connection::ConnectionError,
        dump_error,
        dump_start::DumpStart,
        replica_id::ReplicaId,
        replica_session::{PreparedSession, ReplicaSession, StatementError},
        sids::sids,
    },
    packets::Packets,
    stream::Stream,
};

/// Where a log's first event is. Asked for where GTIDs say where to begin.
const LOG_START: u32 = 4;

/// A connection that is logged in.
pub(super) struct DirectSession {
    pub(super) packets: Packets,
}

impl ReplicaSession for DirectSession {
    async fn rows(&mut self, statement: &str) -> Result<Vec<Row>, StatementError> {
        self.packets.command(&[&[COM_QUERY], statement.as_bytes()].concat()).await?;
        let mut answer = Answer::default();
        loop {
            if let Some(rows) = answer.take(&self.packets.read().await?)? {
                return Ok(rows);
            }
        }
    }
}

impl DirectSession {
    /// Registers as a replica and asks for the log, which is what comes next.
    pub(super) async fn ask_for_log(
        mut self,
        prepared: &PreparedSession,
        id: &ReplicaId,
        server: &str,
    ) -> Result<Stream, ConnectionError> {
        let register = ComRegisterSlave::new(id.server_id).with_hostname(id.host_name().into_bytes());
        self.packets.command(&bytes(&register)).await?;
        let answer = self.packets.read().await?;
        match answer.first() {
            Some(&OK) => {}
            Some(&ERROR) => return Err(refused(&answer, server, prepared)),
            _ => return Err(strange()),
        }
        let request = match &prepared.start {
            DumpStart::MysqlGtids(set) => {
                bytes(&ComBinlogDumpGtid::new(id.server_id).with_pos(LOG_START.into()).with_sids(sids(set)))
            }
            // The session says where.
            DumpStart::MariadbGtids(_) => bytes(&ComBinlogDump::new(id.server_id).with_pos(LOG_START)),
            DumpStart::File { name, offset } => {
                bytes(&ComBinlogDump::new(id.server_id).with_filename(name.as_bytes()).with_pos(*offset))
            }
        };
        self.packets.command(&request).await?;
        Ok(self.packets.stream)
    }
}

/// What the server says in a packet instead of what it was asked for.
pub(super) fn refused(packet: &[u8], server: &str, prepared: &PreparedSession) -> ConnectionError {
    match refusal(packet) {
        StatementError::Refused { code, text } => {
            dump_error::of_server(code, &text, server, &prepared.account, &prepared.position)
        }
        StatementError::Connection(error) => error,
    }
}

fn bytes(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}
