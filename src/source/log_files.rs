//! Which files of its log the server still has.

use super::{
    barrier::READING_POSITION,
    database::{Database, Purpose},
    database_error::DatabaseError,
    text_row::TextRow,
};
use crate::binlog::LogPoint;

/// The files of a server's log, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFiles {
    /// The number of each, and its size in bytes.
    files: Vec<(u64, u64)>,
}

/// Whether a server's log can be read on from a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    Held,
    /// Its file has been deleted.
    Purged,
    /// The log does not reach so far: it is not the one that the point belongs to.
    Beyond,
}

impl LogFiles {
    /// Whether the log can be read on from `point`.
    pub fn reach(&self, point: LogPoint) -> Reach {
        match self.files.iter().find(|(number, _)| *number == point.file) {
            Some((_, size)) if point.offset <= *size => Reach::Held,
            Some(_) => Reach::Beyond,
            None if self.files.last().is_some_and(|(last, _)| point.file > *last) => Reach::Beyond,
            None => Reach::Purged,
        }
    }

    /// About how many bytes of the log lie between two points.
    pub fn bytes_between(&self, from: LogPoint, to: LogPoint) -> u64 {
        let whole = self.files.iter().filter(|(number, _)| (from.file..to.file).contains(number));
        let whole = whole.map(|(_, size)| size).sum::<u64>();
        whole.saturating_add(to.offset).saturating_sub(from.offset)
    }
}

impl Database {
    /// The files that the server's log has now.
    pub async fn log_files(&self) -> Result<LogFiles, DatabaseError> {
        let (answers, _) = self.ask(Purpose::Clock, READING_POSITION, |_| "SHOW BINARY LOGS".to_owned()).await?;
        let rows = answers.first().map(|answer| answer.rows.as_slice()).unwrap_or_default();
        let files = rows.iter().map(file).collect::<Option<Vec<_>>>();
        let mut files =
            files.ok_or_else(|| self.unexpected(READING_POSITION, "the list of its files cannot be read"))?;
        files.sort_unstable();
        Ok(LogFiles { files })
    }
}

/// The number and size in one row of SHOW BINARY LOGS.
fn file(row: &TextRow) -> Option<(u64, u64)> {
    let size = row.text_at(1)?.parse().ok()?;
    Some((LogPoint::new(row.text_at(0)?, 0)?.file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_a_point_is_held_purged_or_of_another_log() {
        let log = LogFiles { files: vec![(9, 500), (10, 300)] };
        let reach = |file, offset| log.reach(LogPoint { file, offset });
        assert_eq!(reach(9, 500), Reach::Held);
        assert_eq!(reach(10, 4), Reach::Held);
        assert_eq!(reach(8, 4), Reach::Purged);
        let (from, to) = (LogPoint { file: 9, offset: 100 }, LogPoint { file: 10, offset: 50 });
        assert_eq!((log.bytes_between(from, to), log.bytes_between(to, to)), (450, 0));
        assert_eq!((reach(9, 501), reach(10, 301), reach(11, 4)), (Reach::Beyond, Reach::Beyond, Reach::Beyond));
    }
}
