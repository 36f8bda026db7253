//! What a replica asks and sets on a connection before it asks for the log, whichever crate made the connection.

use std::time::Duration;

use mysql_async::Row;

use super::{
    connection::ConnectionError, dump_error, dump_start::DumpStart, error::SourceError, identity::Identity,
    replica_clash, replica_facts::ReplicaFacts, replica_id::ReplicaId,
};
use crate::binlog::Position;

/// Seconds that the server waits for us to take what it sends, while we wait for whoever takes our messages.
const NET_WRITE_TIMEOUT: u32 = 3600;

/// ER_UNKNOWN_SYSTEM_VARIABLE.
const UNKNOWN_VARIABLE: u16 = 1193;

/// A connection that is logged in and takes statements.
pub(super) trait ReplicaSession: Send {
    /// Sends one statement and collects its rows, as text.
    fn rows(&mut self, statement: &str) -> impl Future<Output = Result<Vec<Row>, StatementError>> + Send;
}

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum StatementError {
    /// The server refused it.
    Refused { code: u16, text: String },
    /// The connection did not carry it or its answer.
    Connection(ConnectionError),
}

/// A session in which the log can be asked for.
#[derive(Debug)]
pub(super) struct PreparedSession {
    pub(super) identity: Identity,
    /// As a GRANT names it.
    pub(super) account: String,
    /// Where the log is asked for.
    pub(super) start: DumpStart,
    /// The same in words.
    pub(super) position: String,
}

/// Finds out what the server is, makes sure that nobody else has our id, and sets the session up for a log that begins
/// at `start`. `server` is for messages.
pub(super) async fn prepare(
    session: &mut impl ReplicaSession,
    server: &str,
    start: &Position,
    id: &ReplicaId,
    heartbeat: Duration,
) -> Result<PreparedSession, ConnectionError> {
    let facts = ReplicaFacts::ask(session).await.map_err(|error| error.tell(server, "", ""))?;
    let position = format!("{}:{}", start.file, start.offset);
    let tell = |error: StatementError| error.tell(server, &facts.account, &position);
    let Some(identity) = facts.identity.clone() else { return Err(no_server_id(server)) };
    if let Some(clash) = replica_clash::look(session, &facts, &identity, id).await.map_err(tell)?.clash {
        return Err(ConnectionError::Clash(clash.to_string()));
    }
    let start = DumpStart::choose(start, &facts)?;
    for statement in settings(&facts, id, &start, heartbeat) {
        match session.rows(&statement).await {
            // MySQL 5.5 has no checksums.
            Err(StatementError::Refused { code: UNKNOWN_VARIABLE, .. }) => {}
            result => drop(result.map_err(tell)?),
        }
    }
    Ok(PreparedSession { identity, account: facts.account, start, position })
}

/// What a session must have set before it asks for the log (MySQL source, `sql/rpl_binlog_sender.cc`; MariaDB manual,
/// "Replication Protocol: COM_BINLOG_DUMP").
fn settings(facts: &ReplicaFacts, id: &ReplicaId, start: &DumpStart, heartbeat: Duration) -> Vec<String> {
    let period = heartbeat.as_nanos();
    let uuid = &id.uuid;
    let mut session = format!(
        "SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}, @slave_uuid = '{uuid}', \
         @replica_uuid = '{uuid}', SESSION net_write_timeout = {NET_WRITE_TIMEOUT}"
    );
    if facts.mariadb {
        // Without it GTIDs come as empty statements.
        session.push_str(", @mariadb_slave_capability = 4");
    }
    if let DumpStart::MariadbGtids(list) = start {
        session.push_str(&format!(
            ", @slave_connect_state = '{list}', @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0"
        ));
    }
    let checksum =
        "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, @source_binlog_checksum = @@GLOBAL.binlog_checksum";
    vec![session, checksum.to_owned()]
}

/// What is said of a server that does not tell its id.
pub(super) fn no_server_id(server: &str) -> ConnectionError {
    let (about, reason) = ("itself", "server_id is missing".to_owned());
    ConnectionError::Final(SourceError::Answer { server: server.to_owned(), about, reason })
}

impl StatementError {
    /// What it means for the connection. `account` is empty while nobody is logged in.
    pub(super) fn tell(self, server: &str, account: &str, position: &str) -> ConnectionError {
        match self {
            Self::Refused { code, text } => dump_error::of_server(code, &text, server, account, position),
            Self::Connection(error) => error,
        }
    }
}
