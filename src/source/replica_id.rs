//! How this program is known among a server's replicas: its server_id and UUID.

use sha2::{Digest, Sha256};

/// The server_id and UUID that a text leads to: always the same, and hardly ever those of anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplicaId {
    /// Never 0.
    pub(super) server_id: u32,
    /// A UUID of the free form (RFC 9562, version 8).
    pub(super) uuid: String,
}

impl ReplicaId {
    /// From the configured id; 0: from `seed`, the next one for each `step`, since somebody may have the first.
    pub(super) fn new(configured: u32, seed: &str, step: u32) -> Self {
        let hash = Sha256::digest(seed.as_bytes());
        let mut bytes = [0; 16];
        for (byte, hashed) in bytes.iter_mut().zip(hash.iter().skip(4)) {
            *byte = *hashed;
        }
        let mut number = [0; 4];
        for (byte, hashed) in number.iter_mut().zip(&hash) {
            *byte = *hashed;
        }
        // People number their servers from 1, so ours are large.
        let derived = (u32::from_le_bytes(number) | 0x4000_0000).wrapping_add(step) | 0x4000_0000;
        let server_id = if configured == 0 { derived } else { configured };
        // Two readers of one seed, by mistake, differ at least where their ids do.
        let uuid = u128::from_be_bytes(bytes).wrapping_add(u128::from(server_id));
        let uuid = uuid & !(0xf << 76) & !(0b11 << 62) | 0x8 << 76 | 0b10 << 62;
        let text = format!("{uuid:032x}");
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let uuid = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
        Self { server_id, uuid }
    }

    /// Shown by SHOW REPLICAS; tells our own broken connections from other replicas.
    pub(super) fn host_name(&self) -> String {
        format!("opendental-cdc-{}", self.uuid.split('-').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_steady_and_differ() {
        let first = ReplicaId::new(0, "a", 0);
        assert_eq!(first, ReplicaId::new(0, "a", 0));
        for other in [ReplicaId::new(0, "b", 0), ReplicaId::new(0, "a", 1), ReplicaId::new(7, "a", 0)] {
            assert_ne!(first.server_id, other.server_id);
            assert_ne!(first.uuid, other.uuid);
        }
        assert_eq!(ReplicaId::new(7, "a", 3).server_id, 7);
        let parts: Vec<usize> = first.uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(first.uuid.get(14..15), Some("8"));
    }
}
