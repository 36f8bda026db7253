//! How an attempt failed, as far as the HTTP library tells (rules D2 and D4).

use std::{error::Error, io, time::Duration};

use super::guard::Denied;
use super::names::NameError;

/// Why an endpoint did not take an event. Each is tried again (rule D2): `docs/delivery.md` has the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What went wrong, for a person to read; holds no key, no row value, and nothing of the URL but its host.
    pub reason: String,
    /// How long the endpoint asked us to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without `Retry-After`.
    pub(super) fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), retry_after: None }
    }

    /// What a look-up's error means.
    pub(super) fn of_look_up(error: Box<dyn Error + Send + Sync>) -> Self {
        let kind = if error.is::<Denied>() { FailureKind::Denied } else { FailureKind::Name };
        Self::new(kind, format!("{}: {error}", what(kind)))
    }
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Nothing was sent: EndPointUrl, CustomerKey or another header's value cannot be used.
    Request,
    /// Nothing was sent: `delivery.allow`, `delivery.deny` or what is denied by default keeps events from there.
    Denied,
    /// The system knows no address for the host's name.
    Name,
    /// No connection came about in time.
    Connect,
    /// The connection could not be encrypted, or the endpoint's certificate is not trusted.
    Tls,
    /// The connection broke before the answer's status was there.
    Broken,
    /// The answer is no HTTP, or its head is beyond all measure.
    Protocol,
    /// No status within `delivery.timeout_seconds`.
    TimeOut,
    /// This status, which is none from 200 to 299.
    Status(u16),
}

impl FailureKind {
    /// Its name in the delivery log; a status has a column of its own there.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Denied => "denied",
            Self::Name => "name",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Protocol => "protocol",
            Self::TimeOut => "time-out",
            Self::Status(_) => "status",
        }
    }

    /// The answer's status, if there was an answer.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }
}

/// What `error` means. Its URL is left out, since the query may hold secrets.
pub(super) fn failure(error: reqwest::Error) -> Failure {
    let kind = kind(&error);
    let what = match kind {
        FailureKind::Connect if error.is_timeout() => "no connection in time",
        FailureKind::Tls if !error.is_connect() => "no answer",
        kind => what(kind),
    };
    let error = error.without_url();
    // The first causes are wrappers that repeat `what`; the last one is the operating system's or the protocol's word.
    let Some(last) = causes(&error).last() else { return Failure::new(kind, what) };
    let tls = if kind == FailureKind::Tls { "TLS: " } else { "" };
    Failure::new(kind, format!("{what}: {tls}{last}"))
}

fn what(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Denied => "not sent",
        FailureKind::Name => "cannot find the host",
        FailureKind::Connect | FailureKind::Tls => "cannot connect",
        _ => "no answer",
    }
}

/// Whether the connection broke before the answer's status was there.
pub(super) fn is_broken(error: &reqwest::Error) -> bool {
    kind(error) == FailureKind::Broken
}

fn kind(error: &reqwest::Error) -> FailureKind {
    if causes(error).any(is_tls) {
        FailureKind::Tls
    } else if causes(error).any(|cause| cause.is::<Denied>()) {
        FailureKind::Denied
    } else if causes(error).any(|cause| cause.is::<NameError>()) {
        FailureKind::Name
    } else if error.is_connect() {
        FailureKind::Connect
    } else if causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse) {
        FailureKind::Protocol
    } else {
        FailureKind::Broken
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}

/// Whether TLS failed; its errors come inside of input/output errors, which show them but do not name them as cause.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| is_tls(inner))
}
