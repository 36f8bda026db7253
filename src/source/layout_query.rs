//! A table's columns, asked of the server.

use std::collections::HashMap;

use super::{
    barrier::log_end,
    database::{Database, Purpose},
    database_error::DatabaseError,
    declared_column::DeclaredColumn,
    error::SourceError,
    layout::{DeclaredLayout, LayoutReader},
    session::Session,
    sql_text::{identifier, text},
    text_row::TextRow,
};
use crate::binlog::LogPoint;

const DOING: &str = "questions about a table's columns";

impl LayoutReader for Database {
    async fn layout(&self, table: &str) -> Result<Option<(DeclaredLayout, LogPoint)>, SourceError> {
        Ok(self.table_layout(table).await?)
    }
}

impl Database {
    /// The layout of `table` of the practice's database (`None`: there is no such table) and a point of the log: no
    /// statement behind the point has changed the table's columns, and every one before it is in the layout.
    pub async fn table_layout(&self, table: &str) -> Result<Option<(DeclaredLayout, LogPoint)>, DatabaseError> {
        let mut lent = self.lend(Purpose::Rows, DOING).await?;
        loop {
            match layout_in(&mut lent.session, self.name(), table, self.server()).await {
                Ok(layout) => {
                    lent.session.execute("ROLLBACK", DOING).await?;
                    lent.give_back();
                    return Ok(layout);
                }
                Err(error) => lent.replace_after(error).await?,
            }
        }
    }
}

async fn layout_in(
    session: &mut Session,
    schema: &str,
    table: &str,
    server: &str,
) -> Result<Option<(DeclaredLayout, LogPoint)>, DatabaseError> {
    // A statement that reads the table holds its metadata lock until the transaction ends, and DDL keeps that lock
    // until it is in the log: none can come between the layout and the point.
    let hold = format!("START TRANSACTION; SELECT 1 FROM {} LIMIT 0", identifier(table));
    match session.execute(&hold, DOING).await {
        Err(DatabaseError::Missing { .. }) => return Ok(None),
        result => result?,
    }
    let (schema_text, table_text) = (text(schema), text(table));
    let here = format!("TABLE_SCHEMA = {schema_text} AND TABLE_NAME = {table_text}");
    let columns = format!(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, {}, \
         COLLATION_NAME FROM information_schema.COLUMNS WHERE {here} ORDER BY ORDINAL_POSITION",
        // MySQL 5.6.4 and MariaDB 5.3 brought fractions of a second, MySQL's column for them included.
        if session.facts.clock_digits().is_empty() { "0" } else { "DATETIME_PRECISION" },
    );
    let key = format!(
        "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE {here} AND INDEX_NAME = 'PRIMARY' \
         ORDER BY SEQ_IN_INDEX"
    );
    let engine = format!(
        "SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e \
         ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = {schema_text} AND t.TABLE_NAME = {table_text}"
    );
    // MariaDB 10.10 and later list the ids of collations that serve several character sets only here (manual page
    // "Information Schema COLLATION_CHARACTER_SET_APPLICABILITY Table").
    let collations = match session.facts.mariadb && session.facts.version >= (10, 10, 1) {
        true => {
            "SELECT FULL_COLLATION_NAME, ID FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY \
             WHERE ID IS NOT NULL"
        }
        false => "SELECT COLLATION_NAME, ID FROM information_schema.COLLATIONS WHERE ID IS NOT NULL",
    };
    let answers = session.results(&format!("{columns}; {key}; {engine}; {collations}"), DOING).await?;
    let point = log_end(session, server).await?;
    let [columns, key, engine, collations] = answers.as_slice() else {
        return Err(session.unexpected(DOING, "an answer is missing"));
    };
    let collations: HashMap<&str, u32> =
        collations.rows.iter().filter_map(|row| Some((row.text_at(0)?, row.text_at(1)?.parse().ok()?))).collect();
    let columns: Option<Vec<DeclaredColumn>> = columns.rows.iter().map(|row| column(row, &collations)).collect();
    let columns = columns.ok_or_else(|| session.unexpected(DOING, "a column's name or type is missing"))?;
    let mut primary_key = Vec::new();
    for row in &key.rows {
        let index = row.text_at(0).and_then(|name| columns.iter().position(|column| *column.name == *name));
        primary_key.push(index.ok_or_else(|| session.unexpected(DOING, "a column of the key is missing"))?);
    }
    let transactional = engine.rows.first().and_then(|row| row.text_at(0)) == Some("YES");
    let (schema, table) = (schema.to_owned(), table.to_owned());
    Ok(Some((DeclaredLayout { schema, table, columns, primary_key, transactional }, point)))
}

/// The column in a row of the first statement of [`layout_in`].
fn column(row: &TextRow, collations: &HashMap<&str, u32>) -> Option<DeclaredColumn> {
    let number = |index| row.text_at(index).and_then(|number| number.parse().ok());
    Some(DeclaredColumn {
        name: row.text_at(0)?.into(),
        data_type: row.text_at(1)?.to_ascii_lowercase().into(),
        column_type: row.text_at(2)?.into(),
        octet_length: number(3),
        precision: number(4),
        scale: number(5),
        fraction: number(6),
        collation: row.text_at(7).and_then(|name| collations.get(name)).copied(),
    })
}
