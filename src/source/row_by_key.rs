//! Rows read by primary key when they are sent (rules R6, R9).

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::{identifier, identifiers, key_is},
    text_row::TextRow,
};
use crate::row::RowKey;

const DOING: &str = "reading a row by its key";

/// Statements sent in one go.
const BATCH: usize = 100;

impl Database {
    /// The row of `table` whose `key_columns` hold `key`, as it is now: `columns` in this order (all, if there are
    /// none), with values as the practice sees them; `None` if there is none.
    ///
    /// The read takes a share lock: it waits for a transaction that is in the log and not yet in the table, and
    /// answers [`DatabaseError::Locked`] if that takes too long.
    pub async fn row_by_key<S: AsRef<str>, C: AsRef<str>>(
        &self,
        table: &str,
        key_columns: &[S],
        columns: &[C],
        key: &RowKey,
    ) -> Result<Option<TextRow>, DatabaseError> {
        let rows = self.rows_by_keys(table, key_columns, columns, std::slice::from_ref(key), usize::MAX).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// As [`Database::row_by_key`] for each of `keys`, in their order; each in a statement of its own, so that no lock
    /// is held longer than it takes to read one row.
    ///
    /// Stops behind the row with which they take more than `most` bytes, so that the last keys may be left out.
    pub async fn rows_by_keys<S: AsRef<str>, C: AsRef<str>>(
        &self,
        table: &str,
        key_columns: &[S],
        columns: &[C],
        keys: &[RowKey],
        most: usize,
    ) -> Result<Vec<Option<TextRow>>, DatabaseError> {
        let columns = if columns.is_empty() { "*".to_owned() } else { identifiers(columns) };
        let select = format!("SELECT {columns} FROM {} WHERE ", identifier(table));
        let mut rows = Vec::with_capacity(keys.len());
        let (mut bytes, mut largest) = (0, 0);
        while rows.len() < keys.len() && bytes <= most {
            // What does not fit is read in vain.
            let batch = (most / largest.max(1)).clamp(1, BATCH);
            let keys = keys.get(rows.len()..).unwrap_or_default();
            let keys = keys.get(..batch).unwrap_or(keys);
            let mut sql = String::with_capacity(keys.len() * (select.len() + 64));
            for key in keys {
                let condition = key_is(key_columns, key)
                    .ok_or_else(|| self.unexpected(DOING, "the key does not fit the table's primary key"))?;
                let semicolon = if sql.is_empty() { "" } else { "; " };
                // This form of the share lock is understood by every server and needs no right but SELECT.
                sql.extend([semicolon, &select, &condition, " LOCK IN SHARE MODE"]);
            }
            let (answers, _) = self.ask_within(Purpose::Rows, DOING, most - bytes, |_| sql.clone()).await?;
            let answered = answers.len();
            for answer in answers {
                let row = answer.rows.into_iter().next();
                let size = row.as_ref().map_or(0, TextRow::bytes);
                (bytes, largest) = (bytes + size, largest.max(size));
                rows.push(row);
            }
            if answered < keys.len() && bytes <= most {
                return Err(self.unexpected(DOING, "an answer is missing"));
            }
        }
        Ok(rows)
    }
}
