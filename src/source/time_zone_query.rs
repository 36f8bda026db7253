//! Asks the server for its time zone.

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    time_zone::{Survey, TimeZone},
};

const DOING: &str = "questions about its time zone";

/// Instants asked for by one statement; the servers allow 4096 columns.
const BATCH: usize = 500;

impl Database {
    /// The zone that the practice's sessions have: the one that `mysql.time_zone` names, or for `auto` the server's.
    ///
    /// The server is asked what its clock shows at chosen instants, since its own name for its zone may be an
    /// abbreviation that many zones share.
    pub async fn time_zone(&self) -> Result<TimeZone, DatabaseError> {
        let name = self.configured_time_zone();
        if !name.is_empty() && !name.eq_ignore_ascii_case("auto") {
            return TimeZone::named(name).ok_or_else(|| DatabaseError::Configuration {
                key: "mysql.time_zone",
                reason: format!("{name} is no time zone; allowed are `auto` and names like America/New_York"),
            });
        }
        let mut survey = Survey::new();
        loop {
            let questions = survey.questions();
            if questions.is_empty() {
                return Ok(survey.finish());
            }
            let mut offsets = Vec::with_capacity(questions.len());
            for questions in questions.chunks(BATCH) {
                let columns = questions
                    .iter()
                    .map(|at| format!("TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', FROM_UNIXTIME({at})) - {at}"))
                    .collect::<Vec<_>>();
                let sql = format!("SELECT {}", columns.join(", "));
                let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
                let row = answers.first().and_then(|answer| answer.rows.first());
                for index in 0..questions.len() {
                    let offset = row.and_then(|row| row.text_at(index)).and_then(|offset| offset.parse().ok());
                    offsets.push(offset.ok_or_else(|| self.unexpected(DOING, "its clock cannot be read"))?);
                }
            }
            survey.answer(&offsets);
        }
    }
}
