//! Binlog connections of this program's own: what the server sends is cut into events where it was received, and nothing
//! else is done to it. Logging in speaks the protocol with the packets and the plugins of `mysql_common`.

mod encryption;
mod events;
mod login;
mod packets;
mod session;
mod stream;

use std::{
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use secrecy::ExposeSecret;

use self::{
    encryption::{Encryption, EncryptionError},
    events::{Events, Unexpected},
    login::{Login, LoginError},
    packets::{Packets, lost},
    session::{DirectSession, refused},
    stream::Stream,
};
use super::{
    batch::Batch,
    connection::{BinlogConnection, CONNECT_TIMEOUT, ConnectionError, ConnectionMaker},
    error::SourceError,
    identity::Identity,
    login_error,
    replica_id::ReplicaId,
    replica_session::{self, PreparedSession, ReplicaSession},
};
use crate::{
    binlog::Position,
    config::{MysqlAddress, MysqlConfig, MysqlEndpoint, TlsMode},
};

/// Makes connections of our own.
pub(super) struct DirectMaker {
    address: MysqlAddress,
    /// For messages.
    server: String,
    tls: TlsMode,
    ca: Option<PathBuf>,
    heartbeat: Duration,
}

impl DirectMaker {
    pub(super) fn new(config: &MysqlConfig, address: MysqlAddress) -> Self {
        let server = address.endpoint.to_string();
        let ca = Some(config.tls_ca.clone()).filter(|path| !path.as_os_str().is_empty());
        // A socket's bytes never leave the machine.
        let tls = if matches!(address.endpoint, MysqlEndpoint::Socket(_)) { TlsMode::Disabled } else { config.tls };
        Self { address, server, tls, ca, heartbeat: config.heartbeat() }
    }

    /// A session for statements alone.
    pub(super) async fn session(&self) -> Result<impl ReplicaSession + use<>, ConnectionError> {
        let packets = self.in_time(self.log_in()).await?;
        Ok(DirectSession { packets })
    }

    /// The version that the server tells everybody.
    pub(super) async fn greeting(&self) -> Result<String, ConnectionError> {
        let greeting = async {
            let stream = Stream::connect(&self.address.endpoint).await.map_err(|error| lost(&error))?;
            login::greeting(&mut Packets::new(stream)).await
        };
        self.in_time(greeting).await
    }

    async fn in_time<T>(&self, step: impl Future<Output = Result<T, ConnectionError>>) -> Result<T, ConnectionError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, step).await {
            Ok(done) => done,
            Err(_) => Err(ConnectionError::Lost(format!("{} did not answer within {CONNECT_TIMEOUT:?}", self.server))),
        }
    }

    async fn log_in(&self) -> Result<Packets, ConnectionError> {
        let encryption = match Encryption::new(self.tls, self.ca.as_deref()) {
            Ok(encryption) => encryption,
            Err(error) => return Err(self.error(LoginError::Encryption(error))),
        };
        let result = self.log_in_with(encryption.as_ref()).await;
        let result = match result {
            Err(LoginError::NoEncryption | LoginError::Encryption(EncryptionError::Tls(_)))
                if self.tls == TlsMode::Preferred =>
            {
                tracing::warn!(
                    server = %self.server,
                    "the server offers no encryption that can be used; the connection is not encrypted (mysql.tls = \
                     \"preferred\")"
                );
                self.log_in_with(None).await
            }
            result => result,
        };
        result.map_err(|error| self.error(error))
    }

    async fn log_in_with(&self, encryption: Option<&Encryption>) -> Result<Packets, LoginError> {
        let host = match &self.address.endpoint {
            MysqlEndpoint::Tcp { host, .. } => host,
            MysqlEndpoint::Socket(_) => "",
        };
        let stream = Stream::connect(&self.address.endpoint).await.map_err(|error| lost(&error))?;
        let password = self.address.password.expose_secret();
        let login = Login { user: &self.address.user, password, host, server: &self.server, encryption };
        login.over(stream).await
    }

    fn error(&self, error: LoginError) -> ConnectionError {
        let server = &self.server;
        let reason = match error {
            LoginError::Connection(error) => return error,
            LoginError::Encryption(EncryptionError::Io(error)) => return lost(&error),
            LoginError::NoEncryption => {
                format!("{server} offers no encryption; set it up there, or use `preferred`")
            }
            LoginError::Encryption(EncryptionError::Tls(error)) => {
                format!("no encrypted connection to {server}: {}", login_error::tls(&error))
            }
            LoginError::Encryption(EncryptionError::Authorities(reason)) => {
                return ConnectionError::Final(SourceError::Configuration { key: "mysql.tls_ca", reason });
            }
        };
        ConnectionError::Final(SourceError::Configuration { key: "mysql.tls", reason })
    }

    /// Logs in, prepares the session and asks for the log.
    async fn request(&self, start: &Position, id: &ReplicaId) -> Result<DirectConnection, ConnectionError> {
        let mut session = DirectSession { packets: self.log_in().await? };
        let prepared = replica_session::prepare(&mut session, &self.server, start, id, self.heartbeat).await?;
        let stream = session.ask_for_log(&prepared, id, &self.server).await?;
        let (position, by_gtid) = (&prepared.position, prepared.start.by_gtid());
        tracing::info!(server = %self.server, server_id = id.server_id, %position, by_gtid, "reading the binary log");
        Ok(DirectConnection { stream, events: Events::default(), server: self.server.clone(), prepared })
    }
}

impl ConnectionMaker for DirectMaker {
    async fn connect(
        &self,
        start: &Position,
        id: &ReplicaId,
        _patience: Duration,
    ) -> Result<Box<dyn BinlogConnection>, ConnectionError> {
        Ok(Box::new(self.in_time(self.request(start, id)).await?))
    }
}

/// A connection over which the log comes.
struct DirectConnection {
    stream: Stream,
    events: Events,
    server: String,
    prepared: PreparedSession,
}

impl BinlogConnection for DirectConnection {
    fn identity(&self) -> &Identity {
        &self.prepared.identity
    }

    fn poll_append(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
        let polled = self.events.poll(Pin::new(&mut self.stream), context, batch);
        polled.map_err(|unexpected| match unexpected {
            Unexpected::Refusal(packet) => refused(&packet, &self.server, &self.prepared),
            Unexpected::Error(error) => error,
        })
    }
}
