//! What the server replicates from others.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    text_row::TextRow,
};

const DOING: &str = "questions about its replication";

/// What the server replicates from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// Nothing, nor is it set up to.
    None,
    /// It is set up to, and stopped.
    Stopped,
    /// It does.
    Running,
}

impl Database {
    /// What the server replicates; `None` if the account may not see it.
    pub async fn replication(&self) -> Result<Option<Replication>, DatabaseError> {
        let ask = |statement: &'static str| self.ask(Purpose::Rows, DOING, move |_| statement.to_owned());
        let (_, facts) = ask("SELECT 1").await?;
        let answers = match facts.mariadb {
            true => ask("SHOW ALL SLAVES STATUS").await,
            false => match ask("SHOW REPLICA STATUS").await {
                // MySQL before 8.0.22.
                Err(error) if error.is_syntax() => ask("SHOW SLAVE STATUS").await,
                answers => answers,
            },
        };
        let answers = match answers {
            Err(DatabaseError::AccessDenied { .. }) => return Ok(None),
            answers => answers?.0,
        };
        let rows = answers.first().map(|answer| answer.rows.as_slice()).unwrap_or_default();
        let threads = ["Replica_SQL_Running", "Slave_SQL_Running", "Replica_IO_Running", "Slave_IO_Running"];
        let runs = |row: &TextRow| threads.iter().any(|name| row.text(name).is_some_and(|running| running != "No"));
        Ok(Some(match rows {
            [] => Replication::None,
            rows if rows.iter().any(runs) => Replication::Running,
            _ => Replication::Stopped,
        }))
    }
}
