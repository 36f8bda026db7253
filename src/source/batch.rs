//! Events as they came, several together.

/// A batch has enough events when it has this many bytes.
pub(super) const BATCH_BYTES: usize = 256 << 10;

/// A batch's memory is used again, unless a large event made it this many times as large as others.
const LARGE: usize = 4;

/// Events as they came: bytes, and where in them each event is.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    events: Vec<Place>,
}

/// Where an event begins and ends.
pub(super) type Place = (usize, usize);

impl Batch {
    /// Appends the event whose bytes `write` appends.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.events.push((start, self.bytes.len()));
    }

    /// Takes over `bytes` that hold `events`, and leaves cleared memory in their place. What the batch holds already
    /// stays in front of them.
    pub(super) fn take_over(&mut self, bytes: &mut Vec<u8>, events: &mut Vec<Place>) {
        if self.bytes.is_empty() {
            std::mem::swap(&mut self.bytes, bytes);
            std::mem::swap(&mut self.events, events);
        } else {
            let before = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            self.events.extend(events.iter().map(|(start, end)| (before + start, before + end)));
        }
        bytes.clear();
        bytes.shrink_to(LARGE * BATCH_BYTES);
        events.clear();
    }

    /// The bytes of each event.
    pub(super) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.events.iter().map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(LARGE * BATCH_BYTES);
        self.events.clear();
    }
}
