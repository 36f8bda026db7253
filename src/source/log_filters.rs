//! Databases that the server leaves out of its log.

use super::{
    barrier::READING_POSITION,
    database::{Database, Purpose},
    database_error::DatabaseError,
    session::Answer,
};

/// `binlog_do_db` and `binlog_ignore_db`, the names of databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilters {
    /// Only these are logged; empty: all are.
    pub only: Vec<String>,
    /// These are not.
    pub ignored: Vec<String>,
}

impl Database {
    /// Asks for them.
    pub async fn log_filters(&self) -> Result<LogFilters, DatabaseError> {
        let ask = |statement: &'static str| self.ask(Purpose::Rows, READING_POSITION, move |_| statement.to_owned());
        let answers = match ask("SHOW MASTER STATUS").await {
            Err(error) if error.is_syntax() => ask("SHOW BINARY LOG STATUS").await,
            answers => answers,
        };
        Ok(filters(answers?.0.first()))
    }
}

fn filters(answer: Option<&Answer>) -> LogFilters {
    let Some(row) = answer.and_then(|answer| answer.rows.first()) else { return LogFilters::default() };
    let names = |column| {
        let names = row.text(column).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    LogFilters { only: names("Binlog_Do_DB"), ignored: names("Binlog_Ignore_DB") }
}
