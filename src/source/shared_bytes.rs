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

    /// The same, to be kept for long: in a copy of its own if it is a small part of what it would keep in memory.
    pub fn compact(self) -> Self {
        if self.len() * 2 < self.all.len() { Self::whole((*self).into()) } else { self }
    }
}

/// Copies bytes when a part of them is first kept, and once for all parts.
pub(super) struct Sharing<'a> {
    bytes: &'a [u8],
    copy: Option<Arc<[u8]>>,
}

impl<'a> Sharing<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, copy: None }
    }

    /// Keeps `part`, a part of the bytes; others are copied alone.
    pub(super) fn keep(&mut self, part: &[u8]) -> SharedBytes {
        let start = part.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        let end = start.wrapping_add(part.len());
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if start <= end && end as usize <= self.bytes.len() => {
                let all = self.copy.get_or_insert_with(|| self.bytes.into()).clone();
                SharedBytes { all, start, end }
            }
            _ => SharedBytes::whole(part.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_what_they_were_and_share_one_copy() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut sharing = Sharing::new(&bytes);
        let parts = [&bytes[..], &bytes[10..20], &bytes[99..], &bytes[100..]];
        let kept = parts.map(|part| sharing.keep(part));
        for (part, kept) in parts.into_iter().zip(&kept) {
            assert_eq!(&**kept, part);
        }
        assert_eq!(Arc::strong_count(&kept[0].all), 1 + kept.len());
        assert_eq!(&*sharing.keep(b"other"), b"other");
    }

    #[test]
    fn what_is_kept_for_long_keeps_little_else() {
        let bytes = vec![7; 100];
        let mut sharing = Sharing::new(&bytes);
        for (length, kept) in [(10, 10), (49, 49), (50, 100), (100, 100)] {
            let part = sharing.keep(&bytes[..length]).compact();
            assert_eq!((&*part, part.all.len()), (&bytes[..length], kept));
        }
    }
}
