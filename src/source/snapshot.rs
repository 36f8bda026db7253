//! Rows that are paired with a point of the log (rule R9).
//!
//! A commit is in the log before it is in its table, so a point and a SELECT after it do not belong together by
//! themselves. What pairs them depends on the server:
//!
//! - MariaDB hands out the log's position at which a consistent snapshot was taken (`binlog_snapshot_file` and
//!   `binlog_snapshot_position`; manual page "START TRANSACTION").
//! - MySQL with GTIDs: everything in the log that is not yet in its table is owned by its session
//!   (`@@GLOBAL.gtid_owned`); once `WAIT_FOR_EXECUTED_GTID_SET` has seen all of it, a snapshot holds it.
//! - Any other server: rows of a transaction that is in the log and not yet in its table are locked, so a SELECT with
//!   a share lock waits for it.
//!
//! Tables without transactions (MyISAM) take part in no snapshot. Their rows are written before the log, but a
//! concurrent INSERT shows its row to others only as it unlocks the table, a moment after the log; hence the pause.

use std::time::Duration;

use super::{
    barrier::log_end,
    database::Database,
    database_error::DatabaseError,
    session::{Answer, Session},
    sql_text::{identifier, identifiers, text},
    text_row::TextRow,
};
use crate::binlog::LogPoint;

const DOING: &str = "a consistent snapshot";

/// How long a statement may take from the log to the unlocking of its MyISAM table.
const SETTLE: Duration = Duration::from_millis(200);

/// Seconds to wait for transactions that are about to be committed.
const WAIT_FOR_OWNED_SECONDS: u32 = 3;

/// Rows as they were at, or after, a point of the log: whatever lies before the point is in them, and whatever is not
/// in them lies behind it.
///
/// Holds a connection and, on InnoDB, an open transaction: end it soon, with [`Snapshot::finish`].
pub struct Snapshot {
    session: Session,
    point: LogPoint,
    /// Whether each SELECT must take share locks, as there is no transaction around them.
    locking: bool,
}

impl Database {
    /// Opens a snapshot on a connection of its own. Values come out as the practice sees them.
    pub async fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        Snapshot::open(self.session().await?, self.server()).await
    }
}

impl Snapshot {
    pub(super) async fn open(mut session: Session, server: &str) -> Result<Self, DatabaseError> {
        const BEGIN: &str =
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT";
        let consistent = if session.facts.mariadb {
            let answers = session.results(&format!("{BEGIN}; SHOW STATUS LIKE 'binlog_snapshot_%'"), DOING).await?;
            snapshot_point(answers.last())
        } else {
            let point = log_end(&mut session, server).await?;
            if wait_for_owned(&mut session).await? {
                session.execute(BEGIN, DOING).await?;
                Some(point)
            } else {
                None
            }
        };
        let (point, locking) = match consistent {
            Some(point) => (point, false),
            None => {
                session.execute("ROLLBACK", DOING).await?;
                (log_end(&mut session, server).await?, true)
            }
        };
        tokio::time::sleep(SETTLE).await;
        Ok(Self { session, point, locking })
    }

    /// The point of the log: what lies before it is in the rows that are selected.
    pub fn point(&self) -> LogPoint {
        self.point
    }

    /// All rows of `table` of the practice's database; `columns` in this order, or all columns if there are none.
    pub async fn select_all<S: AsRef<str>>(
        &mut self,
        table: &str,
        columns: &[S],
    ) -> Result<Vec<TextRow>, DatabaseError> {
        let mut rows = Vec::new();
        self.each_row(table, columns, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// As [`Snapshot::select_all`], handing out one row after the other: a table may be large.
    pub async fn each_row<S: AsRef<str>>(
        &mut self,
        table: &str,
        columns: &[S],
        mut take: impl FnMut(TextRow),
    ) -> Result<(), DatabaseError> {
        let columns = if columns.is_empty() { "*".to_owned() } else { identifiers(columns) };
        let sql = format!("SELECT {columns} FROM {}{}", identifier(table), self.lock_clause());
        let mut names = None;
        self.session
            .each_row(&sql, "reading a whole table", |row| {
                take(TextRow::take(row, &mut names)?);
                Ok(())
            })
            .await
    }

    /// Ends the transaction and the connection.
    pub async fn finish(self) {
        self.session.close().await;
    }

    /// What a SELECT must end with.
    pub(super) fn lock_clause(&self) -> &'static str {
        // This form is older than FOR SHARE and understood by every server; SELECT suffices for it.
        if self.locking { " LOCK IN SHARE MODE" } else { "" }
    }

    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }
}

/// MariaDB's position of the snapshot; `None` if it tells none.
fn snapshot_point(answer: Option<&Answer>) -> Option<LogPoint> {
    let rows = &answer?.rows;
    let value = |name: &str| {
        let row = rows.iter().find(|row| row.text_at(0).is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
        row.text_at(1)
    };
    LogPoint::new(value("binlog_snapshot_file")?, value("binlog_snapshot_position")?.parse().ok()?)
}

/// Waits until all that is in MySQL's log is in its tables; `false` if the server cannot tell.
async fn wait_for_owned(session: &mut Session) -> Result<bool, DatabaseError> {
    let answer = match session.rows("SELECT @@GLOBAL.gtid_mode, @@GLOBAL.gtid_owned", DOING).await {
        // MySQL before 5.6 has no GTIDs.
        Err(error) if error.is_unknown_name() => return Ok(false),
        answer => answer?,
    };
    let row = answer.first();
    let (mode, owned) = (row.and_then(|row| row.text_at(0)), row.and_then(|row| row.text_at(1)));
    // In the permissive modes a transaction may have no GTID to wait for.
    let (Some("ON"), Some(owned)) = (mode, owned) else { return Ok(false) };
    let owned = without_owners(owned);
    if owned.is_empty() {
        return Ok(true);
    }
    let sql = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET({}, {WAIT_FOR_OWNED_SECONDS})", text(&owned));
    match session.rows(&sql, DOING).await {
        // MySQL 5.6 has GTIDs but not this function.
        Err(error) if error.is_unknown_name() => Ok(false),
        // 1: a session holds a GTID and does not commit.
        answer => Ok(answer?.first().and_then(|row| row.text_at(0)) == Some("0")),
    }
}

/// `uuid:5#12:6#13` as the GTID set `uuid:5:6`: `@@GLOBAL.gtid_owned` names the owner of each after a `#`.
fn without_owners(owned: &str) -> String {
    let mut in_owner = false;
    let kept = owned.chars().filter(|character| {
        in_owner = *character == '#' || (in_owner && character.is_ascii_digit());
        !in_owner && !character.is_whitespace()
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_owners_are_taken_out_of_gtid_owned() {
        let owned = "3e11fa47-71ca-11e1-9e33-c80aa9429562:5#12:7#130,\n3e11fa47-71ca-11e1-9e33-c80aa9429563:tag:1#2";
        let set = "3e11fa47-71ca-11e1-9e33-c80aa9429562:5:7,3e11fa47-71ca-11e1-9e33-c80aa9429563:tag:1";
        assert_eq!(without_owners(owned), set);
        assert_eq!(without_owners(""), "");
    }
}
