//! The machines on which Open Dental runs.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
};

const DOING: &str = "questions about the practice's computers";

/// A row of the table `computer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computer {
    /// The machine's name.
    pub name: String,
    /// Whether Open Dental said within the last ten minutes that it runs there; it does so every few minutes.
    pub runs: bool,
}

impl Database {
    /// All of them.
    pub async fn computers(&self) -> Result<Vec<Computer>, DatabaseError> {
        let sql = "SELECT CompName, LastHeartBeat > NOW() - INTERVAL 10 MINUTE FROM `computer`";
        let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.to_owned()).await?;
        let rows = answers.first().map(|answer| answer.rows.as_slice()).unwrap_or_default();
        let computer = |name: &str, runs| Computer { name: name.to_owned(), runs };
        Ok(rows.iter().filter_map(|row| Some(computer(row.text_at(0)?, row.text_at(1) == Some("1")))).collect())
    }
}
