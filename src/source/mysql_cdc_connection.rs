//! Binlog connections made by the crate `mysql_cdc`: plain TCP, a password by `mysql_native_password` or
//! `caching_sha2_password`, and raw packets.
//!
//! It logs in, and sends and receives packets; what it makes of events is not used. It blocks, so each connection has a
//! thread of its own, which hands the events over by a bounded queue. The thread of a connection that was dropped ends
//! with the next packet, a heartbeat at the latest, or when its time to wait for one is over.

mod login;
mod packets;
mod queue;
mod session;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
    time::Duration,
};

use secrecy::SecretString;
use tokio::{runtime::Handle, sync::oneshot};

use self::{
    queue::{EventReceiver, EventSender},
    session::MysqlCdcSession,
};
use super::{
    batch::Batch,
    connection::{BinlogConnection, CONNECT_TIMEOUT, ConnectionError, ConnectionMaker},
    error::SourceError,
    identity::Identity,
    replica_id::ReplicaId,
    replica_session,
};
use crate::{
    binlog::Position,
    config::{MysqlAddress, MysqlConfig, MysqlEndpoint, TlsMode},
};

/// Connects with `mysql_cdc`.
pub(super) struct MysqlCdcMaker {
    server: Server,
    /// `mysql.tls` asks for encryption where it can be had.
    prefers_tls: bool,
    heartbeat: Duration,
}

/// Where to log in, and as whom.
#[derive(Clone)]
struct Server {
    /// Name or address, IPv6 in brackets.
    host: String,
    port: u16,
    user: String,
    password: SecretString,
    /// For messages.
    name: String,
}

impl MysqlCdcMaker {
    /// `config` asks for nothing that the crate cannot do: [`MysqlConfig::client_refusal`].
    pub(super) fn new(config: &MysqlConfig, address: MysqlAddress) -> Result<Self, SourceError> {
        let name = address.endpoint.to_string();
        let MysqlEndpoint::Tcp { host, port } = address.endpoint else {
            let reason = "\"mysql_cdc\" connects by TCP only".to_owned();
            return Err(SourceError::Configuration { key: "mysql.client", reason });
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Ok(Self {
            server: Server { host, port, user: address.user, password: address.password, name },
            prefers_tls: config.tls == TlsMode::Preferred,
            heartbeat: config.heartbeat(),
        })
    }
}

impl ConnectionMaker for MysqlCdcMaker {
    async fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
        patience: Duration,
    ) -> Result<Box<dyn BinlogConnection>, ConnectionError> {
        if self.prefers_tls {
            tracing::warn!(
                server = %self.server.name,
                "mysql_cdc cannot encrypt; the connection is not encrypted (mysql.tls = \"preferred\")"
            );
        }
        let request = Request {
            server: self.server.clone(),
            start: start.clone(),
            id: id.clone(),
            heartbeat: self.heartbeat,
            patience,
            runtime: Handle::current(),
        };
        let (connected, connection) = oneshot::channel();
        let (sender, events) = queue::bounded();
        std::thread::Builder::new()
            .name("mysql_cdc".to_owned())
            .spawn(move || run(request, connected, sender))
            .map_err(|error| ConnectionError::Lost(format!("no thread can be started: {error}")))?;
        match tokio::time::timeout(CONNECT_TIMEOUT, connection).await {
            Ok(Ok(identity)) => Ok(Box::new(MysqlCdcConnection { identity: identity?, events })),
            Ok(Err(_)) => Err(ConnectionError::Lost("mysql_cdc failed while it connected".to_owned())),
            Err(_) => {
                let name = &self.server.name;
                Err(ConnectionError::Lost(format!("{name} did not answer within {CONNECT_TIMEOUT:?}")))
            }
        }
    }
}

/// Told to whoever waits for the connection.
type Connected = oneshot::Sender<Result<Identity, ConnectionError>>;

/// What a thread is to read.
struct Request {
    server: Server,
    start: Position,
    id: ReplicaId,
    heartbeat: Duration,
    /// Silence that ends the connection.
    patience: Duration,
    /// Only runs what is shared with the other maker: nothing in it waits here.
    runtime: Handle,
}

/// What the thread does: connects, and reads until something fails or nobody wants it any more.
fn run(request: Request, connected: Connected, sender: EventSender) {
    // The crate panics on packets that are shorter than it expects.
    let end = catch_unwind(AssertUnwindSafe(|| match request.connect(&connected) {
        Ok((session, identity)) => match connected.send(Ok(identity)) {
            Ok(()) => session.read(&sender),
            Err(_) => ConnectionError::Lost("nobody waits for the connection".to_owned()),
        },
        Err(error) => {
            // Whoever waited has given up where this fails.
            let _ = connected.send(Err(error));
            ConnectionError::Lost("no connection".to_owned())
        }
    }));
    sender.end(end.unwrap_or_else(|_| ConnectionError::Unreadable("mysql_cdc failed on a packet".to_owned())));
}

impl Request {
    /// Logs in, prepares the session and asks for the log.
    fn connect(&self, connected: &Connected) -> Result<(MysqlCdcSession, Identity), ConnectionError> {
        let server = &self.server.name;
        let mut session = MysqlCdcSession::log_in(&self.server, self.patience)?;
        let prepare = replica_session::prepare(&mut session, server, &self.start, &self.id, self.heartbeat);
        let prepared = self.runtime.block_on(prepare)?;
        if connected.is_closed() {
            // By now a later connection of ours may read, which this one would throw out.
            return Err(ConnectionError::Lost("nobody waits for the connection".to_owned()));
        }
        let (position, by_gtid) = (prepared.position.clone(), prepared.start.by_gtid());
        let identity = prepared.identity.clone();
        session.ask_for_log(prepared, &self.id)?;
        tracing::info!(%server, server_id = self.id.server_id, %position, by_gtid, "reading the binary log");
        Ok((session, identity))
    }
}

/// A connection over which the log comes.
struct MysqlCdcConnection {
    identity: Identity,
    events: EventReceiver,
}

impl BinlogConnection for MysqlCdcConnection {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn poll_append(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
        self.events.poll(context, batch)
    }
}
