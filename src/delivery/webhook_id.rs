//! The id that makes an event recognisable (rule D3).

use sha2::{Digest, Sha256};

use crate::binlog::LogPoint;
use crate::row::{KeyPart, RowKey};

/// Bytes of the digest that the id keeps: 160 bits, far beyond accidental collisions.
const ID_BYTES: usize = 20;

/// Everything that tells one event from every other (rule W6).
#[derive(Clone, Copy, Debug)]
pub struct EventIdentity<'a> {
    /// The log's identity: this instance and the server whose log it reads.
    pub log: &'a str,
    /// `SubscriptionNum`.
    pub subscription: i64,
    /// The number of the subscription's window.
    pub window: u64,
    /// Where the window begins.
    pub from: LogPoint,
    /// Where the window ends.
    pub to: LogPoint,
    /// The (stamp in microseconds UTC, key) behind which the event begins; `None`: the window's beginning.
    pub start: Option<(i64, &'a RowKey)>,
    /// The (stamp in microseconds UTC, key) of the event's last element; `None`: the window's end.
    pub end: Option<(i64, &'a RowKey)>,
}

/// The event's `webhook-id`: `msg_` and 40 hexadecimal digits. Equal identities have equal ids, on every machine and
/// in every version of this program; different ones have different ids.
pub fn webhook_id(identity: &EventIdentity<'_>) -> String {
    let EventIdentity { log, subscription, window, from, to, start, end } = identity;
    let mut encoder = Encoder(Sha256::new());
    encoder.bytes(b"opendental-cdc webhook-id 1");
    encoder.bytes(log.as_bytes());
    encoder.fixed(&subscription.to_be_bytes());
    encoder.fixed(&window.to_be_bytes());
    for point in [from, to] {
        encoder.fixed(&point.file.to_be_bytes());
        encoder.fixed(&point.offset.to_be_bytes());
    }
    for bound in [start, end] {
        encoder.bound(*bound);
    }
    let digest = encoder.0.finalize();
    format!("msg_{}", hex::encode(&digest[..ID_BYTES]))
}

/// Feeds a digest so that no two different sequences of parts feed it the same bytes: parts of fixed size as they are,
/// others after their length, choices after a tag.
struct Encoder(Sha256);

impl Encoder {
    fn fixed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn length(&mut self, length: usize) {
        self.fixed(&(length as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.fixed(bytes);
    }

    fn bound(&mut self, bound: Option<(i64, &RowKey)>) {
        let Some((stamp, key)) = bound else {
            self.fixed(&[0]);
            return;
        };
        self.fixed(&[1]);
        self.fixed(&stamp.to_be_bytes());
        match key {
            RowKey::Int(value) => self.part(&KeyPart::Int(*value)),
            RowKey::UInt(value) => self.part(&KeyPart::UInt(*value)),
            RowKey::Columns(parts) => {
                self.fixed(&[2]);
                self.length(parts.len());
                for part in parts {
                    self.part(part);
                }
            }
        }
    }

    fn part(&mut self, part: &KeyPart) {
        match part {
            KeyPart::Int(value) => {
                self.fixed(&[3]);
                self.fixed(&value.to_be_bytes());
            }
            KeyPart::UInt(value) => {
                self.fixed(&[4]);
                self.fixed(&value.to_be_bytes());
            }
            KeyPart::Text(text) => {
                self.fixed(&[5]);
                self.bytes(text.as_bytes());
            }
            KeyPart::Bytes(bytes) => {
                self.fixed(&[6]);
                self.bytes(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn identity<'a>() -> EventIdentity<'a> {
        EventIdentity {
            log: "instance/server",
            subscription: 3,
            window: 17,
            from: LogPoint { file: 1, offset: 4 },
            to: LogPoint { file: 2, offset: 900 },
            start: None,
            end: Some((1_700_000_000_000_000, &RowKey::Int(42))),
        }
    }

    /// Computed outside of this program (SHA-256 over the parts as `Encoder` lays them out): receivers
    /// remember ids across our updates, so no version may change them unseen.
    #[test]
    fn d3_the_id_of_an_event_never_changes() {
        assert_eq!(webhook_id(&identity()), "msg_c293953930f44c1d19223c6ba5b103068f50f524");
        assert_eq!(webhook_id(&identity()), webhook_id(&identity()));
    }

    #[test]
    fn d3_any_other_event_has_another_id() {
        let text = |text: &str| KeyPart::Text(text.into());
        let columns = |parts: &[KeyPart]| RowKey::Columns(parts.into());
        let keys = [
            RowKey::Int(41),
            RowKey::Int(-42),
            RowKey::UInt(42),
            columns(&[]),
            columns(&[KeyPart::Int(42)]),
            columns(&[KeyPart::UInt(42)]),
            columns(&[KeyPart::Int(42), KeyPart::Int(42)]),
            columns(&[text("ab"), text("c")]),
            columns(&[text("a"), text("bc")]),
            columns(&[text("abc")]),
            columns(&[KeyPart::Bytes(b"abc"[..].into())]),
        ];
        let base = identity();
        let mut identities = vec![
            base,
            EventIdentity { log: "instance/serve", ..base },
            EventIdentity { log: "", ..base },
            EventIdentity { subscription: -3, ..base },
            EventIdentity { subscription: 17, window: 3, ..base },
            EventIdentity { window: 18, ..base },
            EventIdentity { from: LogPoint { file: 1, offset: 5 }, ..base },
            EventIdentity { from: LogPoint { file: 4, offset: 1 }, ..base },
            EventIdentity { from: base.to, to: base.from, ..base },
            EventIdentity { to: LogPoint { file: 3, offset: 900 }, ..base },
            EventIdentity { end: None, ..base },
            EventIdentity { start: base.end, end: None, ..base },
            EventIdentity { start: base.end, ..base },
            EventIdentity { end: Some((1_700_000_000_000_001, &RowKey::Int(42))), ..base },
        ];
        identities.extend(keys.iter().map(|key| EventIdentity { end: Some((1_700_000_000_000_000, key)), ..base }));
        let ids: HashSet<String> = identities.iter().map(webhook_id).collect();
        assert_eq!(ids.len(), identities.len());
        assert!(ids.iter().all(|id| id.len() == 44 && id.starts_with("msg_")));
    }
}
