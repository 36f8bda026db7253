//! GTIDs of both dialects, as text and as bytes.

use opendental_cdc::binlog::{GtidList, GtidSet};

use super::{
    event_bytes::{self, Server},
    reading::Reading,
};

/// Events that hold GTIDs, with whose they are.
const EVENTS: [(Server, u8); 5] = [
    (Server::Mysql97, 33),
    (Server::Mysql97, 35),
    (Server::Mysql97, 42),
    (Server::Mariadb, 162),
    (Server::Mariadb, 163),
];

/// A byte that chooses, then the text of a set (0) or a list (1), or an event's body.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = str::from_utf8(rest);
    match (usize::from(*choice) % (EVENTS.len() + 2), text) {
        (0, Ok(text)) => {
            if let Ok(set) = text.parse::<GtidSet>() {
                assert_eq!(set.to_string().parse::<GtidSet>().as_ref(), Ok(&set));
                assert!(set.contains_all(&set));
            }
        }
        (1, Ok(text)) => {
            if let Ok(list) = text.parse::<GtidList>() {
                assert_eq!(list.to_string().parse::<GtidList>().as_ref(), Ok(&list));
                assert!(list.iter().all(|gtid| list.contains(gtid)));
            }
        }
        (0 | 1, Err(_)) => {}
        (event, _) => {
            let (server, type_code) = EVENTS[event - 2];
            let mut reading = Reading::default();
            reading.event(&event_bytes::format_description(server));
            reading.event(&event_bytes::event(server, type_code, 0, 0, rest));
        }
    }
}
