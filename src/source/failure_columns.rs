//! The columns of `apisubscription` that tell of failures, which releases from 26 on have. The reference that we
//! know of names them without their types, so each is looked at before it is written.

use std::fmt::Write;

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::{identifier, text},
};

/// What the server is asked to do where UPDATE on `apisubscription` is needed.
pub(super) const WRITING_FAILURES: &str = "noting failures in apisubscription";

const LOOKING: &str = "questions about apisubscription";

/// Subscriptions written by one statement.
const BATCH: usize = 200;

/// As Open Dental writes that there is none.
const NEVER: &str = "0001-01-01 00:00:00";

/// Which of the columns a practice's table has, each in a type that can hold what we write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureColumns {
    last_failure: bool,
    /// The most characters that it takes.
    reason: Option<usize>,
    /// The largest number that it takes.
    failures: Option<u64>,
    next_retry: bool,
}

/// What is written of one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureNote {
    /// The subscription's ApiSubscriptionNum.
    pub num: i64,
    /// `None`: it works again. DateTimeLastFailure then stays, the others are emptied.
    pub failing: Option<Failing>,
}

/// A subscription whose events are not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// DateTimeLastFailure and DateTimeNextRetry, `YYYY-MM-DD HH:MM:SS` in the server's zone.
    pub last: String,
    /// See [`Failing::last`].
    pub next: String,
    /// FailureReason; shortened to what the column takes, and what is not ASCII replaced.
    pub reason: String,
    /// SubsequentFailures: attempts that failed in a row.
    pub failures: u64,
}

impl FailureColumns {
    const LAST_FAILURE: &str = "DateTimeLastFailure";
    const REASON: &str = "FailureReason";
    const FAILURES: &str = "SubsequentFailures";
    const NEXT_RETRY: &str = "DateTimeNextRetry";

    /// All four, as they are thought to be.
    #[cfg(test)]
    pub(crate) fn all() -> Self {
        Self { last_failure: true, reason: Some(255), failures: Some(u64::from(u32::MAX)), next_retry: true }
    }

    /// Whether the table has none of them.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes note of a column of the table.
    fn add(&mut self, name: &str, data_type: &str, characters: Option<u64>, unsigned: bool) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(Self::LAST_FAILURE) {
            self.last_failure = data_type == "datetime";
        } else if is(Self::NEXT_RETRY) {
            self.next_retry = data_type == "datetime";
        } else if is(Self::REASON) && (data_type.ends_with("char") || data_type.ends_with("text")) {
            self.reason = characters.and_then(|count| usize::try_from(count).ok());
        } else if is(Self::FAILURES) {
            let bits: u32 = match data_type {
                "tinyint" => 8,
                "smallint" => 16,
                "mediumint" => 24,
                "int" => 32,
                // As many as anybody counts to.
                "bigint" => 33,
                _ => return,
            };
            self.failures = Some((1_u64 << (bits - u32::from(!unsigned))) - 1);
        }
    }

    /// The UPDATE that writes `notes`.
    fn update(&self, notes: &[FailureNote]) -> String {
        let mut sets = Vec::with_capacity(4);
        if self.last_failure {
            sets.push(case(Self::LAST_FAILURE, notes, |failing| Some(text(&failing?.last))));
        }
        if let Some(characters) = self.reason {
            let reason = |failing: Option<&Failing>| {
                let reason = failing.map(|failing| shortened(&failing.reason, characters)).unwrap_or_default();
                Some(text(&reason))
            };
            sets.push(case(Self::REASON, notes, reason));
        }
        if let Some(most) = self.failures {
            let count = |failing: Option<&Failing>| failing.map_or(0, |failing| failing.failures.min(most)).to_string();
            sets.push(case(Self::FAILURES, notes, |failing| Some(count(failing))));
        }
        if self.next_retry {
            let next = |failing: Option<&Failing>| failing.map_or(NEVER, |failing| &failing.next).to_owned();
            sets.push(case(Self::NEXT_RETRY, notes, |failing| Some(text(&next(failing)))));
        }
        let nums: Vec<String> = notes.iter().map(|note| note.num.to_string()).collect();
        let nums = nums.join(", ");
        format!("UPDATE `apisubscription` SET {} WHERE `ApiSubscriptionNum` IN ({nums})", sets.join(", "))
    }
}

/// `column` set to what `value` says of each note; where it says nothing, the column stays as it is.
fn case(column: &str, notes: &[FailureNote], value: impl Fn(Option<&Failing>) -> Option<String>) -> String {
    let column = identifier(column);
    let mut sql = format!("{column} = CASE `ApiSubscriptionNum`");
    for note in notes {
        let value = value(note.failing.as_ref()).unwrap_or_else(|| column.clone());
        // Writing to a String cannot fail.
        let _ = write!(sql, " WHEN {} THEN {value}", note.num);
    }
    sql + &format!(" ELSE {column} END")
}

/// `reason` for a column that takes so many characters, of whatever character set.
fn shortened(reason: &str, characters: usize) -> String {
    reason
        .chars()
        .map(|letter| if letter.is_ascii_graphic() { letter } else { replacement(letter) })
        .take(characters)
        .collect()
}

fn replacement(letter: char) -> char {
    if letter.is_whitespace() { ' ' } else { '?' }
}

impl Database {
    /// Which of the columns the table has at present.
    pub async fn failure_columns(&self) -> Result<FailureColumns, DatabaseError> {
        let sql = "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, COLUMN_TYPE FROM information_schema.COLUMNS \
                   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'apisubscription'";
        let (answers, _) = self.ask(Purpose::Rows, LOOKING, |_| sql.to_owned()).await?;
        let mut columns = FailureColumns::default();
        for row in answers.first().map_or(&[][..], |answer| &answer.rows) {
            let (Some(name), Some(data_type)) = (row.text_at(0), row.text_at(1)) else {
                return Err(self.unexpected(LOOKING, "a column's name or type is missing"));
            };
            let characters = row.text_at(2).and_then(|count| count.parse().ok());
            let unsigned = row.text_at(3).is_some_and(|declared| declared.to_ascii_lowercase().contains("unsigned"));
            columns.add(name, &data_type.to_ascii_lowercase(), characters, unsigned);
        }
        Ok(columns)
    }

    /// Writes `notes` (no subscription twice) into the `columns` that there are, by one UPDATE for two hundred
    /// subscriptions. Rows that are gone are passed over.
    ///
    /// After an error some may be written and some not; calling again is safe.
    pub async fn write_failures(&self, columns: &FailureColumns, notes: &[FailureNote]) -> Result<(), DatabaseError> {
        if columns.is_empty() {
            return Ok(());
        }
        for notes in notes.chunks(BATCH) {
            let sql = columns.update(notes);
            self.ask(Purpose::Rows, WRITING_FAILURES, |_| sql.clone()).await?;
        }
        Ok(())
    }
}
