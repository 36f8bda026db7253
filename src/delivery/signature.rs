//! Signatures by the Standard Webhooks specification (symmetric, `v1`).

use std::fmt::{self, Write};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret starts with, so that it can be told from other keys.
const PREFIX: &str = "whsec_";

/// A Standard Webhooks secret: `whsec_` and 24 to 64 bytes in base64. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct Secret {
    /// HMAC state with the key taken in; cloned for each signature.
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a text is not a [`Secret`]; never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Does not start with `whsec_`.
    #[error("a secret must start with whsec_")]
    Prefix,
    /// Not base64 behind the prefix.
    #[error("what follows whsec_ is not base64 (standard alphabet, padded)")]
    Base64,
    /// Shorter than 24 bytes or longer than 64.
    #[error(
        "a secret must be of 24 to 64 bytes, this one is of {0}; make one with: echo whsec_$(openssl rand -base64 32)"
    )]
    Length(usize),
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let key = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !(24..=64).contains(&key.len()) {
            return Err(SecretError::Length(key.len()));
        }
        // HMAC takes keys of every length, so this cannot fail.
        let keyed = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| SecretError::Length(key.len()))?;
        Ok(Self { keyed })
    }
}

/// The value of `webhook-signature`: one `v1,<base64>` per secret, with spaces between, so that a receiver can change
/// over from one secret to the next. `timestamp` is that of `webhook-timestamp`, in seconds since 1970.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut value = String::new();
    for secret in secrets {
        let digest = secret.digest(id, timestamp, body).finalize().into_bytes();
        let space = if value.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(value, "{space}v1,{}", STANDARD.encode(digest));
    }
    value
}

impl Secret {
    /// Whether one of the signatures in a `webhook-signature` header is by this secret; compared in constant time.
    /// The age of the timestamp is the caller's to judge.
    pub fn verifies(&self, signatures: &str, id: &str, timestamp: i64, body: &[u8]) -> bool {
        signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|encoded| {
            STANDARD
                .decode(encoded)
                .is_ok_and(|signature| self.digest(id, timestamp, body).verify_slice(&signature).is_ok())
        })
    }

    fn digest(&self, id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn secret(text: &str) -> Secret {
        text.parse().unwrap()
    }

    /// The vector that the Standard Webhooks libraries share.
    #[test]
    fn d3_signs_the_published_vector() {
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signature = sign(&[secret(SECRET)], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn d3_a_rotation_has_one_signature_of_each_secret() {
        let other = format!("whsec_{}", STANDARD.encode([7; 64]));
        let both = sign(&[secret(&other), secret(SECRET)], "msg_1", 1, b"[]");
        let each = [sign(&[secret(&other)], "msg_1", 1, b"[]"), sign(&[secret(SECRET)], "msg_1", 1, b"[]")];
        assert_eq!(both, each.join(" "));
        assert!(secret(SECRET).verifies(&both, "msg_1", 1, b"[]"));
        assert!(!secret(SECRET).verifies(&each[0], "msg_1", 1, b"[]"));
        assert!(!secret(SECRET).verifies("v1, v1,! v1a,AAAA v2", "msg_1", 1, b"[]"));
    }

    #[test]
    fn d4_refuses_what_is_no_secret_without_showing_it() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![b'x'; bytes])).parse::<Secret>();
        assert!(of(24).is_ok() && of(64).is_ok());
        assert_eq!(of(23).unwrap_err(), SecretError::Length(23));
        assert_eq!(of(65).unwrap_err(), SecretError::Length(65));
        assert_eq!("C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse::<Secret>().unwrap_err(), SecretError::Prefix);
        assert_eq!("whsec_C2FVs BQI".parse::<Secret>().unwrap_err(), SecretError::Base64);
        assert!(!format!("{:?}", secret(SECRET)).contains("C2FV"));
    }

    proptest! {
        /// The reference implementation in Rust as the oracle.
        #[test]
        fn d3_signs_as_the_standardwebhooks_crate_does(
            key in proptest::collection::vec(any::<u8>(), 24..=64), id in "[a-z_0-9]{1,40}", timestamp: i64, body: String,
        ) {
            let text = format!("whsec_{}", STANDARD.encode(key));
            let oracle = standardwebhooks::Webhook::new(&text).unwrap().sign(&id, timestamp, body.as_bytes()).unwrap();
            prop_assert_eq!(sign(&[secret(&text)], &id, timestamp, body.as_bytes()), oracle);
        }
    }
}
