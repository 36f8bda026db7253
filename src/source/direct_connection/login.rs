//! Logging in. The packets' bodies and the plugins' arithmetic are `mysql_common`'s.

use std::{collections::HashMap, panic::catch_unwind};

use mysql_common::{
    constants::CapabilityFlags,
    crypto,
    io::ParseBuf,
    packets::{AuthPlugin, AuthSwitchRequest, ErrPacket, HandshakePacket, HandshakeResponse, SslRequest},
    proto::MySerialize,
};

use super::{
    super::{
        answer::{ERROR, OK, parse, strange},
        connection::{ConnectionError, MAX_PACKET},
        dump_error,
        error::SourceError,
        login_error,
    },
    encryption::{Encryption, EncryptionError},
    packets::Packets,
    stream::Stream,
};

/// First byte of a packet that asks for another plugin, and of one that goes on with the same.
const SWITCH: u8 = 0xfe;
const MORE: u8 = 1;

/// What follows [`MORE`] of `caching_sha2_password`: the password was right; it must come whole.
const ACCEPTED: u8 = 3;
const WHOLE: u8 = 4;

/// Asks for the server's public key.
const PUBLIC_KEY: u8 = 2;

/// The collation of the session: utf8mb4_general_ci.
const COLLATION: u8 = 45;

/// Who logs in, and how.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// The server's name, for its certificate.
    pub(super) host: &'a str,
    /// For messages.
    pub(super) server: &'a str,
    pub(super) encryption: Option<&'a Encryption>,
}

/// Why nobody is logged in.
#[derive(Debug)]
pub(super) enum LoginError {
    /// The server offers no encryption.
    NoEncryption,
    Encryption(EncryptionError),
    Connection(ConnectionError),
}

impl From<ConnectionError> for LoginError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

/// The version in a server's greeting.
pub(super) async fn greeting(packets: &mut Packets) -> Result<String, ConnectionError> {
    let greeting = packets.read().await?;
    Ok(parse::<HandshakePacket<'_>>(&greeting, ())?.server_version_str().into_owned())
}

impl Login<'_> {
    /// Logs in over a connection that is just made.
    pub(super) async fn over(&self, stream: Stream) -> Result<Packets, LoginError> {
        let mut packets = Packets::new(stream);
        let greeting = packets.read().await?;
        if greeting.first() == Some(&ERROR) {
            // Nothing is agreed upon yet, so errors have their oldest form.
            return Err(self.refusal(&greeting, CapabilityFlags::empty()).into());
        }
        let greeting = parse::<HandshakePacket<'_>>(&greeting, ())?.into_owned();
        let capabilities = greeting.capabilities() & wanted(self.encryption.is_some());
        if let Some(encryption) = self.encryption {
            if !capabilities.contains(CapabilityFlags::CLIENT_SSL) {
                return Err(LoginError::NoEncryption);
            }
            packets.write(&bytes(&SslRequest::new(capabilities, MAX_PACKET as u32, COLLATION))).await?;
            packets.stream = match packets.stream {
                Stream::Tcp(stream) => {
                    let encrypted = encryption.encrypt(stream, self.host).await;
                    Stream::Encrypted(encrypted.map_err(LoginError::Encryption)?)
                }
                other => other,
            };
        }
        // Other plugins are switched to by those who have them.
        let plugin = match greeting.auth_plugin() {
            Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
            _ => AuthPlugin::MysqlNativePassword,
        };
        let scramble = plugin.gen_data(Some(self.password), &greeting.nonce());
        let response = HandshakeResponse::new(
            scramble.as_deref(),
            greeting.server_version_parsed().unwrap_or_default(),
            Some(self.user.as_bytes()),
            None::<&[u8]>,
            Some(plugin.borrow()),
            capabilities,
            attributes(capabilities),
            MAX_PACKET as u32,
        );
        packets.write(&bytes(&response)).await?;
        self.prove(&mut packets, plugin, greeting.nonce()).await?;
        Ok(packets)
    }

    /// Does what the account's plugin asks for.
    async fn prove(
        &self,
        packets: &mut Packets,
        mut plugin: AuthPlugin<'static>,
        mut nonce: Vec<u8>,
    ) -> Result<(), ConnectionError> {
        let mut switched = false;
        loop {
            let packet = packets.read().await?;
            match (packet.as_slice(), &plugin) {
                ([OK, ..], _) => return Ok(()),
                ([ERROR, ..], _) => return Err(self.refusal(&packet, CapabilityFlags::CLIENT_PROTOCOL_41)),
                // As servers before 4.1 asked for it, without a name.
                ([SWITCH], _) => return Err(refused_plugin(&AuthPlugin::MysqlOldPassword)),
                ([SWITCH, ..], _) if !switched => {
                    switched = true;
                    let request = parse::<AuthSwitchRequest<'_>>(&packet, ())?;
                    plugin = request.auth_plugin().into_owned();
                    nonce = request.plugin_data().to_vec();
                    packets.write(&self.scramble(&plugin, &nonce)?).await?;
                }
                ([MORE, ACCEPTED], AuthPlugin::CachingSha2Password) => {}
                ([MORE, WHOLE], AuthPlugin::CachingSha2Password) => self.send_whole(packets, &nonce).await?,
                _ => return Err(strange()),
            }
        }
    }

    fn scramble(&self, plugin: &AuthPlugin<'_>, nonce: &[u8]) -> Result<Vec<u8>, ConnectionError> {
        match plugin {
            AuthPlugin::CachingSha2Password | AuthPlugin::MysqlNativePassword | AuthPlugin::Ed25519 => {
                let scramble = plugin.gen_data(Some(self.password), nonce);
                Ok(scramble.map(|scramble| scramble.to_vec()).unwrap_or_default())
            }
            // The old ones tell the password to whoever listens; the others are not known here.
            AuthPlugin::MysqlOldPassword
            | AuthPlugin::MysqlClearPassword
            | AuthPlugin::MariadbParsec { .. }
            | AuthPlugin::Other(_) => Err(refused_plugin(plugin)),
        }
    }

    /// Sends the password itself: as it is if nobody can listen, else under the server's public key.
    async fn send_whole(&self, packets: &mut Packets, nonce: &[u8]) -> Result<(), ConnectionError> {
        let mut password = [self.password.as_bytes(), &[0]].concat();
        if packets.stream.is_private() {
            return packets.write(&password).await;
        }
        packets.write(&[PUBLIC_KEY]).await?;
        let answer = packets.read().await?;
        let [MORE, key @ ..] = answer.as_slice() else { return Err(strange()) };
        password.iter_mut().zip(nonce.iter().cycle()).for_each(|(byte, nonce)| *byte ^= nonce);
        // It panics on keys that are none, and on passwords that are longer than the key.
        let encrypted = catch_unwind(|| crypto::encrypt(&password, key));
        let encrypted = encrypted.map_err(|_| {
            ConnectionError::Lost("the password cannot be encrypted with the key that the server sent".to_owned())
        });
        packets.write(&encrypted?).await
    }

    fn refusal(&self, packet: &[u8], capabilities: CapabilityFlags) -> ConnectionError {
        match ParseBuf(packet).parse::<ErrPacket<'_>>(capabilities) {
            Ok(ErrPacket::Error(error)) => {
                dump_error::of_server(error.error_code(), &error.message_str(), self.server, "", "")
            }
            _ => strange(),
        }
    }
}

/// What of the protocol is used, if the server has it too.
fn wanted(encrypted: bool) -> CapabilityFlags {
    let wanted = CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    if encrypted { wanted | CapabilityFlags::CLIENT_SSL } else { wanted }
}

/// What the server shows of us among its connections.
fn attributes(capabilities: CapabilityFlags) -> Option<HashMap<String, String>> {
    let shown = capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS);
    shown.then(|| HashMap::from([("program_name".to_owned(), "opendental-cdc".to_owned())]))
}

fn refused_plugin(plugin: &AuthPlugin<'_>) -> ConnectionError {
    let name = String::from_utf8_lossy(plugin.as_bytes());
    ConnectionError::Final(SourceError::Configuration { key: "mysql.url", reason: login_error::plugin(&name) })
}

fn bytes(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}
