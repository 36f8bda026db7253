//! The server's clock alone, for those who ask nothing about its log.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{
    barrier::instant,
    database::{Database, Purpose},
    database_error::DatabaseError,
};

const DOING: &str = "a question about its clock";

/// A moment of the server's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTime {
    /// The moment.
    pub now: DateTime<Utc>,
    /// The same as the practice sees it, `YYYY-MM-DD HH:MM:SS`, cut to the second.
    pub local: String,
    /// How far that is from UTC, in seconds east of it.
    pub offset: i32,
}

impl Database {
    /// Asks for it.
    pub async fn clock(&self) -> Result<ServerTime, DatabaseError> {
        let (answers, _) = self
            // Barriers, which have the other lane to themselves, do not wait for it.
            .ask(Purpose::Rows, DOING, |facts| {
                // Both mean the start of the statement.
                format!("SELECT DATE_FORMAT(NOW(), '%Y-%m-%d %H:%i:%s'), UTC_TIMESTAMP({})", facts.clock_digits())
            })
            .await?;
        let row = answers.first().and_then(|answer| answer.rows.first());
        let local = row.and_then(|row| row.text_at(0)).map(str::to_owned);
        let now = row.and_then(|row| row.text_at(1)).and_then(instant);
        let (Some(local), Some(now)) = (local, now) else {
            return Err(self.unexpected(DOING, "its clock cannot be read"));
        };
        let shown = NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S").ok();
        let shown = shown.ok_or_else(|| self.unexpected(DOING, "its clock cannot be read"))?;
        let offset = i32::try_from(shown.and_utc().timestamp() - now.timestamp()).unwrap_or_default();
        Ok(ServerTime { now, local, offset })
    }
}
