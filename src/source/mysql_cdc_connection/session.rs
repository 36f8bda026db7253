//! A session over `mysql_cdc`'s packets: statements, and then the log. The packets' bodies are read by `mysql_common`.

use std::{collections::HashMap, time::Duration};

use mysql_async::Row;
use mysql_cdc::{
    binlog_client::BinlogClient,
    binlog_options::BinlogOptions,
    providers::mysql::gtid::{gtid_set::GtidSet, interval::Interval, uuid::Uuid, uuid_set::UuidSet},
    replica_options::ReplicaOptions,
    ssl_mode::SslMode,
};
use mysql_common::{packets::ComRegisterSlave, proto::MySerialize};
use secrecy::ExposeSecret;

use super::{
    super::{
        answer::{Answer, COM_QUERY, ERROR, OK, is_end, refusal, strange},
        connection::ConnectionError,
        dump_error,
        dump_start::DumpStart,
        error::SourceError,
        replica_id::ReplicaId,
        replica_session::{PreparedSession, ReplicaSession, StatementError},
    },
    Server, login,
    packets::Packets,
    queue::EventSender,
};

/// A connection that is logged in.
pub(super) struct MysqlCdcSession {
    packets: Packets,
    client: BinlogClient,
    server: String,
    /// As a GRANT names it; empty before the log was asked for, like `position`.
    account: String,
    /// Where reading began, for messages.
    position: String,
}

impl MysqlCdcSession {
    /// Connects and logs in. Silence longer than `patience` ends the connection.
    pub(super) fn log_in(server: &Server, patience: Duration) -> Result<Self, ConnectionError> {
        let client = BinlogClient::new(ReplicaOptions {
            hostname: server.host.clone(),
            port: server.port,
            username: server.user.clone(),
            password: server.password.expose_secret().to_owned(),
            ssl_mode: SslMode::Disabled,
            // The crate waits ten seconds longer than this for a packet. The heartbeat itself is set by a statement.
            heartbeat_interval: patience,
            ..ReplicaOptions::default()
        });
        let packets = Packets::log_in(&client).map_err(|error| login::refusal(&error, &server.name))?;
        let (account, position) = (String::new(), String::new());
        Ok(Self { packets, client, server: server.name.clone(), account, position })
    }

    /// Registers as a replica and asks for the log.
    pub(super) fn ask_for_log(&mut self, prepared: PreparedSession, id: &ReplicaId) -> Result<(), ConnectionError> {
        (self.account, self.position) = (prepared.account, prepared.position);
        self.client.options.server_id = id.server_id;
        self.client.options.binlog = match &prepared.start {
            DumpStart::MysqlGtids(set) => BinlogOptions::from_mysql_gtid(gtid_set(set)?),
            // The session says where.
            DumpStart::MariadbGtids(_) => BinlogOptions::from_start(),
            DumpStart::File { name, offset } => BinlogOptions::from_position(name.clone(), *offset),
        };
        let mut register = Vec::new();
        // The crate's own registration names no host, by which we know our connections.
        ComRegisterSlave::new(id.server_id).with_hostname(id.host_name().into_bytes()).serialize(&mut register);
        self.packets.command(&register)?;
        let answer = self.packets.read()?;
        match answer.first() {
            Some(&OK) => self.packets.ask_for_log(&self.client.options),
            Some(&ERROR) => Err(self.server_error(&answer)),
            _ => Err(strange()),
        }
    }

    /// Reads the log until something fails or nobody takes its events any more.
    pub(super) fn read(mut self, events: &EventSender) -> ConnectionError {
        loop {
            let mut packet = match self.packets.read() {
                Ok(packet) => packet,
                Err(error) => return error,
            };
            match packet.first() {
                Some(&OK) => {}
                Some(&ERROR) => return self.server_error(&packet),
                _ if is_end(&packet) => {
                    return ConnectionError::Lost("the server closed the connection".to_owned());
                }
                _ => return ConnectionError::Unreadable("the server sent a packet that is no event".to_owned()),
            }
            packet.remove(0);
            if !events.send(packet) {
                return ConnectionError::Lost("nobody reads any more".to_owned());
            }
        }
    }

    fn server_error(&self, packet: &[u8]) -> ConnectionError {
        match refusal(packet) {
            StatementError::Refused { code, text } => {
                dump_error::of_server(code, &text, &self.server, &self.account, &self.position)
            }
            StatementError::Connection(error) => error,
        }
    }

    fn query(&mut self, statement: &str) -> Result<Vec<Row>, StatementError> {
        self.packets.command(&[&[COM_QUERY], statement.as_bytes()].concat())?;
        let mut answer = Answer::default();
        loop {
            if let Some(rows) = answer.take(&self.packets.read()?)? {
                return Ok(rows);
            }
        }
    }
}

impl ReplicaSession for MysqlCdcSession {
    async fn rows(&mut self, statement: &str) -> Result<Vec<Row>, StatementError> {
        self.query(statement)
    }
}

/// The crate's form of a set; made of numbers, since it panics on texts that it does not expect.
fn gtid_set(set: &crate::binlog::GtidSet) -> Result<GtidSet, ConnectionError> {
    let mut uuid_sets = HashMap::new();
    for (source, tag, intervals) in set.sources() {
        if !tag.is_empty() {
            let reason = "the server's GTIDs have tags, which \"mysql_cdc\" cannot send; use \"direct\"";
            let error = SourceError::Configuration { key: "mysql.client", reason: reason.to_owned() };
            return Err(ConnectionError::Final(error));
        }
        let uuid = Uuid::new(*source);
        let intervals = intervals.map(|(first, last)| Interval::new(first, last)).collect();
        uuid_sets.insert(uuid.uuid.clone(), UuidSet::new(uuid, intervals));
    }
    Ok(GtidSet { uuid_sets })
}
