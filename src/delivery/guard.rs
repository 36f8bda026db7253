//! Where no event goes: an `apisubscription` row can be written by many, and says where the practice's data is sent.
//!
//! A name is looked at when an attempt begins, and its addresses where the connection is made: those that may not be
//! connected to are taken out of what the name's look-up answers, so that nothing is gained by a name whose address
//! changes in between. Addresses that stand in the URL never reach a look-up, and are looked at with the name.

mod always;
mod own_ports;

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use self::own_ports::OwnPort;
use super::failure::{Failure, FailureKind};
use super::names::SystemNames;
use super::request::target;
use crate::config::{Config, EndpointRule};

/// The port of endpoints whose port no rule names.
const ANY_PORT: u16 = 0;

/// Why no event goes to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {why}")]
pub(super) struct Denied {
    /// The host, or the address and what it is the address of.
    place: String,
    why: &'static str,
}

/// Which endpoints events may go to: `delivery.allow`, `delivery.deny`, and what is always denied. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    rules: Arc<Rules>,
}

struct Rules {
    allow: Vec<EndpointRule>,
    deny: Vec<EndpointRule>,
    own: Vec<OwnPort>,
    names: Arc<dyn Resolve>,
}

impl Guard {
    /// The guard of a configuration.
    pub fn new(config: &Config) -> Self {
        let delivery = &config.delivery;
        let own = [OwnPort::http(&config.http), OwnPort::mysql(&config.mysql)].into_iter().flatten().collect();
        Self::with(delivery.allow.clone(), delivery.deny.clone(), own, Arc::new(SystemNames))
    }

    fn with(allow: Vec<EndpointRule>, deny: Vec<EndpointRule>, own: Vec<OwnPort>, names: Arc<dyn Resolve>) -> Self {
        Self { rules: Arc::new(Rules { allow, deny, own, names }) }
    }

    /// Where an attempt for this EndPointUrl would connect to now. Connects to nothing itself.
    ///
    /// # Errors
    /// It is no URL, its host is not known, or no event may go there; the reason is what an attempt's would be.
    pub async fn addresses(&self, endpoint: &str) -> Result<Vec<SocketAddr>, Failure> {
        let target = target(endpoint).map_err(|error| Failure::new(FailureKind::Request, error.to_string()))?;
        self.look_at(&target.url).await?;
        let port = port_of(&target.url);
        let addresses = match target.url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::from(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::from(address)],
            _ => {
                let name = target.url.host_str().unwrap_or_default();
                self.rules.addresses_of(name, port).await.map_err(Failure::of_look_up)?
            }
        };
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Why no event may go to this EndPointUrl, as far as that can be told without looking its host up; `None`: it may,
    /// or its addresses will tell, or it is no URL.
    pub async fn denied(&self, endpoint: &str) -> Option<String> {
        let url = target(endpoint).ok()?.url;
        let mut looked = self.judge(&url).await;
        if looked.is_ok() && is_this_machines_name(&url) {
            // What that name means everywhere; one of its addresses is enough.
            for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
                looked = self.rules.look_at_address(url.host_str(), address, port_of(&url)).await;
                if looked.is_ok() {
                    break;
                }
            }
        }
        looked.err().map(|denied| denied.to_string())
    }

    /// The ports that rules name. A look-up is not told the port, so each of these has one of its own.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        let Rules { allow, deny, own, .. } = &*self.rules;
        let named = allow.iter().chain(deny).filter_map(EndpointRule::port);
        named.chain(own.iter().map(OwnPort::port)).collect()
    }

    /// What can be said of an endpoint before its name is looked up.
    pub(super) async fn look_at(&self, url: &Url) -> Result<(), Failure> {
        let denied = |denied| Failure::new(FailureKind::Denied, format!("not sent: {denied}"));
        self.judge(url).await.map_err(denied)
    }

    async fn judge(&self, url: &Url) -> Result<(), Denied> {
        let port = port_of(url);
        match url.host() {
            Some(Host::Ipv4(address)) => self.rules.look_at_address(None, address.into(), port).await,
            Some(Host::Ipv6(address)) => self.rules.look_at_address(None, address.into(), port).await,
            _ => self.rules.look_at_name(url.host_str().unwrap_or_default(), port),
        }
    }

    /// The look-up for endpoints at this port, if it is one of [`Guard::ports`]; `None`: at any other.
    pub(super) fn names(&self, port: Option<u16>) -> GuardedNames {
        GuardedNames { rules: Arc::clone(&self.rules), port: port.unwrap_or(ANY_PORT) }
    }
}

/// Whether the host is `localhost` or below it, which is looked up nowhere (RFC 6761).
fn is_this_machines_name(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(ANY_PORT)
}

/// Looks names up, and leaves out the addresses that may not be connected to.
pub(super) struct GuardedNames {
    rules: Arc<Rules>,
    port: u16,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, port) = (Arc::clone(&self.rules), self.port);
        Box::pin(async move {
            let addresses = rules.addresses_of(name.as_str(), port).await?;
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

impl Rules {
    /// The addresses of a host that may be connected to.
    async fn addresses_of(&self, name: &str, port: u16) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        let mut denied = None;
        let mut permitted = Vec::new();
        for address in self.names.resolve(name.parse::<Name>()?).await? {
            match self.look_at_address(Some(name), address.ip(), port).await {
                Ok(()) => permitted.push(address.ip()),
                Err(error) => denied = Some(error),
            }
        }
        match denied {
            Some(denied) if permitted.is_empty() => Err(denied.into()),
            _ => Ok(permitted),
        }
    }

    fn look_at_name(&self, name: &str, port: u16) -> Result<(), Denied> {
        let denied = |why| Err(Denied { place: name.to_owned(), why });
        if let Some(why) = always::name_denied(name) {
            return denied(why);
        }
        if self.deny.iter().any(|rule| rule.matches_name(name, port)) {
            return denied("is in delivery.deny");
        }
        // Addresses may be what is allowed, and are not known yet.
        let by_address = |rule: &EndpointRule| rule.network().is_some() && rule.port().is_none_or(|own| own == port);
        if self.allows(|rule| rule.matches_name(name, port) || by_address(rule)) {
            Ok(())
        } else {
            denied("is not in delivery.allow")
        }
    }

    /// Whether this address, which is `name`'s if that is given, may be connected to.
    async fn look_at_address(&self, name: Option<&str>, address: IpAddr, port: u16) -> Result<(), Denied> {
        let place = || match name {
            Some(name) => format!("{name} ({address})"),
            None => address.to_string(),
        };
        let denied = |why| Err(Denied { place: place(), why });
        let plain = address.to_canonical();
        // An address in the clothes of another may be unwrapped on its way.
        for address in [Some(plain), always::embedded(plain)].into_iter().flatten() {
            let overridden = |network: &ipnet::IpNet| {
                let within = |rule: &EndpointRule| rule.network().is_some_and(|own| network.contains(&own));
                self.allow.iter().any(|rule| within(rule) && rule.matches_address(address, port))
            };
            if let Some(why) = always::address_denied(address, overridden) {
                return denied(why);
            }
            if self.deny.iter().any(|rule| rule.matches_address(address, port)) {
                return denied("is in delivery.deny");
            }
            for own in self.own.iter().filter(|own| own.port() == port) {
                if own.is_at(address, &*self.names).await {
                    return denied(own.why());
                }
            }
        }
        let named = |rule: &EndpointRule| name.is_some_and(|name| rule.matches_name(name, port));
        if self.allows(|rule| named(rule) || rule.matches_address(plain, port)) {
            Ok(())
        } else {
            denied("is not in delivery.allow")
        }
    }

    fn allows(&self, matches: impl Fn(&EndpointRule) -> bool) -> bool {
        self.allow.is_empty() || self.allow.iter().any(matches)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests;
