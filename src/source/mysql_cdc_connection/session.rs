//! A session over `mysql_cdc`'s packets: statements, and then the log. The packets' bodies are read by `mysql_common`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mysql_async::Row;
use mysql_cdc::{
    binlog_client::BinlogClient,
    binlog_options::BinlogOptions,
    providers::mysql::gtid::{gtid_set::GtidSet, interval::Interval, uuid::Uuid, uuid_set::UuidSet},
    replica_options::ReplicaOptions,
    ssl_mode::SslMode,
};
use mysql_common::{
    constants::CapabilityFlags,
    io::ParseBuf,
    packets::{Column, ComRegisterSlave, ErrPacket},
    proto::{MyDeserialize, MySerialize, Text},
    row::RowDeserializer,
};
use secrecy::ExposeSecret;

use super::{
    super::{
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

/// The command that sends a statement (MySQL source, `enum_server_command`).
const COM_QUERY: u8 = 3;

/// First byte of a packet without rows, of one with an error, and of one that ends a list of others.
const OK: u8 = 0;
const ERROR: u8 = 0xff;
const END: u8 = 0xfe;
/// An end is shorter than this; a row may begin with the same byte, but is longer then.
const END_LIMIT: usize = 9;

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
                Some(&END) if packet.len() < END_LIMIT => {
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
        match refused(packet) {
            StatementError::Refused { code, text } => {
                dump_error::of_server(code, &text, &self.server, &self.account, &self.position)
            }
            StatementError::Connection(error) => error,
        }
    }

    fn query(&mut self, statement: &str) -> Result<Vec<Row>, StatementError> {
        self.packets.command(&[&[COM_QUERY], statement.as_bytes()].concat())?;
        let answer = self.packets.read()?;
        let count = match answer.first() {
            Some(&OK) => return Ok(Vec::new()),
            Some(&ERROR) => return Err(refused(&answer)),
            // Our statements have few columns; more than 250 would be told in more bytes.
            Some(&count) if answer.len() == 1 => count,
            _ => return Err(strange().into()),
        };
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(parse::<Column>(&self.packets.read()?, ())?);
        }
        if !is_end(&self.packets.read()?) {
            return Err(strange().into());
        }
        let columns: Arc<[Column]> = columns.into();
        let mut rows = Vec::new();
        loop {
            let packet = self.packets.read()?;
            if is_end(&packet) {
                return Ok(rows);
            }
            if packet.first() == Some(&ERROR) {
                return Err(refused(&packet));
            }
            rows.push(parse::<RowDeserializer<(), Text>>(&packet, columns.clone())?.into_inner());
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
            let reason = "the server's GTIDs have tags, which \"mysql_cdc\" cannot send; use \"mysql_async\"";
            let error = SourceError::Configuration { key: "mysql.client", reason: reason.to_owned() };
            return Err(ConnectionError::Final(error));
        }
        let uuid = Uuid::new(*source);
        let intervals = intervals.map(|(first, last)| Interval::new(first, last)).collect();
        uuid_sets.insert(uuid.uuid.clone(), UuidSet::new(uuid, intervals));
    }
    Ok(GtidSet { uuid_sets })
}

fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&END) && packet.len() < END_LIMIT
}

fn parse<'a, T: MyDeserialize<'a>>(packet: &'a [u8], context: T::Ctx) -> Result<T, ConnectionError> {
    ParseBuf(packet).parse(context).map_err(|_| strange())
}

/// The error in a packet.
fn refused(packet: &[u8]) -> StatementError {
    match parse::<ErrPacket<'_>>(packet, CapabilityFlags::CLIENT_PROTOCOL_41) {
        Ok(ErrPacket::Error(error)) => {
            StatementError::Refused { code: error.error_code(), text: error.message_str().into_owned() }
        }
        Ok(ErrPacket::Progress(_)) => strange().into(),
        Err(error) => error.into(),
    }
}

fn strange() -> ConnectionError {
    ConnectionError::Lost("the server sent an answer that cannot be read".to_owned())
}

impl From<ConnectionError> for StatementError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}
