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

use futures_util::{FutureExt, Stream};
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn, DriverError, Error, IoError, OptsBuilder, Row, SslOpts,
    binlog::events::{BinlogEventHeader, Event},
    prelude::Queryable,
};
use secrecy::ExposeSecret;

use super::{
    batch::Batch,
    connection::{BinlogConnection, CONNECT_TIMEOUT, ConnectionError, ConnectionMaker, MAX_PACKET},
    dump_error,
    dump_start::DumpStart,
    error::SourceError,
    identity::Identity,
    login_error,
    replica_id::ReplicaId,
    replica_session::{self, PreparedSession, ReplicaSession, StatementError},
    sids::sids,
};
use crate::{
    binlog::Position,
    config::{MysqlAddress, MysqlConfig, MysqlEndpoint, TlsMode},
};

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
    pub(super) fn new(config: &MysqlConfig, address: MysqlAddress) -> Self {
        let server = address.endpoint.to_string();
        let ca = Some(config.tls_ca.clone()).filter(|path| !path.as_os_str().is_empty());
        Self { address, server, tls: config.tls, ca, heartbeat: config.heartbeat() }
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

    /// `mysql_async` panics on a password plugin that it knows and was built without.
    async fn open(&self, tls: Option<SslOpts>) -> Result<Conn, Error> {
        let opened = AssertUnwindSafe(Conn::new(self.options(tls))).catch_unwind().await;
        opened.unwrap_or_else(|_| Err(DriverError::UnknownAuthPlugin { name: "parsec".to_owned() }.into()))
    }

    async fn log_in(&self) -> Result<Conn, ConnectionError> {
        let tls = self.tls(None);
        let encrypted = tls.is_some();
        let error = match self.open(tls).await {
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
            return self.open(None).await.map_err(|error| self.error(&error, "", ""));
        }
        // The authority's signature was found good before the name was looked at; mysql_async means to let another
        // name pass, but no longer recognises the error. A name that the certificate does hold takes its place.
        if self.tls == TlsMode::VerifyCa
            && let Some(name) = tls_error.as_ref().and_then(presented_name)
        {
            return self.open(self.tls(Some(name))).await.map_err(|error| self.error(&error, "", ""));
        }
        Err(match tls_error {
            Some(error) => ConnectionError::Final(SourceError::Configuration {
                key: "mysql.tls",
                reason: format!("no encrypted connection to {}: {}", self.server, login_error::tls(&error)),
            }),
            None if no_tls => ConnectionError::Final(SourceError::Configuration {
                key: "mysql.tls",
                reason: format!("{} offers no encryption; set it up there, or use `preferred`", self.server),
            }),
            None => self.error(&error, "", ""),
        })
    }

    /// Logs in, prepares the session and asks for the log.
    async fn request(&self, start: &Position, id: &ReplicaId) -> Result<MysqlAsyncConnection, ConnectionError> {
        let mut session = MysqlAsyncSession { connection: self.log_in().await?, server: &self.server };
        let prepared = replica_session::prepare(&mut session, &self.server, start, id, self.heartbeat).await?;
        let PreparedSession { identity, account, start, position } = prepared;
        let name = id.host_name();
        let request = BinlogStreamRequest::new(id.server_id).with_hostname(name.as_bytes());
        let request = match &start {
            DumpStart::MysqlGtids(set) => request.with_gtid().with_gtid_set(sids(set)),
            DumpStart::MariadbGtids(_) => request,
            DumpStart::File { name, offset } => request.with_filename(name.as_bytes()).with_pos((*offset).into()),
        };
        let stream = session.connection.get_binlog_stream(request).await;
        let stream = stream.map_err(|error| self.error(&error, &account, &position))?;
        let by_gtid = start.by_gtid();
        tracing::info!(server = %self.server, server_id = id.server_id, %position, by_gtid, "reading the binary log");
        Ok(MysqlAsyncConnection { identity, stream, server: self.server.clone(), account, position })
    }

    fn error(&self, error: &Error, account: &str, position: &str) -> ConnectionError {
        told(error, &self.server, account, position)
    }
}

impl ConnectionMaker for MysqlAsyncMaker {
    async fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
        _patience: Duration,
    ) -> Result<Box<dyn BinlogConnection>, ConnectionError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.request(start, id)).await {
            Ok(connection) => Ok(Box::new(connection?)),
            Err(_) => Err(ConnectionError::Lost(format!("{} did not answer within {CONNECT_TIMEOUT:?}", self.server))),
        }
    }
}

/// A connection that is logged in.
struct MysqlAsyncSession<'a> {
    connection: Conn,
    /// For messages.
    server: &'a str,
}

impl ReplicaSession for MysqlAsyncSession<'_> {
    async fn rows(&mut self, statement: &str) -> Result<Vec<Row>, StatementError> {
        self.connection.query(statement).await.map_err(|error| match error {
            Error::Server(error) => StatementError::Refused { code: error.code, text: error.message },
            error => StatementError::Connection(told(&error, self.server, "", "")),
        })
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
        Error::Driver(DriverError::UnknownAuthPlugin { name }) => {
            ConnectionError::Final(SourceError::Configuration { key: "mysql.url", reason: login_error::plugin(name) })
        }
        Error::Driver(DriverError::MysqlOldPasswordDisabled) => ConnectionError::Final(SourceError::Configuration {
            key: "mysql.url",
            reason: login_error::plugin("mysql_old_password"),
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

    fn poll_append(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
        let polled = loop {
            // mysql_async panics on an event that is shorter than it says. The stream is not used again after that.
            match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.stream).poll_next(context))) {
                Ok(Poll::Ready(Some(Ok(read)))) if is_unpacked(&read) => {}
                polled => break polled,
            }
        };
        Poll::Ready(match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(read)))) => {
                batch.append(|bytes| put_together(&read, bytes));
                Ok(())
            }
            Ok(Poll::Ready(Some(Err(error)))) => Err(told(&error, &self.server, &self.account, &self.position)),
            Ok(Poll::Ready(None)) => Err(ConnectionError::Lost("the server closed the connection".to_owned())),
            Err(_) => Err(ConnectionError::Unreadable("mysql_async failed on an event".to_owned())),
        })
    }
}

/// Whether the server did not send the event: behind a compressed transaction, `mysql_async` hands out once more what is
/// in it. It reads these events alone with its checksums switched off.
fn is_unpacked(read: &Event) -> bool {
    !read.footer().get_checksum_enabled()
}

/// Appends the event's bytes as the server sent them.
fn put_together(read: &Event, bytes: &mut Vec<u8>) {
    let header = read.header();
    bytes.reserve(BinlogEventHeader::LEN + read.data().len() + 5);
    bytes.extend_from_slice(&header.timestamp().to_le_bytes());
    bytes.push(header.event_type_raw());
    bytes.extend_from_slice(&header.server_id().to_le_bytes());
    bytes.extend_from_slice(&header.event_size().to_le_bytes());
    bytes.extend_from_slice(&header.log_pos().to_le_bytes());
    bytes.extend_from_slice(&header.flags_raw().to_le_bytes());
    bytes.extend_from_slice(read.data());
    let footer = read.footer();
    let algorithm = match footer.get_checksum_alg() {
        Ok(None) => return,
        Ok(Some(known)) => known as u8,
        Err(unknown) => unknown.0,
    };
    if header.event_type_raw() == FORMAT_DESCRIPTION {
        bytes.push(algorithm);
    }
    if let Some(checksum) = read.checksum().filter(|_| footer.get_checksum_enabled()) {
        bytes.extend_from_slice(&checksum);
    }
}
