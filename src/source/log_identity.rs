//! Whether the server's log is still the one that was read before (rule W2).
//!
//! A log that is started anew (RESET MASTER) begins again with the first number and the first GTID, so that in time
//! every place of the old log is one in the new log too. What differs is when its files were made, which each says in its
//! first event.

use std::collections::BTreeMap;

use super::{
    batches::Batches,
    connection::{BinlogConnection, ConnectionError},
    error::SourceError,
};
use crate::binlog::{Decoder, EventBody, Position};

/// Bytes before the first event of a file.
const FIRST: u64 = 4;

/// The first events of a connection: one that names the file, and the file's own first, with little around them.
const MOST_EVENTS: usize = 8;

/// When the server made a file of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFileMade {
    /// The number in its name.
    pub number: u64,
    /// In seconds since 1970, by the server's clock.
    pub made: u32,
}

/// When the files that were read were made.
#[derive(Debug, Default)]
pub(super) struct LogIdentity {
    made: BTreeMap<u64, u32>,
}

impl LogIdentity {
    pub(super) fn new(known: &[LogFileMade]) -> Self {
        Self { made: known.iter().map(|file| (file.number, file.made)).collect() }
    }

    /// Takes note of a file that is being read; `Some` if it was not known.
    pub(super) fn learn(&mut self, number: u64, made: u32) -> Option<LogFileMade> {
        let is_new = made > 0 && self.made.insert(number, made).is_none();
        is_new.then_some(LogFileMade { number, made })
    }

    /// Where to ask for the log to see whether it is the same, if that can be told: at the start of the file in which
    /// `position` stands.
    pub(super) fn question(&self, position: &Position) -> Option<Position> {
        let is_known = self.made.contains_key(&position.point().file);
        is_known.then(|| Position { offset: FIRST, gtids: None, ..position.clone() })
    }

    /// Reads the answer.
    pub(super) async fn check(
        &self,
        position: &Position,
        connection: Box<dyn BinlogConnection>,
    ) -> Result<(), ConnectionError> {
        let (mut batches, mut decoder) = (Batches::new(connection), Decoder::new());
        let mut left = MOST_EVENTS;
        while left > 0 {
            batches.next().await?;
            for bytes in batches.events().take(left) {
                left -= 1;
                let event = decoder.decode(bytes).map_err(|error| ConnectionError::Unreadable(error.to_string()))?;
                if matches!(event.body, EventBody::FormatDescription(_)) && event.header.timestamp > 0 {
                    return self.compare(position, event.header.timestamp);
                }
            }
        }
        Ok(())
    }

    fn compare(&self, position: &Position, made: u32) -> Result<(), ConnectionError> {
        match self.made.get(&position.point().file) {
            Some(known) if *known != made => {
                Err(ConnectionError::Final(SourceError::Anew { file: position.file.clone() }))
            }
            _ => Ok(()),
        }
    }
}
