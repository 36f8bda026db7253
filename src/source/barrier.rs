//! The server's clock and how far its log reaches.

use chrono::{DateTime, Utc};

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    identity::Identity,
    session::{Answer, Session},
    sql_text::text,
    text_row::TextRow,
};
use crate::binlog::{Gtids, LogPoint, Position};

/// What the server is asked to do where REPLICATION CLIENT is needed.
pub(super) const READING_POSITION: &str = "a question about its binary log's position";

/// A moment of the server's clock and a point of its log that holds everything committed before it (rule W2).
#[derive(Clone, Debug, PartialEq)]
pub struct Barrier {
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// The same moment as the practice sees it, `YYYY-MM-DD HH:MM:SS` in the server's zone, cut to the second.
    pub local: String,
    /// The end of the log, read after the clock.
    pub point: LogPoint,
    /// The server that was asked.
    pub identity: Identity,
}

impl Database {
    /// Reads the server's clock, then its log's end, in one round trip over a connection that is kept open.
    pub async fn barrier(&self) -> Result<Barrier, DatabaseError> {
        let (answers, facts) = self
            .ask(Purpose::Clock, READING_POSITION, |facts| {
                // Both clock functions mean the start of the same statement.
                let digits = facts.clock_digits();
                let position = facts.position_statement;
                format!("SELECT DATE_FORMAT(NOW(), '%Y-%m-%d %H:%i:%s'), UTC_TIMESTAMP({digits}); {position}")
            })
            .await?;
        let clock = answers.first().and_then(|answer| answer.rows.first());
        let local = clock.and_then(|row| row.text_at(0)).map(str::to_owned);
        let now = clock.and_then(|row| row.text_at(1)).and_then(instant);
        let (Some(local), Some(now)) = (local, now) else {
            return Err(self.unexpected(READING_POSITION, "its clock cannot be read"));
        };
        let (file, offset) = status(answers.get(1), self.server())?.file_and_offset()?;
        let point = LogPoint::new(&file, offset)
            .ok_or_else(|| self.unexpected(READING_POSITION, "the log file's name has no number"))?;
        let identity = facts.identity.ok_or_else(|| self.unexpected(READING_POSITION, "server_id is missing"))?;
        Ok(Barrier { now, local, point, identity })
    }

    /// The end of the server's log, with the GTIDs of everything before it.
    ///
    /// On MySQL the set may lack transactions that are in the log and not yet in their tables: reading from the set
    /// sends them again, and loses none. There is none where `gtid_mode` is not ON: the log may then hold transactions
    /// without a GTID.
    pub async fn current_position(&self) -> Result<Position, DatabaseError> {
        // MariaDB tells file and offset and the GTIDs by two statements. If the log did not grow between two looks at
        // it, the GTIDs seen between them belong to it; else the server looks them up in the log itself, which may
        // have to be read from the file's start for that.
        for _ in 0..3 {
            let (answers, facts) = self
                .ask(Purpose::Clock, READING_POSITION, |facts| {
                    let position = facts.position_statement;
                    match facts.mariadb {
                        true => format!("{position}; SELECT @@GLOBAL.gtid_binlog_pos; {position}"),
                        false => format!("{position}; SHOW GLOBAL VARIABLES LIKE 'gtid_mode'"),
                    }
                })
                .await?;
            let status_row = status(answers.first(), self.server())?;
            let (file, offset) = status_row.file_and_offset()?;
            let second = answers.get(1).and_then(|answer| answer.rows.first());
            if !facts.mariadb {
                let has_gtids = second.and_then(|row| row.text_at(1)) == Some("ON");
                let set = status_row.row.text("Executed_Gtid_Set").filter(|_| has_gtids);
                let gtids = set.map(|set| set.parse().map(Gtids::Mysql)).transpose();
                let gtids = gtids.map_err(|_| self.unexpected(READING_POSITION, "its GTID set cannot be read"))?;
                return Ok(Position { file, offset, gtids });
            }
            if status(answers.get(2), self.server())?.file_and_offset()? == (file.clone(), offset) {
                let gtids = Some(self.gtid_list(second)?);
                return Ok(Position { file, offset, gtids });
            }
        }
        let (answers, _) =
            self.ask(Purpose::Clock, READING_POSITION, |facts| facts.position_statement.to_owned()).await?;
        let (file, offset) = status(answers.first(), self.server())?.file_and_offset()?;
        let sql = format!("SELECT BINLOG_GTID_POS({}, {offset})", text(&file));
        let (answers, _) = self.ask(Purpose::Clock, READING_POSITION, |_| sql.clone()).await?;
        let gtids = Some(self.gtid_list(answers.first().and_then(|answer| answer.rows.first()))?);
        Ok(Position { file, offset, gtids })
    }

    /// MariaDB's GTID list in the first column of `row`.
    fn gtid_list(&self, row: Option<&TextRow>) -> Result<Gtids, DatabaseError> {
        let list = row.and_then(|row| row.text_at(0)).and_then(|list| list.parse().ok());
        list.map(Gtids::Mariadb).ok_or_else(|| self.unexpected(READING_POSITION, "its GTIDs cannot be read"))
    }
}

/// The point of the log that `session` finds at its end.
pub(super) async fn log_end(session: &mut Session, server: &str) -> Result<LogPoint, DatabaseError> {
    let answers = session.results(session.facts.position_statement, READING_POSITION).await?;
    let (file, offset) = status(answers.first(), server)?.file_and_offset()?;
    LogPoint::new(&file, offset)
        .ok_or_else(|| session.unexpected(READING_POSITION, "the log file's name has no number"))
}

/// The row of SHOW MASTER STATUS or SHOW BINARY LOG STATUS.
struct Status<'a> {
    row: &'a TextRow,
    server: &'a str,
}

fn status<'a>(answer: Option<&'a Answer>, server: &'a str) -> Result<Status<'a>, DatabaseError> {
    match answer.and_then(|answer| answer.rows.first()) {
        Some(row) => Ok(Status { row, server }),
        // Without a binary log the statement returns no row.
        None => Err(DatabaseError::NoBinlog { server: server.to_owned() }),
    }
}

impl Status<'_> {
    fn file_and_offset(&self) -> Result<(String, u64), DatabaseError> {
        let offset = self.row.text("Position").and_then(|offset| offset.parse().ok());
        match (self.row.text("File"), offset) {
            (Some(file), Some(offset)) => Ok((file.to_owned(), offset)),
            _ => Err(DatabaseError::Answer {
                server: self.server.to_owned(),
                doing: READING_POSITION,
                reason: "File or Position is missing".to_owned(),
            }),
        }
    }
}

/// The instant in the text of a UTC_TIMESTAMP().
pub(super) fn instant(shown: &str) -> Option<DateTime<Utc>> {
    let naive = chrono::NaiveDateTime::parse_from_str(shown, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(naive.and_utc())
}
