//! Sessions of others whose writes do not reach the log as rows. Only MySQL 5.7 and later shows them.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
};

const DOING: &str = "questions about other sessions";

/// Sessions whose writes are not in the log as rows, by their number in the list of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OddSessions {
    /// Their `binlog_format` is another than ROW.
    pub statements: Vec<u64>,
    /// Their `sql_log_bin` is off.
    pub unlogged: Vec<u64>,
}

impl Database {
    /// Looks for them; `None` if the account may not see them.
    pub async fn odd_sessions(&self) -> Result<Option<OddSessions>, DatabaseError> {
        let sql = "SELECT threads.PROCESSLIST_ID, LOWER(settings.VARIABLE_NAME) \
                   FROM performance_schema.variables_by_thread AS settings \
                   JOIN performance_schema.threads AS threads USING (THREAD_ID) \
                   WHERE (settings.VARIABLE_NAME = 'binlog_format' AND settings.VARIABLE_VALUE <> 'ROW') \
                   OR (settings.VARIABLE_NAME = 'sql_log_bin' AND settings.VARIABLE_VALUE = 'OFF') ORDER BY 1";
        let answers = match self.ask(Purpose::Rows, DOING, |_| sql.to_owned()).await {
            Ok((answers, _)) => answers,
            Err(DatabaseError::AccessDenied { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut odd = OddSessions::default();
        for row in answers.iter().flat_map(|answer| &answer.rows) {
            let Some(session) = row.text_at(0).and_then(|number| number.parse().ok()) else { continue };
            match row.text_at(1) {
                Some("sql_log_bin") => odd.unlogged.push(session),
                _ => odd.statements.push(session),
            }
        }
        Ok(Some(odd))
    }
}
