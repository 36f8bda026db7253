//! Who calls: from where, and by which name of ours.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header::HOST, uri::Authority};

/// Where a connection comes from; each request on it carries this as an extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a proxy adds, behind which everybody seems to be at this machine.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "via"];

/// Whether the request was made on this machine, as far as its connection and headers tell.
pub(crate) fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    peer.0.ip().to_canonical().is_loopback() && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// The names by which we may be called.
///
/// A web page from elsewhere can let its own host's name point to this machine, and a browser then takes us for a part
/// of it. So a name that nobody gave us is refused; an address cannot be taken over in that way.
#[derive(Clone, Debug)]
pub(super) struct OwnNames(Vec<String>);

impl OwnNames {
    /// `configured`, the host's own name and `localhost`.
    pub(super) fn new(configured: &[String]) -> Self {
        let host = hostname::get().ok().and_then(|name| name.into_string().ok());
        let names = configured.iter().cloned().chain(host).chain(["localhost".to_owned()]);
        Self(names.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect())
    }

    /// Whether the request's `Host` is an address or one of our names.
    pub(super) fn has(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
        address.parse::<IpAddr>().is_ok() || self.0.contains(&name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_that_are_ours_and_addresses_are_taken() {
        let names = OwnNames::new(&["Server.practice.example".to_owned()]);
        for host in
            ["127.0.0.1:30224", "[::1]:30224", "192.168.1.5", "localhost:1", "LocalHost.", "server.PRACTICE.example"]
        {
            assert!(names.has(&headers(&[("host", host)])), "{host}");
        }
        for host in ["", "evil.example:30224", "localhost.evil.example", "127.0.0.1.evil.example", "a b", "[::1", "1"] {
            assert!(!names.has(&headers(&[("host", host)])), "{host}");
        }
        assert!(!names.has(&headers(&[])));
        let mut two = headers(&[("host", "localhost")]);
        two.append(HOST, "evil.example".parse().unwrap());
        assert!(!names.has(&two), "two hosts");
    }

    #[test]
    fn who_comes_through_a_proxy_is_not_local() {
        let peer = |address: &str| Peer(address.parse().unwrap());
        for here in ["127.0.0.1:5", "127.8.0.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5"] {
            assert!(is_local(peer(here), &headers(&[])), "{here}");
        }
        for elsewhere in ["192.168.1.5:5", "[fe80::1]:5", "[::ffff:10.0.0.1]:5"] {
            assert!(!is_local(peer(elsewhere), &headers(&[])), "{elsewhere}");
        }
        for name in FORWARDED {
            assert!(!is_local(peer("127.0.0.1:5"), &headers(&[(name, "x")])), "{name}");
        }
    }
}
