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
        let rows = self.rows_by_keys(table, key_columns, columns, std::slice::from_ref(key)).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// As [`Database::row_by_key`] for each of `keys`, in their order; each in a statement of its own, so that no lock
    /// is held longer than it takes to read one row.
    pub async fn rows_by_keys<S: AsRef<str>, C: AsRef<str>>(
        &self,
        table: &str,
        key_columns: &[S],
        columns: &[C],
        keys: &[RowKey],
    ) -> Result<Vec<Option<TextRow>>, DatabaseError> {
        let columns = if columns.is_empty() { "*".to_owned() } else { identifiers(columns) };
        let select = format!("SELECT {columns} FROM {} WHERE ", identifier(table));
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            let mut sql = String::with_capacity(keys.len() * (select.len() + 64));
            for key in keys {
                let condition = key_is(key_columns, key)
                    .ok_or_else(|| self.unexpected(DOING, "the key does not fit the table's primary key"))?;
                let semicolon = if sql.is_empty() { "" } else { "; " };
                // This form of the share lock is understood by every server and needs no right but SELECT.
                sql.extend([semicolon, &select, &condition, " LOCK IN SHARE MODE"]);
            }
            let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
            if answers.len() != keys.len() {
                return Err(self.unexpected(DOING, "an answer is missing"));
            }
            rows.extend(answers.into_iter().map(|answer| answer.rows.into_iter().next()));
        }
        Ok(rows)
    }
}
