//! `mysql.url`, taken apart.

use std::{fmt, path::PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::MysqlConfig;

/// Where the server is, who we are to it, and the practice's database.
#[derive(Clone, Debug)]
pub struct MysqlAddress {
    /// The server.
    pub endpoint: MysqlEndpoint,
    /// The account's name, percent-decoded; never empty.
    pub user: String,
    /// Its password, percent-decoded; empty if the URL has none.
    pub password: SecretString,
    /// The database, percent-decoded; never empty.
    pub database: String,
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MysqlEndpoint {
    /// By TCP.
    Tcp {
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port, 1 to 65535.
        port: u16,
    },
    /// By a Unix socket.
    Socket(PathBuf),
}

/// As messages name the server: `host:port`, `[host]:port` for IPv6, or the socket's path.
impl fmt::Display for MysqlEndpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(out, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(out, "{host}:{port}"),
            Self::Socket(path) => path.display().fmt(out),
        }
    }
}

/// What is wrong with `mysql.url`. The messages hold nothing of the URL but the name of an unknown parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL at all.
    #[error("is not a URL ({0})")]
    NotAUrl(url::ParseError),
    /// Not `mysql:`.
    #[error("does not begin with mysql://")]
    Scheme,
    /// No user name.
    #[error("has no user name")]
    User,
    /// Neither host nor socket.
    #[error("has neither a host nor ?socket=PATH")]
    Host,
    /// Port 0.
    #[error("has the port 0")]
    Port,
    /// No database name.
    #[error("has no database name after the host")]
    Database,
    /// More than one path segment.
    #[error("has more than a database name after the host")]
    Path,
    /// A `#`.
    #[error("has a part behind #; write # as %23")]
    Fragment,
    /// Percent-encoded bytes that are no UTF-8.
    #[error("has percent-encoded bytes that are not UTF-8")]
    NotUtf8,
    /// `?name=` other than `socket`.
    #[error("has the unknown parameter {0}; the only one is socket, and encryption is set by mysql.tls")]
    Parameter(String),
}

impl MysqlConfig {
    /// Takes [`MysqlConfig::url`] apart.
    ///
    /// # Errors
    /// [`AddressError`], which cannot happen to a configuration that [`super::Config::load`] returned.
    pub fn address(&self) -> Result<MysqlAddress, AddressError> {
        parse(self.url.expose_secret())
    }
}

pub(super) fn parse(text: &str) -> Result<MysqlAddress, AddressError> {
    let url = Url::parse(text).map_err(AddressError::NotAUrl)?;
    if url.scheme() != "mysql" || url.cannot_be_a_base() {
        return Err(AddressError::Scheme);
    }
    if url.fragment().is_some() {
        return Err(AddressError::Fragment);
    }
    let mut socket = None;
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "socket" if !value.is_empty() => socket = Some(PathBuf::from(value.as_ref())),
            "socket" => {}
            _ => return Err(AddressError::Parameter(name.chars().filter(|letter| !letter.is_control()).collect())),
        }
    }
    let host = decode(url.host_str().unwrap_or_default())?;
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(&host);
    let endpoint = match socket {
        Some(path) => MysqlEndpoint::Socket(path),
        None if host.is_empty() => return Err(AddressError::Host),
        None => MysqlEndpoint::Tcp { host: host.to_owned(), port: url.port().unwrap_or(3306) },
    };
    if url.port() == Some(0) {
        return Err(AddressError::Port);
    }
    let user = decode(url.username())?;
    if user.is_empty() {
        return Err(AddressError::User);
    }
    let path = url.path().strip_prefix('/').unwrap_or_default();
    if path.contains('/') {
        return Err(AddressError::Path);
    }
    let database = decode(path)?;
    if database.is_empty() {
        return Err(AddressError::Database);
    }
    let password = SecretString::from(decode(url.password().unwrap_or_default())?);
    Ok(MysqlAddress { endpoint, user, password, database })
}

fn decode(text: &str) -> Result<String, AddressError> {
    percent_decode_str(text).decode_utf8().map(|decoded| decoded.into_owned()).map_err(|_| AddressError::NotUtf8)
}
