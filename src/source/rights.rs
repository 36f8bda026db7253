//! Which rights the account has, found by trying: grants may come by roles and by patterns of names.

use super::{
    barrier::READING_POSITION,
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::identifier,
    write_back::WRITING_BACK,
};

const DOING: &str = "questions about the account's rights";

/// A right that the bridge may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right<'a> {
    /// To ask for the log's position and files.
    Position,
    /// To read a table's rows, with a share lock.
    Select(&'a str),
    /// To write a column of a table.
    Update(&'a str, &'a str),
    /// To add rows to a table.
    Insert(&'a str),
    /// To delete rows of a table.
    Delete(&'a str),
}

impl Right<'_> {
    /// A statement that needs the right and changes nothing, and that leaves nothing in the log either: an UPDATE of no
    /// row would be logged as a statement where the format is not ROW.
    fn statement(self) -> String {
        match self {
            Self::Position => "SHOW BINARY LOGS".to_owned(),
            Self::Select(table) => format!("SELECT 1 FROM {} LIMIT 0 LOCK IN SHARE MODE", identifier(table)),
            Self::Update(table, column) => {
                let column = identifier(column);
                format!("EXPLAIN UPDATE {} SET {column} = {column} WHERE 1 = 0", identifier(table))
            }
            Self::Insert(table) => {
                let table = identifier(table);
                format!("EXPLAIN INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0")
            }
            Self::Delete(table) => format!("EXPLAIN DELETE FROM {} WHERE 1 = 0", identifier(table)),
        }
    }
}

impl Database {
    /// Whether the account has a right; `None` if the server is too old to be asked.
    ///
    /// # Errors
    /// Any but the refusal, such as that the table is not there.
    pub async fn has_right(&self, right: Right<'_>) -> Result<Option<bool>, DatabaseError> {
        let doing = match right {
            Right::Position => READING_POSITION,
            Right::Update(..) => WRITING_BACK,
            Right::Select(_) | Right::Insert(_) | Right::Delete(_) => DOING,
        };
        match self.ask(Purpose::Rows, doing, |_| right.statement()).await {
            Ok(_) => Ok(Some(true)),
            Err(DatabaseError::AccessDenied { .. }) => Ok(Some(false)),
            // EXPLAIN of anything but SELECT came with MySQL 5.6.3 and MariaDB 10.0.
            Err(error) if error.is_syntax() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
