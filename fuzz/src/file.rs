//! A whole binlog file.

use opendental_cdc::binlog::FileEvents;

use super::{event_bytes, reading::Reading};

/// The lowest bit of the first byte: whether sizes and checksums are made right. What follows is the file without its
/// first four bytes.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, events)) = bytes.split_first() else { return };
    let mut reading = Reading::default();
    if choice & 1 == 1 {
        mended(events, &mut reading);
        return;
    }
    let file = [b"\xfebin", events].concat();
    let Ok(mut events) = FileEvents::new(&*file) else { return };
    while let Ok(Some((_, event))) = events.next_event() {
        reading.event(event);
    }
}

/// Cuts the file where its events' sizes say, or at its end.
fn mended(mut rest: &[u8], reading: &mut Reading) {
    while let Some(size) = rest.get(9..13) {
        let size = u32::from_le_bytes(size.try_into().expect("four bytes")) as usize;
        let (event, behind) = rest.split_at(size.clamp(13, rest.len()));
        let mut event = event.to_vec();
        event_bytes::mend(&mut event);
        reading.event(&event);
        rest = behind;
    }
}
