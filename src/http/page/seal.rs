//! What only this process can have made: sessions and the tokens of our forms. Nothing of them is stored, so that they
//! end with the process.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use rustls::crypto::{GetRandomFailed, ring};
use sha2::Sha256;

/// How long somebody stays logged in.
pub(super) const SESSION: TimeDelta = TimeDelta::hours(12);

/// A key that nobody else has. Its `Debug` form does not show it.
#[derive(Clone)]
pub(in crate::http) struct Seal {
    /// HMAC state with the key taken in; cloned for each use.
    keyed: Hmac<Sha256>,
}

/// What a seal is put on; a seal for one purpose is none for another.
#[derive(Clone, Copy)]
enum Purpose {
    Session,
    Form,
}

impl fmt::Debug for Seal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Seal")
    }
}

impl Seal {
    /// With a key that was never used before.
    pub(in crate::http) fn new() -> Result<Self, GetRandomFailed> {
        let mut key = [0; 32];
        ring::default_provider().secure_random.fill(&mut key)?;
        // HMAC takes keys of every length, so this cannot fail.
        let keyed = Hmac::new_from_slice(&key).map_err(|_| GetRandomFailed)?;
        Ok(Self { keyed })
    }

    /// Of somebody who has logged in `now`.
    pub(super) fn session(&self, now: DateTime<Utc>) -> String {
        let ends = (now + SESSION).timestamp();
        format!("{ends}.{}", self.put(Purpose::Session, &ends.to_string()))
    }

    /// Whether `session` was made here and has not ended `now`.
    pub(super) fn is_session(&self, session: &str, now: DateTime<Utc>) -> bool {
        let Some((ends, seal)) = session.split_once('.') else { return false };
        self.is(Purpose::Session, ends, seal) && ends.parse().is_ok_and(|ends: i64| now.timestamp() < ends)
    }

    /// What the forms that are shown in `session` are sent with. No other site can know it.
    pub(super) fn form_token(&self, session: &str) -> String {
        self.put(Purpose::Form, session)
    }

    /// Whether that is `token`.
    pub(super) fn is_form_token(&self, session: &str, token: &str) -> bool {
        self.is(Purpose::Form, session, token)
    }

    fn put(&self, purpose: Purpose, text: &str) -> String {
        hex::encode(self.over(purpose, text).finalize().into_bytes())
    }

    fn is(&self, purpose: Purpose, text: &str, seal: &str) -> bool {
        hex::decode(seal).is_ok_and(|seal| self.over(purpose, text).verify_slice(&seal).is_ok())
    }

    fn over(&self, purpose: Purpose, text: &str) -> Hmac<Sha256> {
        let purpose = match purpose {
            Purpose::Session => 0,
            Purpose::Form => 1,
        };
        self.keyed.clone().chain_update([purpose]).chain_update(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_and_cannot_be_made_longer_or_elsewhere() {
        let (seal, now) = (Seal::new().unwrap(), DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let session = seal.session(now);
        assert!(seal.is_session(&session, now) && seal.is_session(&session, now + SESSION - TimeDelta::seconds(1)));
        assert!(!seal.is_session(&session, now + SESSION));
        let longer = format!("2{session}");
        let elsewhere = Seal::new().unwrap().session(now);
        for wrong in ["", ".", "1800000000", "1800000000.", "1800000000.00", &longer, &elsewhere] {
            assert!(!seal.is_session(wrong, now), "{wrong}");
        }
    }

    #[test]
    fn a_form_token_is_one_sessions_and_no_session() {
        let (seal, now) = (Seal::new().unwrap(), DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let session = seal.session(now);
        let token = seal.form_token(&session);
        assert!(seal.is_form_token(&session, &token));
        assert!(!seal.is_form_token("", &token) && !seal.is_form_token(&session, ""));
        let ends = session.split_once('.').unwrap().0;
        assert!(!seal.is_session(&format!("{ends}.{}", seal.form_token(ends)), now), "made for another purpose");
    }
}
