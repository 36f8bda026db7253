//! One event of any type.

use super::{event_bytes, reading::Reading};

/// A byte that chooses the server, the type, two bytes of flags, four of the end position, and the body.
pub(crate) fn run(bytes: &[u8]) {
    let Some(([server, type_code, a, b, c, d, e, f], body)) = bytes.split_first_chunk() else { return };
    let server = event_bytes::Server::of(*server);
    let mut reading = Reading::default();
    reading.event(&event_bytes::format_description(server));
    let (flags, end) = (u16::from_le_bytes([*a, *b]), u32::from_le_bytes([*c, *d, *e, *f]));
    reading.event(&event_bytes::event(server, *type_code, flags, end, body));
}
