//! A whole binlog file.

use opendental_cdc::binlog::FileEvents;

use super::{event_bytes, reading::Reading};

/// The lowest bit of the first byte: whether sizes and checksums are made right. What follows is the file without its
/// first four bytes.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, events)) = bytes.split_first() else { return };
    let mut reading = Reading::default();
    if choice & 1 == 1 {
        mended(events).for_each(|event| reading.event(&event));
        return;
    }
    let file = [b"\xfebin", events].concat();
    let Ok(mut events) = FileEvents::new(&*file) else { return };
    while let Ok(Some((_, event))) = events.next_event() {
        reading.event(event);
    }
}

/// Cuts a file where its events' sizes say, or at its end, and makes their sizes and checksums right.
pub(crate) fn mended(mut rest: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(move || {
        let size = u32::from_le_bytes(*rest.get(9..)?.first_chunk()?) as usize;
        let (event, behind) = rest.split_at(size.clamp(13, rest.len()));
        rest = behind;
        let mut event = event.to_vec();
        event_bytes::mend(&mut event);
        Some(event)
    })
}
