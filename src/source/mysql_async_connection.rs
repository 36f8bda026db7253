//! Binlog connections made by the crate `mysql_async`, which brings TLS, Unix sockets and every login plugin.
//!
//! It also takes each event apart for itself; what it finds there is not used. Its event keeps the header, the body and
//! the checksum apart, so the bytes as the server sent them are put together again, for our own decoder to verify.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn, DriverError, Error, GnoInterval, IoError, OptsBuilder, Row, Sid, SslOpts,
    binlog::events::{BinlogEventHeader, Event},
    prelude::Queryable,
};
use secrecy::ExposeSecret;

use super::{
    connection::{BinlogConnection, ConnectionError, ConnectionMaker},
    dump_error,
    error::SourceError,
    identity::Identity,
    replica_id::ReplicaId,
};
use crate::{
    binlog::{Gtids, Position},
    config::{MysqlAddress, MysqlConfig, MysqlEndpoint, TlsMode},
};

/// How long connecting, logging in and preparing the session may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Seconds that the server waits for us to take what it sends, while we wait for whoever takes our messages.
const NET_WRITE_TIMEOUT: u32 = 3600;

/// The largest event that the servers can send.
const MAX_PACKET: usize = 1 << 30;

/// The format description event's type code.
const FORMAT_DESCRIPTION: u8 = 15;

/// Connects with `mysql_async`.
pub(super) struct MysqlAsyncMaker {
    address: MysqlAddress,
    /// For messages.
    server: String,
    tls: TlsMode,
    ca: Option<std::path::PathBuf>,
    heartbeat: Duration,
}

impl MysqlAsyncMaker {
    pub(super) fn new(config: &MysqlConfig) -> Result<Self, SourceError> {
        let address = config.address().map_err(|error| SourceError::Configuration {
            key: "mysql.url",
            reason: format!("{error}; expected is mysql://user:password@host:3306/database"),
        })?;
        let server = match &address.endpoint {
            MysqlEndpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            MysqlEndpoint::Tcp { host, port } => format!("{host}:{port}"),
            MysqlEndpoint::Socket(path) => path.display().to_string(),
        };
        let ca = Some(config.tls_ca.clone()).filter(|path| !path.as_os_str().is_empty());
        let heartbeat = Duration::from_secs(u64::from(config.heartbeat_seconds.max(1)));
        Ok(Self { address, server, tls: config.tls, ca, heartbeat })
    }

    /// How the connection is encrypted; `None`: not at all. `name`: one that the server's certificate holds, to be
    /// taken for the host's.
    fn tls(&self, name: Option<String>) -> Option<SslOpts> {
        if matches!(self.address.endpoint, MysqlEndpoint::Socket(_)) {
            // It never leaves the machine, and mysql_async cannot encrypt it.
            return None;
        }
        let mut options = SslOpts::default();
        if let Some(ca) = &self.ca {
            options = options.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
        }
        match self.tls {
            TlsMode::Disabled => None,
            TlsMode::Preferred | TlsMode::Required => {
                let options = SslOpts::default().with_danger_skip_domain_validation(true);
                Some(options.with_danger_accept_invalid_certs(true))
            }
            TlsMode::VerifyCa => Some(options.with_danger_tls_hostname_override(name)),
            TlsMode::VerifyIdentity => Some(options),
        }
    }

    fn options(&self, tls: Option<SslOpts>) -> OptsBuilder {
        let password = self.address.password.expose_secret();
        let options = OptsBuilder::default()
            .user(Some(self.address.user.clone()))
            .pass(Some(password.to_owned()).filter(|password| !password.is_empty()))
            .ssl_opts(tls)
            .prefer_socket(false)
            .max_allowed_packet(Some(MAX_PACKET))
            .stmt_cache_size(0)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .connect_attribute("program_name", "opendental-cdc");
        match &self.address.endpoint {
            MysqlEndpoint::Tcp { host, port } => options.ip_or_hostname(host).tcp_port(*port),
            MysqlEndpoint::Socket(path) => options.socket(Some(path.display().to_string())),
        }
    }

    async fn log_in(&self) -> Result<Conn, ConnectionError> {
        let tls = self.tls(None);
        let encrypted = tls.is_some();
        let error = match Conn::new(self.options(tls)).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let (no_tls, tls_error) = (is_no_tls(&error), tls_error(&error));
        if encrypted && self.tls == TlsMode::Preferred && (no_tls || tls_error.is_some()) {
            tracing::warn!(
                server = %self.server,
                "the server offers no encryption that can be used; the connection is not encrypted (mysql.tls = \
                 \"preferred\")"
            );
            return Conn::new(self.options(None)).await.map_err(|error| self.error(&error, "", ""));
        }
        // The authority's signature was found good before the name was looked at; mysql_async means to let another
        // name pass, but no longer recognises the error. A name that the certificate does hold takes its place.
        if self.tls == TlsMode::VerifyCa
            && let Some(name) = tls_error.as_ref().and_then(presented_name)
        {
            let options = self.options(self.tls(Some(name)));
            return Conn::new(options).await.map_err(|error| self.error(&error, "", ""));
        }
        Err(match tls_error {
            Some(error) => ConnectionError::Final(SourceError::Configuration {
                key: "mysql.tls",
                reason: format!(
                    "no encrypted connection to {}: {error}. The certificate must be of version 3, signed by an \
                     authority in `mysql.tls_ca` and name the host as subjectAltName; `required` encrypts without \
                     looking at it",
                    self.server
                ),
            }),
            None if no_tls => ConnectionError::Final(SourceError::Configuration {
                key: "mysql.tls",
                reason: format!("{} offers no encryption; set it up there, or use `preferred`", self.server),
            }),
            None => self.error(&error, "", ""),
        })
    }

    /// Logs in, finds out what the server is, prepares the session and asks for the log.
    async fn request(&self, start: &Position, id: &ReplicaId) -> Result<MysqlAsyncConnection, ConnectionError> {
        let mut connection = self.log_in().await?;
        let facts = Facts::ask(&mut connection).await.map_err(|error| self.error(&error, "", ""))?;
        let position = format!("{}:{}", start.file, start.offset);
        let failed = |error: Error| self.error(&error, &facts.account, &position);
        let Some(identity) = facts.identity.clone() else {
            return Err(ConnectionError::Final(SourceError::Answer {
                server: self.server.clone(),
                about: "itself",
                reason: "server_id is missing".to_owned(),
            }));
        };
        self.look_for_clash(&mut connection, &facts, id).await.map_err(failed)??;
        let gtids = match &start.gtids {
            Some(Gtids::Mysql(set)) if facts.gtid_mode => Some(Gtids::Mysql(set.clone())),
            Some(Gtids::Mariadb(list)) if facts.mariadb => Some(Gtids::Mariadb(list.clone())),
            _ => None,
        };
        for statement in session(&facts, id, gtids.as_ref(), self.heartbeat) {
            match connection.query_drop(statement).await {
                // ER_UNKNOWN_SYSTEM_VARIABLE: MySQL 5.5 has no checksums.
                Err(Error::Server(error)) if error.code == 1193 => {}
                result => result.map_err(failed)?,
            }
        }
        let name = host_name(id);
        let request = BinlogStreamRequest::new(id.server_id).with_hostname(name.as_bytes());
        let request = match &gtids {
            Some(Gtids::Mysql(set)) => {
                request.with_gtid().with_gtid_set(set.sources().map(|(source, tag, intervals)| {
                    let intervals =
                        intervals.map(|(first, last)| GnoInterval::new(first, last.saturating_add(1))).collect();
                    sid(source, tag.as_str()).with_intervals(intervals)
                }))
            }
            // The session's @slave_connect_state says where.
            Some(Gtids::Mariadb(_)) => request,
            None if start.offset > u64::from(u32::MAX) => {
                return Err(ConnectionError::Final(SourceError::Dump {
                    reason: format!(
                        "reading must begin at {position}, beyond 4 GB, where the protocol reaches only by GTID: turn \
                         `gtid_mode` on, or keep `max_binlog_size` and transactions small"
                    ),
                }));
            }
            None => request.with_filename(start.file.as_bytes()).with_pos(start.offset),
        };
        let stream = connection.get_binlog_stream(request).await.map_err(failed)?;
        let by_gtid = gtids.is_some();
        tracing::info!(server = %self.server, server_id = id.server_id, %position, by_gtid, "reading the binary log");
        Ok(MysqlAsyncConnection { identity, stream, server: self.server.clone(), account: facts.account, position })
    }

    /// Whether another replica shows our server_id. Two with one id throw each other out, for ever.
    async fn look_for_clash(
        &self,
        connection: &mut Conn,
        facts: &Facts,
        id: &ReplicaId,
    ) -> Result<Result<(), ConnectionError>, Error> {
        let statements: &[&str] =
            if facts.mariadb { &["SHOW SLAVE HOSTS"] } else { &["SHOW REPLICAS", "SHOW SLAVE HOSTS"] };
        for statement in statements {
            let rows: Vec<Row> = match connection.query(*statement).await {
                Ok(rows) => rows,
                // ER_PARSE_ERROR: another release's statement. ER_SPECIFIC_ACCESS_DENIED_ERROR: MariaDB 10.5 and later
                // show this only to administrators; a clash is then found when it happens.
                Err(Error::Server(error)) if matches!(error.code, 1064 | 1227) => continue,
                Err(error) => return Err(error),
            };
            for row in rows {
                let text = |name: &str| text(&row, name).unwrap_or_default();
                // Our own connection that broke may still be shown.
                if text("server_id") == id.server_id.to_string() && text("host") != host_name(id) {
                    return Ok(Err(ConnectionError::Clash(format!("{statement} shows another replica with this id"))));
                }
            }
            break;
        }
        if facts.identity.as_ref().is_some_and(|identity| identity.server_id == id.server_id) {
            return Ok(Err(ConnectionError::Clash("it is the server's own id".to_owned())));
        }
        Ok(Ok(()))
    }

    fn error(&self, error: &Error, account: &str, position: &str) -> ConnectionError {
        told(error, &self.server, account, position)
    }
}

impl ConnectionMaker for MysqlAsyncMaker {
    async fn connect(&self, start: &Position, id: &ReplicaId) -> Result<Box<dyn BinlogConnection>, ConnectionError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.request(start, id)).await {
            Ok(connection) => Ok(Box::new(connection?)),
            Err(_) => Err(ConnectionError::Lost(format!("{} did not answer within {CONNECT_TIMEOUT:?}", self.server))),
        }
    }
}

/// What the server says about itself.
struct Facts {
    mariadb: bool,
    /// MySQL's `gtid_mode = ON`.
    gtid_mode: bool,
    /// As a GRANT names it.
    account: String,
    identity: Option<Identity>,
}

impl Facts {
    async fn ask(connection: &mut Conn) -> Result<Self, Error> {
        let version: Option<String> = connection.query_first("SELECT VERSION()").await?;
        let mariadb = version.unwrap_or_default().contains("MariaDB");
        let account: Option<String> = connection.query_first("SELECT CURRENT_USER()").await?;
        let account = account.unwrap_or_default().replacen('@', "'@'", 1);
        let rows: Vec<Row> = connection.query(Identity::QUERY).await?;
        let identity = Identity::from_variables(rows.iter().filter_map(|row| Some((at(row, 0)?, at(row, 1)?))));
        let gtid_mode = match connection.query_first::<String, _>("SELECT @@GLOBAL.gtid_mode").await {
            Ok(mode) => mode.is_some_and(|mode| mode.eq_ignore_ascii_case("on")),
            // ER_UNKNOWN_SYSTEM_VARIABLE.
            Err(Error::Server(error)) if error.code == 1193 => false,
            Err(error) => return Err(error),
        };
        Ok(Self { mariadb, gtid_mode, account: format!("'{account}'"), identity })
    }
}

/// What a session must have set before it asks for the log (MySQL source, `sql/rpl_binlog_sender.cc`; MariaDB manual,
/// "Replication Protocol: COM_BINLOG_DUMP").
fn session(facts: &Facts, id: &ReplicaId, gtids: Option<&Gtids>, heartbeat: Duration) -> Vec<String> {
    let period = heartbeat.as_nanos();
    let uuid = &id.uuid;
    let mut statements = vec![
        format!("SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}"),
        "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, @source_binlog_checksum = @@GLOBAL.binlog_checksum"
            .to_owned(),
        format!("SET @slave_uuid = '{uuid}', @replica_uuid = '{uuid}'"),
        format!("SET SESSION net_write_timeout = {NET_WRITE_TIMEOUT}"),
    ];
    if facts.mariadb {
        // Without it GTIDs come as empty statements.
        statements.push("SET @mariadb_slave_capability = 4".to_owned());
    }
    if let Some(Gtids::Mariadb(list)) = gtids {
        statements.push(format!(
            "SET @slave_connect_state = '{list}', @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0"
        ));
    }
    statements
}

/// Shown by SHOW REPLICAS; tells our own broken connections from other replicas.
fn host_name(id: &ReplicaId) -> String {
    format!("opendental-cdc-{}", id.uuid.split('-').next().unwrap_or_default())
}

fn sid(source: &[u8; 16], tag: &str) -> Sid<'static> {
    let plain = Sid::new(*source);
    if tag.is_empty() {
        return plain;
    }
    // A tag can only be given as text, with an interval, which is then put right.
    let source = hex::encode(source);
    format!("{source}:{tag}:1").parse().unwrap_or(plain)
}

/// The text in a column, by its name.
fn text(row: &Row, name: &str) -> Option<String> {
    let index = row.columns_ref().iter().position(|column| column.name_str().eq_ignore_ascii_case(name))?;
    at(row, index)
}

fn at(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index)? {
        mysql_async::Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
        mysql_async::Value::Int(number) => Some(number.to_string()),
        mysql_async::Value::UInt(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_no_tls(error: &Error) -> bool {
    matches!(error, Error::Driver(DriverError::NoClientSslFlagFromServer))
}

/// The TLS library's error in `error`.
fn tls_error(error: &Error) -> Option<rustls::Error> {
    match error {
        Error::Io(IoError::Io(error)) => error.get_ref()?.downcast_ref::<rustls::Error>().cloned(),
        Error::Io(IoError::Tls(error)) => Some(rustls::Error::General(error.to_string())),
        _ => None,
    }
}

/// A name in a certificate whose signature is good.
fn presented_name(error: &rustls::Error) -> Option<String> {
    let rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext { presented, .. }) = error
    else {
        return None;
    };
    // They come as `DnsName("db.local")` and `IpAddress(127.0.0.1)`.
    presented.iter().find_map(|name| {
        let name = name.split_once('(')?.1.strip_suffix(')')?.trim_matches('"');
        Some(name.strip_prefix("*.").map_or_else(|| name.to_owned(), |domain| format!("any.{domain}")))
    })
}

fn told(error: &Error, server: &str, account: &str, position: &str) -> ConnectionError {
    match error {
        Error::Server(error) => dump_error::of_server(error.code, &error.message, server, account, position),
        Error::Driver(DriverError::UnknownAuthPlugin { name }) => ConnectionError::Final(SourceError::Configuration {
            key: "mysql.url",
            reason: format!("the account logs in with the plugin {name}, which this program cannot use"),
        }),
        Error::Driver(DriverError::UnexpectedPacket { .. }) => {
            ConnectionError::Unreadable("the server sent a packet that is no event".to_owned())
        }
        Error::Driver(error @ DriverError::PacketTooLarge) => ConnectionError::Unreadable(error.to_string()),
        Error::Io(IoError::Io(error))
            if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::Other)
                && error.raw_os_error().is_none() =>
        {
            ConnectionError::Unreadable("mysql_async cannot take an event apart".to_owned())
        }
        // None of these quotes a packet.
        Error::Driver(error) => ConnectionError::Lost(error.to_string()),
        Error::Io(error) => ConnectionError::Lost(error.to_string()),
        Error::Other(_) | Error::Url(_) => ConnectionError::Lost("mysql_async failed".to_owned()),
    }
}

/// A connection over which the log comes.
struct MysqlAsyncConnection {
    identity: Identity,
    stream: BinlogStream,
    server: String,
    account: String,
    /// Where reading began, for messages.
    position: String,
}

impl BinlogConnection for MysqlAsyncConnection {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn poll_event(&mut self, context: &mut Context<'_>, event: &mut Vec<u8>) -> Poll<Result<(), ConnectionError>> {
        // mysql_async panics on an event that is shorter than it says. The stream is not used again after that.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.stream).poll_next(context)));
        Poll::Ready(match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(read)))) => {
                put_together(&read, event);
                Ok(())
            }
            Ok(Poll::Ready(Some(Err(error)))) => Err(told(&error, &self.server, &self.account, &self.position)),
            Ok(Poll::Ready(None)) => Err(ConnectionError::Lost("the server closed the connection".to_owned())),
            Err(_) => Err(ConnectionError::Unreadable("mysql_async failed on an event".to_owned())),
        })
    }
}

/// The event's bytes as the server sent them.
fn put_together(read: &Event, event: &mut Vec<u8>) {
    let header = read.header();
    event.clear();
    event.reserve(BinlogEventHeader::LEN + read.data().len() + 5);
    event.extend_from_slice(&header.timestamp().to_le_bytes());
    event.push(header.event_type_raw());
    event.extend_from_slice(&header.server_id().to_le_bytes());
    event.extend_from_slice(&header.event_size().to_le_bytes());
    event.extend_from_slice(&header.log_pos().to_le_bytes());
    event.extend_from_slice(&header.flags_raw().to_le_bytes());
    event.extend_from_slice(read.data());
    let footer = read.footer();
    let algorithm = match footer.get_checksum_alg() {
        Ok(None) => return,
        Ok(Some(known)) => known as u8,
        Err(unknown) => unknown.0,
    };
    if header.event_type_raw() == FORMAT_DESCRIPTION {
        event.push(algorithm);
    }
    if let Some(checksum) = read.checksum().filter(|_| footer.get_checksum_enabled()) {
        event.extend_from_slice(&checksum);
    }
}
