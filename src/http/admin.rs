//! Who may see the status page and press its buttons.

use std::sync::Arc;

use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use super::{
    caller::{Peer, is_local},
    secret::Secret,
};

/// The rule: with `http.admin_token`, whoever presents it; without one, whoever calls on this machine. A token is asked
/// for on this machine too, since behind a proxy everybody may seem to be here.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    token: Option<Arc<Secret>>,
}

/// What becomes of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// May see and do all.
    Granted,
    /// Must present the token first.
    TokenNeeded,
    /// Calls from elsewhere, and there is no token that could be presented.
    LocalOnly,
}

impl Admin {
    /// With this token; empty: none.
    pub(super) fn new(token: &SecretString) -> Self {
        let token = token.expose_secret();
        Self { token: (!token.is_empty()).then(|| Arc::new(Secret::of(token))) }
    }

    /// What becomes of the caller who presents `token`.
    pub(crate) fn admit(&self, peer: Peer, headers: &HeaderMap, token: Option<&str>) -> Admission {
        match &self.token {
            Some(expected) if token.is_some_and(|token| expected.is(token)) => Admission::Granted,
            Some(_) => Admission::TokenNeeded,
            None if is_local(peer, headers) => Admission::Granted,
            None => Admission::LocalOnly,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_of_everybody_and_without_one_only_this_machine_is_let_in() {
        let (here, there) = (Peer("127.0.0.1:5".parse().unwrap()), Peer("192.168.1.5:5".parse().unwrap()));
        let headers = HeaderMap::new();
        let open = Admin::new(&"".into());
        assert_eq!(open.admit(here, &headers, None), Admission::Granted);
        assert_eq!(open.admit(there, &headers, None), Admission::LocalOnly);
        assert_eq!(open.admit(there, &headers, Some("")), Admission::LocalOnly);
        let closed = Admin::new(&"correct-horse-battery".into());
        for peer in [here, there] {
            assert_eq!(closed.admit(peer, &headers, Some("correct-horse-battery")), Admission::Granted);
            for token in [None, Some(""), Some("correct-horse-batter"), Some("correct-horse-battery ")] {
                assert_eq!(closed.admit(peer, &headers, token), Admission::TokenNeeded, "{token:?}");
            }
        }
    }
}
