//! Rows read by primary key when they are sent (rules R6, R9).

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    many_rows::{ManyKeys, Wait, engine_query, lock_clause},
    session::Facts,
    sql_text::{identifier, identifiers, key_is},
    text_row::TextRow,
};
use crate::row::RowKey;

const DOING: &str = "reading a row by its key";

/// Rows read in one go.
const BATCH: usize = 100;

/// A share lock that is waited for. This form is understood by every server and needs no right but SELECT.
const SHARE_LOCK: &str = " LOCK IN SHARE MODE";

/// What is read, of which table.
struct Wanted<'a, S> {
    /// The table's name.
    table: &'a str,
    /// The columns, as a SELECT names them.
    columns: String,
    key_columns: &'a [S],
}

impl<S> Wanted<'_, S> {
    /// `SELECT`, the columns and the table.
    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.columns, identifier(self.table))
    }
}

/// Rows in the order of their keys, as far as they were read.
#[derive(Default)]
struct Read {
    rows: Vec<Option<TextRow>>,
    bytes: usize,
    largest: usize,
}

impl Read {
    fn push(&mut self, row: Option<TextRow>) {
        let size = row.as_ref().map_or(0, TextRow::bytes);
        (self.bytes, self.largest) = (self.bytes + size, self.largest.max(size));
        self.rows.push(row);
    }

    /// How many rows to ask for next: what does not fit into `most` bytes is read in vain.
    fn batch(&self, most: usize) -> usize {
        // How large the rows are is seen by the first.
        let fit = if self.rows.is_empty() { 1 } else { most.saturating_sub(self.bytes) / self.largest.max(1) };
        fit.clamp(1, BATCH)
    }
}

impl Database {
    /// The row of `table` whose `key_columns` hold `key`, as it is now: `columns` in this order (all, if there are
    /// none), with values as the practice sees them; `None` if there is none.
    ///
    /// The read takes a share lock: it waits for a transaction that is in the log and not yet in the table, and
    /// answers [`DatabaseError::Locked`] if that takes too long.
    pub async fn row_by_key<S: AsRef<str> + Sync, C: AsRef<str> + Sync>(
        &self,
        table: &str,
        key_columns: &[S],
        columns: &[C],
        key: &RowKey,
    ) -> Result<Option<TextRow>, DatabaseError> {
        let rows = self.rows_by_keys(table, key_columns, columns, std::slice::from_ref(key), usize::MAX).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// As [`Database::row_by_key`] for each of `keys`, in their order.
    ///
    /// Many rows are read by one statement, which waits for nobody, so that while it waits for one row it holds no lock
    /// on others. Those that it does not find, for they are locked or gone, are read in statements of their own.
    ///
    /// Stops behind the row with which they take more than `most` bytes, so that the last keys may be left out.
    pub async fn rows_by_keys<S: AsRef<str> + Sync, C: AsRef<str> + Sync>(
        &self,
        table: &str,
        key_columns: &[S],
        columns: &[C],
        keys: &[RowKey],
        most: usize,
    ) -> Result<Vec<Option<TextRow>>, DatabaseError> {
        let columns = if columns.is_empty() { "*".to_owned() } else { identifiers(columns) };
        let wanted = Wanted { table, columns, key_columns };
        let (mut read, mut together) = (Read::default(), keys.len() > 1);
        while read.rows.len() < keys.len() && read.bytes <= most {
            let left = keys.get(read.rows.len()..).unwrap_or_default();
            let batch = left.get(..read.batch(most)).unwrap_or(left);
            if together && batch.len() > 1 {
                together = self.read_together(&wanted, batch, &mut read, most).await?;
            } else {
                self.read_one_by_one(&wanted, batch, &mut read, most).await?;
            }
        }
        Ok(read.rows)
    }

    /// Which of `keys` are in `table`, as far as is committed: nobody is waited for.
    pub async fn which_exist<S: AsRef<str> + Sync>(
        &self,
        table: &str,
        key_columns: &[S],
        keys: &[RowKey],
    ) -> Result<Vec<bool>, DatabaseError> {
        let select = format!("SELECT {} FROM {} WHERE ", identifiers(key_columns), identifier(table));
        let mut exist = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            // Of keys that are no numbers, two may be one to the server.
            if let Some(many) = ManyKeys::numbers(key_columns, batch) {
                let sql = format!("{select}{}", many.condition());
                let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
                let rows = answers.into_iter().next().map(|answer| answer.rows).unwrap_or_default();
                let rows = many.in_order(rows).ok_or_else(|| self.unexpected(DOING, "a row that was not asked for"))?;
                exist.extend(rows.iter().map(Option::is_some));
                continue;
            }
            let conditions = batch.iter().map(|key| key_is(key_columns, key)).collect::<Option<Vec<_>>>();
            let conditions =
                conditions.ok_or_else(|| self.unexpected(DOING, "the key does not fit the table's primary key"))?;
            let sql = conditions.iter().map(|condition| format!("{select}{condition}")).collect::<Vec<_>>().join("; ");
            let (answers, _) = self.ask(Purpose::Rows, DOING, |_| sql.clone()).await?;
            exist.extend(answers.iter().map(|answer| !answer.rows.is_empty()));
        }
        if exist.len() != keys.len() {
            return Err(self.unexpected(DOING, "an answer is missing"));
        }
        Ok(exist)
    }

    /// Reads the rows of `keys` by one statement, and those that it does not find by statements of their own. Returns
    /// whether more should be read in this way.
    async fn read_together<S: AsRef<str> + Sync>(
        &self,
        wanted: &Wanted<'_, S>,
        keys: &[RowKey],
        read: &mut Read,
        most: usize,
    ) -> Result<bool, DatabaseError> {
        let Some(many) = ManyKeys::new(wanted.key_columns, keys) else { return Ok(false) };
        let rows = match self.rows_without_waiting(wanted, &many, most.saturating_sub(read.bytes)).await {
            Ok(Some(rows)) => rows,
            Ok(None) => return Ok(false),
            // With NOWAIT one row that is locked is enough.
            Err(DatabaseError::Locked { .. }) => {
                self.read_one_by_one(wanted, keys, read, most).await?;
                return Ok(true);
            }
            // Whatever it is that the server does not take (the key may be gone), reading one by one tells.
            Err(DatabaseError::Server { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some(found) = many.in_order(rows) else { return Ok(false) };
        let missing: Vec<RowKey> =
            keys.iter().zip(&found).filter(|(_, row)| row.is_none()).map(|(key, _)| key.clone()).collect();
        let mut others = Read::default();
        self.read_one_by_one(wanted, &missing, &mut others, most).await?;
        let mut others = others.rows.into_iter();
        for row in found {
            if read.bytes > most {
                break;
            }
            match row {
                Some(row) => read.push(Some(row)),
                None => match others.next() {
                    Some(row) => read.push(row),
                    // There was no room for it.
                    None => return Ok(false),
                },
            }
        }
        Ok(true)
    }

    /// The rows of `many` that no other transaction holds; `None` if this server cannot tell them without waiting for
    /// the others, or they take more than `most` bytes.
    async fn rows_without_waiting<S: AsRef<str> + Sync>(
        &self,
        wanted: &Wanted<'_, S>,
        many: &ManyKeys,
        most: usize,
    ) -> Result<Option<Vec<TextRow>>, DatabaseError> {
        let (columns, table) = (many.columns(&wanted.columns), identifier(wanted.table));
        let statement = |clause: &str| {
            format!("SELECT {columns} FROM {table} FORCE INDEX (PRIMARY) WHERE {}{clause}", many.condition())
        };
        let ask = |facts: &Facts| match lock_clause(facts) {
            Wait::Never(clause) => statement(clause),
            Wait::ForRows => engine_query(wanted.table),
        };
        let (mut answers, facts) = self.ask_within(Purpose::Rows, DOING, most, ask).await?;
        if matches!(lock_clause(&facts), Wait::ForRows) {
            let engine = answers.first().and_then(|answer| answer.rows.first()).and_then(|row| row.text_at(0));
            if !engine.is_some_and(locks_whole_tables) {
                return Ok(None);
            }
            (answers, _) = self.ask_within(Purpose::Rows, DOING, most, |_| statement(SHARE_LOCK)).await?;
        }
        let rows = answers.into_iter().next().map(|answer| answer.rows).unwrap_or_default();
        let bytes: usize = rows.iter().map(TextRow::bytes).sum();
        Ok((bytes <= most).then_some(rows))
    }

    /// Reads each row in a statement of its own, so that no lock is held longer than it takes to read one row.
    async fn read_one_by_one<S: AsRef<str> + Sync>(
        &self,
        wanted: &Wanted<'_, S>,
        keys: &[RowKey],
        read: &mut Read,
        most: usize,
    ) -> Result<(), DatabaseError> {
        if keys.is_empty() || read.bytes > most {
            return Ok(());
        }
        let select = wanted.select();
        let mut sql = String::with_capacity(keys.len() * (select.len() + 64));
        for key in keys {
            let condition = key_is(wanted.key_columns, key)
                .ok_or_else(|| self.unexpected(DOING, "the key does not fit the table's primary key"))?;
            let semicolon = if sql.is_empty() { "" } else { "; " };
            sql.extend([semicolon, &select, " WHERE ", &condition, SHARE_LOCK]);
        }
        let (answers, _) = self.ask_within(Purpose::Rows, DOING, most - read.bytes, |_| sql.clone()).await?;
        let answered = answers.len();
        for answer in answers {
            read.push(answer.rows.into_iter().next());
        }
        if answered < keys.len() && read.bytes <= most {
            return Err(self.unexpected(DOING, "an answer is missing"));
        }
        Ok(())
    }
}

/// Whether the engine locks no rows: whoever reads waits for the table at the start and then for nobody.
fn locks_whole_tables(engine: &str) -> bool {
    ["MyISAM", "Aria", "MEMORY"].iter().any(|known| engine.eq_ignore_ascii_case(known))
}
