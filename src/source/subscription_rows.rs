//! Rows of `apisubscription` as people read and edit them, by the Subscriptions API and on the command line. What the
//! bridge writes by itself is in `write_back` and `failure_columns`.

use sha2::{Digest, Sha256};

use super::{
    database::{Database, Lent, Purpose},
    database_error::DatabaseError,
    session::{Answer, Session},
    sql_text::{identifier, text},
    text_row::TextRow,
};

const READING: &str = "reading the subscriptions";

/// What the server is asked to do where INSERT, UPDATE and DELETE on `apisubscription` are needed.
pub(super) const ADDING: &str = "adding a subscription";
pub(super) const CHANGING: &str = "changing a subscription";
pub(super) const REMOVING: &str = "removing a subscription";

/// Seconds that an edit waits for another one to end. Shorter than the time for an answer.
const LOCK_SECONDS: u32 = 10;

/// A value for a column of `apisubscription`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnValue {
    /// A text, or a date and time as `YYYY-MM-DD HH:MM:SS` in the server's zone.
    Text(String),
    /// A number.
    Number(i64),
}

/// Why the server would not keep a text as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is longer than its column.
    TooLong {
        /// The column.
        column: &'static str,
        /// The most characters that the column takes.
        most: u64,
    },
    /// It has characters that its column's character set lacks.
    Unencodable {
        /// The column.
        column: &'static str,
        /// The character set, by the server's name.
        charset: String,
    },
}

impl Database {
    /// All rows of `apisubscription`, with whatever columns there are, by number.
    pub async fn subscription_rows(&self) -> Result<Vec<TextRow>, DatabaseError> {
        let (answers, _) = self.ask(Purpose::People, READING, |_| all_rows()).await?;
        Ok(answers.into_iter().next().map(|answer| answer.rows).unwrap_or_default())
    }

    /// Begins one edit of `apisubscription`. The table has no unique key, so edits come one after the other: until
    /// this one ends, others (of this program, whatever process they are in) wait.
    ///
    /// # Errors
    /// [`DatabaseError::Locked`] if another edit does not end within ten seconds; else as any statement.
    pub async fn edit_subscriptions(&self) -> Result<SubscriptionEdit<'_>, DatabaseError> {
        let lock = lock_name(self.name());
        let sql = format!(
            "SELECT GET_LOCK('{lock}', {LOCK_SECONDS}); SELECT DATE_FORMAT(NOW(), '%Y-%m-%d %H:%i:%s'); {COLUMNS}; {}",
            all_rows()
        );
        let mut lent = self.lend(Purpose::People, READING).await?;
        let answers = loop {
            match lent.session.results(&sql, READING).await {
                Ok(answers) => break answers,
                Err(error) => lent.replace_after(error).await?,
            }
        };
        let strange = || strange(&lent.session);
        let [locked, clock, columns, rows] = <[_; 4]>::try_from(answers).map_err(|_| strange())?;
        if locked.rows.first().and_then(|row| row.text_at(0)) != Some("1") {
            return Err(DatabaseError::Locked { server: self.server().to_owned(), doing: READING });
        }
        let now = clock.rows.first().and_then(|row| row.text_at(0)).ok_or_else(strange)?.to_owned();
        let columns = columns.rows.iter().map(TableColumn::new).collect::<Option<_>>().ok_or_else(strange)?;
        Ok(SubscriptionEdit { lent, lock, now, columns, rows: rows.rows })
    }
}

/// One edit of `apisubscription`, which keeps others waiting until it is done or dropped.
pub struct SubscriptionEdit<'a> {
    lent: Lent<'a>,
    /// The server's lock by which others wait; it ends with the connection too.
    lock: String,
    now: String,
    columns: Vec<TableColumn>,
    rows: Vec<TextRow>,
}

impl<'a> SubscriptionEdit<'a> {
    /// The rows as they are, by number.
    pub fn rows(&self) -> &[TextRow] {
        &self.rows
    }

    /// The server's clock, `YYYY-MM-DD HH:MM:SS` in its zone.
    pub fn now(&self) -> &str {
        &self.now
    }

    /// The texts among `values` that the server would cut off or change: it may do so without a word.
    pub async fn misfits(&mut self, values: &[(&'static str, ColumnValue)]) -> Result<Vec<Misfit>, DatabaseError> {
        let (mut misfits, mut converted, mut questions) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in values {
            let (ColumnValue::Text(value), Some(column)) = (value, self.column(name)) else { continue };
            if let Some(most) = column.characters.filter(|most| value.chars().count() as u64 > *most) {
                misfits.push(Misfit::TooLong { column: name, most });
            }
            if let Some(charset) = &column.charset {
                questions.push(format!("HEX(CONVERT(CONVERT({} USING {charset}) USING utf8mb4))", text(value)));
                converted.push((*name, hex::encode_upper(value), charset.clone()));
            }
        }
        if !questions.is_empty() {
            let answer = self.lent.session.rows(&format!("SELECT {}", questions.join(", ")), READING).await?;
            let answer = answer.first().ok_or_else(|| strange(&self.lent.session))?;
            for (index, (column, bytes, charset)) in converted.into_iter().enumerate() {
                if answer.text_at(index) != Some(bytes.as_str()) {
                    misfits.push(Misfit::Unencodable { column, charset });
                }
            }
        }
        Ok(misfits)
    }

    /// Adds a row of these values and returns it. Columns without a value get their default, or what stands for none.
    pub async fn insert(self, values: &[(&'static str, ColumnValue)]) -> Result<TextRow, DatabaseError> {
        let given = |column: &TableColumn| values.iter().any(|(name, _)| column.is(name));
        let mut names: Vec<String> = values.iter().map(|(name, _)| identifier(name)).collect();
        let mut literals: Vec<String> = values.iter().map(|(_, value)| literal(value)).collect();
        for column in self.columns.iter().filter(|column| column.needs_value && !given(column)) {
            names.push(identifier(&column.name));
            literals.push(column.blank().to_owned());
        }
        let sql = format!(
            "INSERT INTO {TABLE} ({}) VALUES ({}); SELECT * FROM {TABLE} WHERE {KEY} = LAST_INSERT_ID()",
            names.join(", "),
            literals.join(", ")
        );
        let (answers, database) = self.finish(&sql, ADDING).await?;
        first_row(answers).ok_or_else(|| database.unexpected(ADDING, "the new row is not there"))
    }

    /// Sets these values in row `num` and returns the row; `None`: there is no such row.
    pub async fn update(
        self,
        num: i64,
        values: &[(&'static str, ColumnValue)],
    ) -> Result<Option<TextRow>, DatabaseError> {
        let sets: Vec<String> =
            values.iter().map(|(name, value)| format!("{} = {}", identifier(name), literal(value))).collect();
        let read = format!("SELECT * FROM {TABLE} WHERE {KEY} = {num}");
        let sql = match sets.is_empty() {
            true => read,
            false => format!("UPDATE {TABLE} SET {} WHERE {KEY} = {num}; {read}", sets.join(", ")),
        };
        let (answers, _) = self.finish(&sql, CHANGING).await?;
        Ok(first_row(answers))
    }

    /// Deletes row `num`; false: there is no such row.
    pub async fn delete(self, num: i64) -> Result<bool, DatabaseError> {
        let (answers, _) = self.finish(&format!("DELETE FROM {TABLE} WHERE {KEY} = {num}"), REMOVING).await?;
        Ok(answers.first().is_some_and(|answer| answer.affected > 0))
    }

    /// Ends the edit with nothing done.
    pub async fn give_up(self) -> Result<(), DatabaseError> {
        self.finish("DO 0", READING).await.map(drop)
    }

    /// Sends the edit's last statements and lets others begin.
    async fn finish(mut self, sql: &str, doing: &'static str) -> Result<(Vec<Answer>, &'a Database), DatabaseError> {
        let sql = format!("{sql}; DO RELEASE_LOCK('{}')", self.lock);
        let answers = self.lent.session.results(&sql, doing).await?;
        let database = self.lent.database();
        self.lent.give_back();
        Ok((answers, database))
    }

    fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.is(name))
    }
}

const TABLE: &str = "`apisubscription`";
const KEY: &str = "`ApiSubscriptionNum`";

const COLUMNS: &str = "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, CHARACTER_SET_NAME, \
    IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL AND EXTRA = '' FROM information_schema.COLUMNS \
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'apisubscription'";

/// A column as the table has it.
struct TableColumn {
    name: String,
    data_type: String,
    /// The most characters that it takes; `None` for columns that hold no text.
    characters: Option<u64>,
    charset: Option<String>,
    /// Whether an INSERT must give a value.
    needs_value: bool,
}

impl TableColumn {
    /// The column in a row of [`COLUMNS`].
    fn new(row: &TextRow) -> Option<Self> {
        let charset = row.text_at(3).filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        Some(Self {
            name: row.text_at(0)?.to_owned(),
            data_type: row.text_at(1)?.to_ascii_lowercase(),
            characters: row.text_at(2).and_then(|count| count.parse().ok()),
            charset: charset.map(str::to_owned),
            needs_value: row.text_at(4) == Some("1"),
        })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The literal that stands for no value.
    fn blank(&self) -> &'static str {
        match self.data_type.as_str() {
            "datetime" => "'0001-01-01 00:00:00'",
            "date" => "'0001-01-01'",
            "timestamp" => "CURRENT_TIMESTAMP",
            name if name.contains("char") || name.contains("text") || name.contains("blob") => "''",
            _ => "0",
        }
    }
}

/// The first row that any of the statements returned.
fn first_row(answers: Vec<Answer>) -> Option<TextRow> {
    answers.into_iter().find_map(|answer| answer.rows.into_iter().next())
}

fn all_rows() -> String {
    format!("SELECT * FROM {TABLE} ORDER BY {KEY}")
}

fn literal(value: &ColumnValue) -> String {
    match value {
        ColumnValue::Text(value) => text(value),
        ColumnValue::Number(number) => number.to_string(),
    }
}

/// The lock's name is the server's, not the database's, and is 64 characters long at most.
fn lock_name(database: &str) -> String {
    let digest = hex::encode(Sha256::digest(database));
    format!("opendental-cdc {}", digest.get(..32).unwrap_or_default())
}

fn strange(session: &Session) -> DatabaseError {
    session.unexpected(READING, "a part of the answer is missing")
}
