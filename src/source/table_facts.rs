//! What must be known of a table before it can be watched.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::text,
};

const DOING: &str = "questions about a table";

/// A table of the practice's database, as `information_schema` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Its name as the server writes it.
    pub name: String,
    /// Its primary key's columns, in the key's order; empty if it has none.
    pub key: Vec<KeyColumn>,
    /// The TIMESTAMP columns that the server sets when a row is inserted and at each update of it.
    pub stamps: Vec<String>,
    /// All of its columns.
    pub columns: Vec<String>,
    /// The columns that `SELECT *` does not show.
    pub invisible: Vec<String>,
    /// Whether the server keeps the rows' history (MariaDB manual, "System-Versioned Tables"): the log then tells a
    /// DELETE as an update, and history as rows.
    pub versioned: bool,
    /// Its storage engine, as the server writes it; `None` for a view.
    pub engine: Option<String>,
}

impl TableFacts {
    /// The first of [`TableFacts::stamps`].
    pub fn stamp(&self) -> Option<&str> {
        self.stamps.first().map(String::as_str)
    }
}

/// A column of a primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// `COLUMN_NAME`.
    pub name: String,
    /// `DATA_TYPE` in lower case, such as `bigint`.
    pub data_type: String,
}

impl KeyColumn {
    /// Whether the log, a SELECT and a condition have the same text for each of its values. A TIMESTAMP's depends on
    /// the session's zone, and FLOAT, DOUBLE and DECIMAL compare with texts by their nearest double.
    pub fn is_exact(&self) -> bool {
        matches!(
            self.data_type.as_str(),
            "tinyint"
                | "smallint"
                | "mediumint"
                | "int"
                | "bigint"
                | "bit"
                | "year"
                | "date"
                | "time"
                | "datetime"
                | "enum"
                | "set"
                | "uuid"
                | "inet4"
                | "inet6"
        ) || ["char", "text", "binary", "blob"].iter().any(|end| self.data_type.ends_with(end))
    }
}

impl Database {
    /// The table called `table`, without regard to case where there is none of exactly this name; `None` if there is
    /// none at all.
    pub async fn table_facts(&self, table: &str) -> Result<Option<TableFacts>, DatabaseError> {
        let name = text(table);
        let sql = format!(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, EXTRA, COLUMN_DEFAULT FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND LOWER(TABLE_NAME) = LOWER({name}) \
             ORDER BY BINARY TABLE_NAME = BINARY {name} DESC, TABLE_NAME, ORDINAL_POSITION; \
             SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() \
             AND LOWER(TABLE_NAME) = LOWER({name}) AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX; \
             SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND LOWER(TABLE_NAME) = LOWER({name})"
        );
        let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
        let [columns, key, kinds] = answers.as_slice() else {
            return Err(self.unexpected(DOING, "an answer is missing"));
        };
        let Some(table) = columns.rows.first().and_then(|row| row.text_at(0)) else { return Ok(None) };
        let kind = kinds.rows.iter().find(|row| row.text_at(0) == Some(table));
        let mut facts = TableFacts {
            name: table.to_owned(),
            key: Vec::new(),
            stamps: Vec::new(),
            columns: Vec::new(),
            invisible: Vec::new(),
            versioned: kind.and_then(|row| row.text_at(1)) == Some("SYSTEM VERSIONED"),
            engine: kind.and_then(|row| row.text_at(2)).map(str::to_owned),
        };
        let mut types = Vec::new();
        for row in columns.rows.iter().filter(|row| row.text_at(0) == Some(table)) {
            let (Some(column), Some(data_type)) = (row.text_at(1), row.text_at(2)) else {
                return Err(self.unexpected(DOING, "a column's name or type is missing"));
            };
            let (data_type, extra) = (data_type.to_ascii_lowercase(), row.text_at(3).unwrap_or_default());
            let extra = extra.to_ascii_lowercase();
            let default = row.text_at(4).unwrap_or_default().to_ascii_lowercase();
            // Where an insert leaves it NULL or old, no search by time stamp would find the new row.
            let is_kept = default.starts_with("current_timestamp") && extra.contains("on update current_timestamp");
            if data_type == "timestamp" && is_kept {
                facts.stamps.push(column.to_owned());
            }
            facts.columns.push(column.to_owned());
            if extra.contains("invisible") {
                facts.invisible.push(column.to_owned());
            }
            types.push((column, data_type));
        }
        for row in key.rows.iter().filter(|row| row.text_at(0) == Some(table)) {
            let column = row.text_at(1).and_then(|name| types.iter().find(|(column, _)| *column == name));
            let (name, data_type) = column.ok_or_else(|| self.unexpected(DOING, "a column of the key is missing"))?;
            facts.key.push(KeyColumn { name: (*name).to_owned(), data_type: data_type.clone() });
        }
        Ok(Some(facts))
    }
}
