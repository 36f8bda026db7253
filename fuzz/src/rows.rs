//! A table map and rows of its table.

use super::{event_bytes, reading::Reading};

const TABLE_MAP: u8 = 19;
/// Rows events of all versions and dialects.
const TYPES: [u8; 13] = [23, 24, 25, 30, 31, 32, 39, 166, 167, 168, 169, 170, 171];
/// A table id and flags.
const HEAD: [u8; 8] = [7, 0, 0, 0, 0, 0, 1, 0];

/// A byte that chooses the server, one that chooses the type of rows event, two for the length of the table map, then
/// the table map's body and the rows event's, each without its table id and flags.
pub(crate) fn run(bytes: &[u8]) {
    let Some(([server, kind, a, b], bodies)) = bytes.split_first_chunk() else { return };
    let server = event_bytes::Server::of(*server);
    let length = usize::from(u16::from_le_bytes([*a, *b])).min(bodies.len());
    let (map, rows) = bodies.split_at(length);
    let mut reading = Reading::default();
    reading.event(&event_bytes::format_description(server));
    reading.event(&event_bytes::event(server, TABLE_MAP, 0, 0, &[&HEAD, map].concat()));
    let type_code = TYPES[usize::from(*kind) % TYPES.len()];
    reading.event(&event_bytes::event(server, type_code, 0, 0, &[&HEAD, rows].concat()));
}
