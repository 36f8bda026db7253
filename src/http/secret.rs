//! A secret that callers must know, kept as its digest.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Tells whether a text is the secret, in a time that does not tell how much of it was right.
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&Self::of(text).0).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}
