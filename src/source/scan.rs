//! One scan of a table for keys and time stamps: what catch-up needs (rule W10).

use std::ops::Range;

use chrono::{DateTime, Utc};
use sqlx::{Decode, Row};

use super::{
    database::Database,
    database_error::DatabaseError,
    session::Session,
    snapshot::Snapshot,
    sql_text::{identifier, identifiers, text},
    text_row,
};
use crate::{
    binlog::LogPoint,
    packed::{Marks, MarksBuilder},
    progress::RowCount,
    row::RowKey,
};

const DOING: &str = "a scan for a catch-up";

/// The first second that a TIMESTAMP column holds, and the last that it holds on every server (manual page "The DATE,
/// DATETIME, and TIMESTAMP Types").
const STAMP_RANGE: std::ops::RangeInclusive<i64> = 1..=2_147_483_647;

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Time stamp in microseconds since 1970 in UTC, and key; in this order. The stamp is 0 where the table has none.
    pub rows: Marks,
    /// The point of the log that the scan is paired with: what is behind it may or may not be in `rows`.
    pub point: LogPoint,
}

impl Database {
    /// Keys and stamps of all rows of `table` whose `stamp`, a TIMESTAMP column, is at or after `since`; of all rows
    /// if the table has no such column. Reads the whole table: there is no index on the stamp. What is found is counted
    /// in `count` meanwhile.
    pub async fn scan<S: AsRef<str>>(
        &self,
        table: &str,
        key_columns: &[S],
        stamp: Option<&str>,
        since: DateTime<Utc>,
        count: &RowCount,
    ) -> Result<Scan, DatabaseError> {
        if key_columns.is_empty() {
            return Err(self.unexpected(DOING, "the table has no primary key"));
        }
        let condition = stamp.and_then(|stamp| not_before(stamp, since)).unwrap_or_default();
        let mut session = self.session().await?;
        if let Some(rows) = rows_in(&mut session, table).await? {
            count.set_in_table(rows, condition.is_empty());
        }
        let mut rows = MarksBuilder::default();
        let take = |micros, key: RowKey| {
            rows.push(micros, &key);
            count.one_more();
        };
        let point = self.each_stamped(session, table, key_columns, stamp, &condition, take).await?;
        Ok(Scan { rows: rows.finish(), point })
    }

    /// Keys and stamps, in microseconds since 1970 in UTC, of the rows of `table` whose `stamp` lies in `stamps`;
    /// `None` if there are more than `most`. Reads the whole table.
    pub async fn stamped<S: AsRef<str>>(
        &self,
        table: &str,
        key_columns: &[S],
        stamp: &str,
        stamps: Range<DateTime<Utc>>,
        most: usize,
    ) -> Result<Option<Vec<(RowKey, i64)>>, DatabaseError> {
        let from = not_before(stamp, stamps.start).unwrap_or_else(|| " WHERE TRUE".to_owned());
        let until = stamps.end.format("%Y-%m-%d %H:%M:%S%.6f");
        let limit = most.saturating_add(1);
        let condition = format!("{from} AND {} < '{until}' LIMIT {limit}", identifier(stamp));
        let mut rows = Vec::new();
        let take = |micros, key| rows.push((key, micros));
        self.each_stamped(self.session().await?, table, key_columns, Some(stamp), &condition, take).await?;
        Ok((rows.len() <= most).then_some(rows))
    }

    /// Hands the stamp and the key of each row that meets the condition to `take`; returns the point of the log that
    /// the rows are paired with.
    async fn each_stamped<S: AsRef<str>>(
        &self,
        mut session: Session,
        table: &str,
        key_columns: &[S],
        stamp: Option<&str>,
        condition: &str,
        mut take: impl FnMut(i64, RowKey) + Send,
    ) -> Result<LogPoint, DatabaseError> {
        // In UTC no stamp is ambiguous, and comparisons mean what they say.
        session.execute("SET SESSION time_zone = '+00:00'", DOING).await?;
        let mut snapshot = Snapshot::open(session, self.server()).await?;
        let stamp_value = stamp.map(|stamp| format!(", UNIX_TIMESTAMP({})", identifier(stamp))).unwrap_or_default();
        let sql = format!(
            "SELECT {}{stamp_value} FROM {}{condition}{}",
            identifiers(key_columns),
            identifier(table),
            snapshot.lock_clause(),
        );
        let mut unreadable = false;
        snapshot
            .session()
            .each_row(&sql, DOING, |row| {
                let micros = match stamp {
                    Some(_) => micros(row, key_columns.len())?,
                    None => Some(0),
                };
                match (micros, text_row::key(row, key_columns.len())?) {
                    (Some(micros), Some(key)) => take(micros, key),
                    _ => unreadable = true,
                }
                Ok(())
            })
            .await?;
        let point = snapshot.point();
        snapshot.finish().await;
        if unreadable {
            return Err(self.unexpected(DOING, "a key or a stamp cannot be read"));
        }
        Ok(point)
    }
}

/// About how many rows the table has, as the server estimates it.
async fn rows_in(session: &mut Session, table: &str) -> Result<Option<u64>, DatabaseError> {
    let sql = format!(
        "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {}",
        text(table)
    );
    let rows = session.rows(&sql, DOING).await?;
    Ok(rows.first().and_then(|row| row.text_at(0)).and_then(|rows| rows.parse().ok()))
}

/// The WHERE clause for stamps at or after `since`; `None` if that is all of them.
fn not_before(stamp: &str, since: DateTime<Utc>) -> Option<String> {
    if since.timestamp() < *STAMP_RANGE.start() {
        return None;
    }
    let since = DateTime::from_timestamp(since.timestamp().min(*STAMP_RANGE.end()), since.timestamp_subsec_nanos())?;
    Some(format!(" WHERE {} >= '{}'", identifier(stamp), since.format("%Y-%m-%d %H:%M:%S%.6f")))
}

/// The UNIX_TIMESTAMP() in the column at `index`, in microseconds; 0 for NULL.
fn micros(row: &sqlx::mysql::MySqlRow, index: usize) -> Result<Option<i64>, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    let text = <Option<&str> as Decode<sqlx::MySql>>::decode(value).map_err(sqlx::Error::Decode)?;
    Ok(text.map_or(Some(0), micros_of))
}

/// `1700000000` or `1700000000.25` in microseconds.
fn micros_of(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let fraction = digits.into_iter().try_fold(0_i64, |sum, digit| match digit {
        b'0'..=b'9' => Some(sum * 10 + i64::from(digit - b'0')),
        _ => None,
    })?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_with_and_without_fraction() {
        assert_eq!(micros_of("1700000000"), Some(1_700_000_000_000_000));
        assert_eq!(micros_of("1700000000.25"), Some(1_700_000_000_250_000));
        assert_eq!(micros_of("0.000001"), Some(1));
        assert_eq!(micros_of("x"), None);
    }

    #[test]
    fn a_start_before_all_stamps_asks_for_all_rows() {
        assert_eq!(not_before("t", DateTime::from_timestamp(-62_135_596_800, 0).unwrap()), None);
        let condition = not_before("t", DateTime::from_timestamp(1, 500_000_000).unwrap()).unwrap();
        assert_eq!(condition, " WHERE `t` >= '1970-01-01 00:00:01.500000'");
        assert!(not_before("t", DateTime::from_timestamp(9_000_000_000, 0).unwrap()).unwrap().contains("2038-01-19"));
    }
}
