//! Bytes that share one copy with their neighbours.

use std::{ops::Deref, sync::Arc};

/// A part of bytes that several hold, such as one of an event's row images. A part keeps all of them in memory.
///
/// Holds a patient's values: its `Debug` shows none of them (rule D4).
#[derive(Clone)]
pub struct SharedBytes {
    all: Arc<[u8]>,
    start: u32,
    end: u32,
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SharedBytes({} bytes)", self.len())
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl From<Box<[u8]>> for SharedBytes {
    fn from(bytes: Box<[u8]>) -> Self {
        Self::whole(bytes.into())
    }
}

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::whole(bytes.into())
    }
}

impl SharedBytes {
    fn whole(all: Arc<[u8]>) -> Self {
        // An event's size has 32 bits.
        let end = u32::try_from(all.len()).unwrap_or(u32::MAX);
        Self { all, start: 0, end }
    }

    /// The bytes of `all` from `start` to `end`; none if it has fewer.
    pub(super) fn part(all: &Arc<[u8]>, start: u32, end: u32) -> Self {
        Self { all: all.clone(), start, end }
    }

    /// The same, to be kept for long: in a copy of its own if it is a small part of what it would keep in memory.
    pub fn compact(self) -> Self {
        if self.len() * 2 < self.all.len() { Self::whole((*self).into()) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_long_keeps_little_else() {
        let bytes: Arc<[u8]> = (0..100).collect();
        for (length, kept) in [(10, 10), (49, 49), (50, 100), (100, 100)] {
            let part = SharedBytes::part(&bytes, 0, length).compact();
            assert_eq!((&*part, part.all.len()), (&bytes[..length as usize], kept));
        }
    }
}
