//! Which endpoints an entry of `delivery.allow` or `delivery.deny` is about.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

/// One entry: a host's name, an address or a network, perhaps with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRule {
    host: HostRule,
    /// `None`: any port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    /// `*`: every host.
    Any,
    /// A name, in lower case.
    Name(String),
    /// `*.domain`: every name below the domain, which is kept in lower case with the dot before it.
    Below(String),
    /// An address, which is a network of one, or a network.
    Network(IpNet),
}

const EXPECTED: &str = "must be a host such as \"hooks.example.com\" or \"*.example.com\", an address or network such \
                        as \"10.0.0.0/8\", or \"*\", perhaps with a port: \"10.0.0.5:8080\", \"[fd00::/8]:8080\"";

/// What an entry must look like, for the list of keys.
pub(super) fn check(text: &str) -> Result<(), String> {
    EndpointRule::parse(text).map(drop).ok_or_else(|| EXPECTED.to_owned())
}

impl EndpointRule {
    /// Reads an entry; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(network) = network(text) {
            return Some(Self { host: HostRule::Network(network), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (text, None),
        };
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let host = match bare {
            Some(inner) => HostRule::Network(network(inner)?),
            // An IPv6 address with a port needs brackets: nobody could tell the port from a part of it.
            None if host.contains(':') => return None,
            None => host_rule(host)?,
        };
        Some(Self { host, port })
    }

    /// The port that it is about; `None`: any.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The network that it is about, if it names no host.
    pub fn network(&self) -> Option<IpNet> {
        match self.host {
            HostRule::Network(network) => Some(network),
            _ => None,
        }
    }

    /// Whether it names this host (not an address; upper and lower case count as equal) at this port.
    pub fn matches_name(&self, name: &str, port: u16) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let named = match &self.host {
            HostRule::Any => true,
            HostRule::Name(known) => *known == name,
            HostRule::Below(domain) => name.len() > domain.len() && name.ends_with(domain.as_str()),
            HostRule::Network(_) => false,
        };
        named && self.at(port)
    }

    /// Whether it names this address at this port.
    pub fn matches_address(&self, address: IpAddr, port: u16) -> bool {
        let named = match &self.host {
            HostRule::Any => true,
            HostRule::Network(network) => network.contains(&address),
            HostRule::Name(_) | HostRule::Below(_) => false,
        };
        named && self.at(port)
    }

    fn at(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }
}

impl<'de> Deserialize<'de> for EndpointRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("no host, address or network"))
    }
}

/// An address or a network; IPv4 in IPv6's clothes is IPv4, as the addresses are that it is compared with.
fn network(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    text.parse::<IpNet>().ok().map(|network| network.trunc())
}

fn host_rule(text: &str) -> Option<HostRule> {
    if text == "*" {
        return Some(HostRule::Any);
    }
    if let Some(network) = network(text) {
        return Some(HostRule::Network(network));
    }
    let (domain, below) = match text.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (text, false),
    };
    // Letters beyond ASCII are written as a URL has them in the end: xn--….
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let domain = domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase();
    // What ends in a number would be an address, and is none.
    let numeric = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if domain.len() > 253 || !domain.split('.').all(label) || numeric {
        return None;
    }
    Some(if below { HostRule::Below(format!(".{domain}")) } else { HostRule::Name(domain) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(text: &str) -> EndpointRule {
        EndpointRule::parse(text).unwrap()
    }

    #[test]
    fn names_and_wildcards() {
        assert!(rule("Hooks.Example.com").matches_name("hooks.example.COM.", 443));
        assert!(!rule("example.com").matches_name("hooks.example.com", 443));
        assert!(rule("*.example.com").matches_name("a.b.example.com", 443));
        assert!(!rule("*.example.com").matches_name("example.com", 443));
        assert!(!rule("*.example.com").matches_name("evilexample.com", 443));
        assert!(!rule("example.com").matches_address([192, 0, 2, 1].into(), 443));
        assert!(rule("example.com:8443").matches_name("example.com", 8443));
        assert!(!rule("example.com:8443").matches_name("example.com", 443));
        assert!(rule("*").matches_name("example.com", 1) && rule("*").matches_address([10, 0, 0, 1].into(), 1));
        assert!(rule("*:25").matches_name("example.com", 25) && !rule("*:25").matches_name("example.com", 80));
    }

    #[test]
    fn addresses_and_networks() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(rule("10.1.2.3/8").matches_address(address("10.9.9.9"), 80));
        assert!(!rule("10.0.0.0/8").matches_name("10.example.com", 80));
        assert!(rule("192.0.2.7").matches_address(address("192.0.2.7"), 80));
        assert!(!rule("192.0.2.7").matches_address(address("192.0.2.8"), 80));
        assert!(rule("::ffff:192.0.2.7").matches_address(address("192.0.2.7"), 80));
        assert!(rule("fd00::/8").matches_address(address("fd12::1"), 80));
        assert!(rule("[fd00::/8]:8080").matches_address(address("fd12::1"), 8080));
        assert!(!rule("[fd00::1]:8080").matches_address(address("fd00::1"), 80));
        assert!(rule("10.0.0.0/8:8080").matches_address(address("10.0.0.1"), 8080));
        assert!(!rule("10.0.0.0/8:8080").matches_address(address("10.0.0.1"), 80));
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in [
            "",
            " ",
            "http://example.com",
            "example.com/path",
            "user@example.com",
            "a..b",
            "*.",
            "a.*.com",
            "**",
            "10.0.0.0/33",
            "300.1.1.1",
            "1.2.3",
            "example.com:0",
            "example.com:99999",
            "example.com:",
            "fd00::1:80x",
            "[fd00::1",
            "[example.com]:80",
            "zähne.example",
        ] {
            assert_eq!(EndpointRule::parse(text), None, "{text}");
        }
        assert!(check("10.0.0.0/33").unwrap_err().contains("10.0.0.0/8"));
    }
}
