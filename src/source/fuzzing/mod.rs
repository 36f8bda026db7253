//! What the fuzzers in `fuzz/` do with parts that are private: statements, the framing of transactions, and what the
//! events of a log mean for watched tables. Not part of the program.

mod following;
mod framing;

pub use following::following;
pub use framing::transactions;

use super::statement::Statement;

/// Reads a statement. What stands before it without being part of it changes nothing.
///
/// # Panics
/// If that is not so.
pub fn statement(text: &[u8]) {
    let read = Statement::read(text);
    for blank in [&b" \n\t"[..], b"/* a comment */", b"-- another\n", b"# and another\n"] {
        assert_eq!(Statement::read(&[blank, text].concat()), read);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::binlog::{FileEvents, Header};

    /// Each stored input, whole and with its bytes changed at random.
    fn each_input(target: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut random = fastrand::Rng::with_seed(3);
        for entry in fs::read_dir(corpus).unwrap() {
            let input = fs::read(entry.unwrap().path()).unwrap();
            run(&input);
            for _ in 0..40 {
                let mut changed = input.clone();
                changed.truncate(random.usize(1..=input.len().max(1)));
                for _ in 0..random.usize(0..4) {
                    if let Some(byte) = random.choice(changed.iter_mut()) {
                        *byte = random.u8(..);
                    }
                }
                run(&changed);
            }
        }
    }

    #[test]
    fn r4_any_statement_is_read() {
        each_input("statement", statement);
    }

    #[test]
    fn r1_any_steps_are_framed_or_refused() {
        each_input("transactions", transactions);
    }

    /// Events as they stand in a file, some of them changed at random and given the right checksum again.
    #[test]
    fn r4_any_events_are_followed_or_refused() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let mut random = fastrand::Rng::with_seed(3);
        for entry in fs::read_dir(data).unwrap() {
            let file = fs::read(entry.unwrap().path()).unwrap();
            let Ok(mut reader) = FileEvents::new(&*file) else { continue };
            let mut events = Vec::new();
            while let Some((_, event)) = reader.next_event().unwrap() {
                events.push(event.to_vec());
            }
            following(&events);
            for _ in 0..150 {
                let mut changed = events.clone();
                let event = random.choice(changed.iter_mut().skip(1)).unwrap();
                let body = Header::SIZE..event.len() - 4;
                for _ in 0..random.usize(1..4) {
                    event[random.usize(body.clone())] = random.u8(..);
                }
                let checksum = crc32fast::hash(&event[..body.end]);
                event[body.end..].copy_from_slice(&checksum.to_le_bytes());
                following(&changed);
            }
        }
    }
}
