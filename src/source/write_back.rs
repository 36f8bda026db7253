//! The DateTimeStart write-back: the one place that writes to the practice's database (rule W7).

use std::collections::{BTreeMap, HashMap};

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    sql_text::text,
};

/// What the server is asked to do where UPDATE on `apisubscription` is needed.
pub(super) const WRITING_BACK: &str = "the write-back of DateTimeStart";

/// Subscriptions written by one statement.
const BATCH: usize = 1000;

/// A DateTimeStart to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// The subscription's ApiSubscriptionNum.
    pub num: i64,
    /// The DateTimeStart that was last seen in the row, as a SELECT shows it; only over this value is written.
    pub last_seen: String,
    /// The new DateTimeStart, `YYYY-MM-DD HH:MM:SS` in the server's zone.
    pub value: String,
}

/// What became of a [`WriteBack`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteBackOutcome {
    /// The row holds the new value.
    Written,
    /// The row held, and still holds, this value, which is neither the last seen nor the new one.
    Found(String),
    /// There is no such row.
    Gone,
}

impl Database {
    /// Writes `writes` (no subscription twice), by one UPDATE per new value and thousand subscriptions, each only over
    /// the value last seen. The outcomes are in the order of `writes`.
    ///
    /// After an error some may be written and some not; calling again is safe: a row that already holds the new value
    /// counts as written.
    pub async fn write_back(&self, writes: &[WriteBack]) -> Result<Vec<WriteBackOutcome>, DatabaseError> {
        let mut by_value: BTreeMap<&str, Vec<&WriteBack>> = BTreeMap::new();
        for write in writes {
            by_value.entry(&write.value).or_default().push(write);
        }
        let mut found = HashMap::new();
        for (value, writes) in by_value {
            for writes in writes.chunks(BATCH) {
                let sql = update(value, writes);
                let (answers, _) = self.ask(Purpose::Clock, WRITING_BACK, |_| sql.clone()).await?;
                let matched = answers.first().map_or(0, |answer| answer.affected);
                if usize::try_from(matched) != Ok(writes.len()) {
                    self.read_back(writes, &mut found).await?;
                } else {
                    found.extend(writes.iter().map(|write| (write.num, write.value.clone())));
                }
            }
        }
        let outcome = |write: &WriteBack| match found.remove(&write.num) {
            Some(found) if found == write.value => WriteBackOutcome::Written,
            Some(found) => WriteBackOutcome::Found(found),
            None => WriteBackOutcome::Gone,
        };
        Ok(writes.iter().map(outcome).collect())
    }

    /// Puts the DateTimeStart that the rows of `writes` hold now into `found`.
    async fn read_back(&self, writes: &[&WriteBack], found: &mut HashMap<i64, String>) -> Result<(), DatabaseError> {
        let sql = format!(
            "SELECT `ApiSubscriptionNum`, `DateTimeStart` FROM `apisubscription` WHERE `ApiSubscriptionNum` IN ({})",
            numbers(writes)
        );
        let (answers, _) = self.ask(Purpose::Clock, "reading DateTimeStart", |_| sql.clone()).await?;
        for row in answers.first().map_or(&[][..], |answer| &answer.rows) {
            let num = row.text_at(0).and_then(|num| num.parse().ok());
            let num = num.ok_or_else(|| self.unexpected("reading DateTimeStart", "ApiSubscriptionNum is no number"))?;
            // A column that an administrator made nullable holds nothing that we have seen.
            found.insert(num, row.text_at(1).unwrap_or_default().to_owned());
        }
        Ok(())
    }
}

/// The UPDATE that writes `value` to `writes`.
fn update(value: &str, writes: &[&WriteBack]) -> String {
    let mut by_last_seen: BTreeMap<&str, Vec<&WriteBack>> = BTreeMap::new();
    for write in writes {
        by_last_seen.entry(&write.last_seen).or_default().push(write);
    }
    // Compared as text: to a strict server a zero date as a literal is an error.
    let conditions = by_last_seen.iter().map(|(last_seen, writes)| {
        format!(
            "(`ApiSubscriptionNum` IN ({}) AND CAST(`DateTimeStart` AS CHAR) = {})",
            numbers(writes),
            text(last_seen)
        )
    });
    let conditions = conditions.collect::<Vec<_>>().join(" OR ");
    format!("UPDATE `apisubscription` SET `DateTimeStart` = {} WHERE {conditions}", text(value))
}

fn numbers(writes: &[&WriteBack]) -> String {
    writes.iter().map(|write| write.num.to_string()).collect::<Vec<_>>().join(", ")
}
