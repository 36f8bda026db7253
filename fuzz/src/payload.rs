//! A transaction payload of MySQL's.

use super::{
    event_bytes::{self, Server},
    reading::Reading,
};

const TRANSACTION_PAYLOAD: u8 = 40;

/// A byte that chooses, then:
/// 0, the body of a payload event;
/// 1, the events in one: for each its type, the length of its body in two bytes, and the body;
/// 2, the same, but compressed.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let body = match choice % 3 {
        0 => rest.to_vec(),
        1 => payload(255, &events(rest)),
        _ => payload(0, &events(rest)),
    };
    let mut reading = Reading::default();
    reading.event(&event_bytes::format_description(Server::Mysql97));
    reading.event(&event_bytes::event(Server::Mysql97, TRANSACTION_PAYLOAD, 0, 0, &body));
}

fn events(mut rest: &[u8]) -> Vec<u8> {
    let mut events = Vec::new();
    while let Some(([type_code, a, b], behind)) = rest.split_first_chunk() {
        let (body, behind) = behind.split_at(usize::from(u16::from_le_bytes([*a, *b])).min(behind.len()));
        events.extend(event_bytes::inner_event(*type_code, body));
        rest = behind;
    }
    events
}

/// The fields in front of the events: their size, how they are compressed, and their size uncompressed.
fn payload(compression: u8, events: &[u8]) -> Vec<u8> {
    let stored = match compression {
        0 => zstd::encode_all(events, 1).expect("memory takes everything"),
        _ => events.to_vec(),
    };
    let number = |number: usize| [&[254][..], &(number as u64).to_le_bytes()].concat();
    let field = |field: u8, value: &[u8]| [&[field, value.len() as u8][..], value].concat();
    let compression = if compression == 0 { vec![0] } else { vec![252, compression, 0] };
    let (size, kind, uncompressed) = (field(1, &number(stored.len())), field(2, &compression), number(events.len()));
    [size, kind, field(3, &uncompressed), vec![0], stored].concat()
}
