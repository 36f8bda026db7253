//! Our own ports: what we listen on, and the server that we read. No webhook is for them.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use reqwest::dns::{Name, Resolve};

use crate::config::{HttpConfig, MysqlConfig, MysqlEndpoint};

/// The port of a server that is reached by its socket, most likely.
const MYSQL_PORT: u16 = 3306;

/// One of them.
pub(super) enum OwnPort {
    /// `http.listen`.
    Http(SocketAddr),
    /// The server of `mysql.url`, by name or address.
    Mysql { host: String, port: u16 },
}

impl OwnPort {
    /// `http.listen`; `None` if it is off, or any port that is free.
    pub(super) fn http(config: &HttpConfig) -> Option<Self> {
        config.listen.parse().ok().filter(|listen: &SocketAddr| listen.port() != 0).map(Self::Http)
    }

    pub(super) fn mysql(config: &MysqlConfig) -> Option<Self> {
        let (host, port) = match config.address().ok()?.endpoint {
            MysqlEndpoint::Tcp { host, port } => (host, port),
            MysqlEndpoint::Socket(_) => ("localhost".to_owned(), MYSQL_PORT),
        };
        Some(Self::Mysql { host, port })
    }

    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Http(listen) => listen.port(),
            Self::Mysql { port, .. } => *port,
        }
    }

    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::Http(_) => "is what this bridge listens on itself (http.listen)",
            Self::Mysql { .. } => "is the database server that this bridge reads (mysql.url)",
        }
    }

    /// Whether `address`, at this port, is it.
    pub(super) async fn is_at(&self, address: IpAddr, names: &dyn Resolve) -> bool {
        match self {
            Self::Http(listen) if listen.ip().is_unspecified() => is_this_machine(address),
            Self::Http(listen) => same(listen.ip(), address),
            Self::Mysql { host, .. } => match addresses(host, names).await {
                // It listens on all of its machine's addresses, as far as we know.
                Some(known) if known.iter().any(|known| is_this_machine(*known)) => is_this_machine(address),
                Some(known) => known.iter().any(|known| same(*known, address)),
                // Nobody can tell, so it may be.
                None => true,
            },
        }
    }
}

async fn addresses(host: &str, names: &dyn Resolve) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(vec![address.to_canonical()]);
    }
    let found = names.resolve(host.parse::<Name>().ok()?).await.ok()?;
    Some(found.map(|found| found.ip().to_canonical()).collect())
}

/// Equal, or both this machine's loopback, of which 0.0.0.0 and :: are other names to whoever connects.
fn same(one: IpAddr, other: IpAddr) -> bool {
    let loopback = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    one.to_canonical() == other || (loopback(one) && loopback(other))
}

/// Only an address of this machine's can be bound.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || UdpSocket::bind((address, 0)).is_ok()
}
