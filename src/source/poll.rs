//! What polling asks the server: its local time, and the rows whose time stamp lies in a stretch of it.

use chrono::NaiveDateTime;

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::{identifier, identifiers},
    text_row::TextRow,
};

const DOING: &str = "polling";

/// How Open Dental writes times into its statements.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

/// The rows of a table that changed in a stretch of the server's local time, as its sessions see it.
#[derive(Clone, Copy, Debug)]
pub struct ChangedRows<'a> {
    /// The table.
    pub table: &'a str,
    /// Its TIMESTAMP column.
    pub stamp: &'a str,
    /// Only rows with this number in this column.
    pub only: Option<(&'a str, i64)>,
    /// Stamps from here on.
    pub from: NaiveDateTime,
    /// Stamps before this.
    pub to: NaiveDateTime,
}

impl Database {
    /// The server's local time, cut to the second.
    pub async fn local_now(&self) -> Result<NaiveDateTime, DatabaseError> {
        let sql = "SELECT DATE_FORMAT(NOW(), '%Y-%m-%d %H:%i:%s')";
        let (answers, _) = self.ask(Purpose::Clock, DOING, |_| sql.to_owned()).await?;
        let shown = answers.first().and_then(|answer| answer.rows.first()).and_then(|row| row.text_at(0));
        let now = shown.and_then(|shown| NaiveDateTime::parse_from_str(shown, SECONDS).ok());
        now.ok_or_else(|| self.unexpected(DOING, "its clock cannot be read"))
    }

    /// All rows of `table`, as they are now; `columns` in this order, or all columns if there are none.
    pub async fn all_rows<S: AsRef<str> + Sync>(
        &self,
        table: &str,
        columns: &[S],
    ) -> Result<Vec<TextRow>, DatabaseError> {
        let columns = if columns.is_empty() { "*".to_owned() } else { identifiers(columns) };
        self.polled(Purpose::Rows, format!("SELECT {columns} FROM {}", identifier(table))).await
    }

    /// At most `count` of the rows of `which`, in the order of their stamps, behind the first `offset`.
    ///
    /// Reads the whole table, for want of an index on the stamp. Rows with equal stamps come in any order, and in
    /// another the next time.
    pub async fn changed_rows(
        &self,
        which: &ChangedRows<'_>,
        offset: usize,
        count: usize,
    ) -> Result<Vec<TextRow>, DatabaseError> {
        self.polled(Purpose::Search, select(which, offset, count)).await
    }

    async fn polled(&self, purpose: Purpose, sql: String) -> Result<Vec<TextRow>, DatabaseError> {
        let (answers, _) = self.ask(purpose, DOING, |_| sql.clone()).await?;
        Ok(answers.into_iter().next().map(|answer| answer.rows).unwrap_or_default())
    }
}

fn select(which: &ChangedRows<'_>, offset: usize, count: usize) -> String {
    let ChangedRows { table, stamp, only, from, to } = which;
    let (table, stamp) = (identifier(table), identifier(stamp));
    let only = only.map(|(column, number)| format!(" AND {} = {number}", identifier(column))).unwrap_or_default();
    let (from, to) = (from.format(SECONDS), to.format(SECONDS));
    format!(
        "SELECT * FROM {table} WHERE {stamp} >= '{from}' AND {stamp} < '{to}'{only} \
         ORDER BY {stamp} LIMIT {offset}, {count}"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_the_documented_one() {
        let at = |text| NaiveDateTime::parse_from_str(text, SECONDS).unwrap();
        let which = ChangedRows {
            table: "histappointment",
            stamp: "DateTStamp",
            only: Some(("HistApptAction", 4)),
            from: at("2026-03-04 10:20:00"),
            to: at("2026-03-04 10:20:05"),
        };
        assert_eq!(
            select(&which, 1000, 1000),
            "SELECT * FROM `histappointment` WHERE `DateTStamp` >= '2026-03-04 10:20:00' \
             AND `DateTStamp` < '2026-03-04 10:20:05' AND `HistApptAction` = 4 \
             ORDER BY `DateTStamp` LIMIT 1000, 1000"
        );
    }
}
