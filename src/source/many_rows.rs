//! Many rows in one statement that waits for none of them: how it is written, and which row is which.

use std::{collections::HashMap, fmt::Write};

use super::{
    session::Facts,
    sql_text::{identifier, key_is, text},
    text_row::TextRow,
};
use crate::row::{KeyPart, Row, RowKey};

/// How a server reads many rows with share locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// This clause lets it pass over rows that are locked, or answer that there are such.
    Never(&'static str),
    /// It knows no way but to wait for each, with the locks that it has got so far.
    ForRows,
}

/// What a SELECT ends with that takes share locks and waits for none (manual pages "SKIP LOCKED" and "WAIT and NOWAIT" of
/// MariaDB, "Locking Reads" of MySQL).
pub(super) fn lock_clause(facts: &Facts) -> Wait {
    match (facts.mariadb, facts.version) {
        (true, (10, 6.., _) | (11.., _, _)) => Wait::Never(" LOCK IN SHARE MODE SKIP LOCKED"),
        (true, (10, 3.., _)) => Wait::Never(" LOCK IN SHARE MODE NOWAIT"),
        // Before 8.0.22 this form needs more rights than SELECT.
        (false, (8, 0, 22..) | (8, 1.., _) | (9.., _, _)) => Wait::Never(" FOR SHARE SKIP LOCKED"),
        _ => Wait::ForRows,
    }
}

/// The query that tells a table's engine.
pub(super) fn engine_query(table: &str) -> String {
    let name = text(table);
    format!("SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = {name}")
}

/// Keys that one statement asks for.
pub(super) struct ManyKeys {
    condition: String,
    count: usize,
    told_by: ToldBy,
}

/// Which row is which.
enum ToldBy {
    /// Their keys are whole numbers, which no collation takes for another: where each key stands, by its numbers.
    Numbers { columns: Vec<String>, places: HashMap<Vec<i128>, usize> },
    /// The server tells, in a column behind the others, which key it took the row's for: texts have as many forms as their
    /// collation lets them have.
    Server { column: String },
}

impl ManyKeys {
    /// `None` if the keys do not fit the table's primary key.
    pub(super) fn new<S: AsRef<str>>(columns: &[S], keys: &[RowKey]) -> Option<Self> {
        Self::numbers(columns, keys).or_else(|| Self::others(columns, keys))
    }

    fn others<S: AsRef<str>>(columns: &[S], keys: &[RowKey]) -> Option<Self> {
        let each = keys.iter().map(|key| key_is(columns, key)).collect::<Option<Vec<_>>>()?;
        let condition = each.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" OR ");
        let mut column = "CASE".to_owned();
        for (index, one) in each.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(column, " WHEN {one} THEN {index}");
        }
        column.push_str(" END");
        Some(Self { condition, count: keys.len(), told_by: ToldBy::Server { column } })
    }

    /// `None` if the keys are not whole numbers, or do not fit the table's primary key.
    pub(super) fn numbers<S: AsRef<str>>(columns: &[S], keys: &[RowKey]) -> Option<Self> {
        let mut places = HashMap::with_capacity(keys.len());
        let mut each = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let numbers = whole_numbers(key)?;
            each.push(match (columns, numbers.as_slice()) {
                ([_], [number]) => number.to_string(),
                _ => format!("({})", key_is(columns, key)?),
            });
            // A key that stands there twice is read one by one.
            if places.insert(numbers, index).is_some() {
                return None;
            }
        }
        let condition = match columns {
            [column] => format!("{} IN ({})", identifier(column.as_ref()), each.join(", ")),
            _ => each.join(" OR "),
        };
        let columns = columns.iter().map(|name| name.as_ref().to_owned()).collect();
        Some(Self { condition, count: keys.len(), told_by: ToldBy::Numbers { columns, places } })
    }

    /// What the statement asks for, where these columns are wanted.
    pub(super) fn columns(&self, wanted: &str) -> String {
        match &self.told_by {
            ToldBy::Numbers { .. } => wanted.to_owned(),
            ToldBy::Server { column } => format!("{wanted}, {column}"),
        }
    }

    /// The condition that a row has one of the keys.
    pub(super) fn condition(&self) -> &str {
        &self.condition
    }

    /// A place for each key, with its row if that is among `rows`; `None` if it cannot be told which row is which.
    pub(super) fn in_order(&self, rows: Vec<TextRow>) -> Option<Vec<Option<TextRow>>> {
        let mut ordered: Vec<Option<TextRow>> = Vec::new();
        ordered.resize_with(self.count, || None);
        let (mut key_columns, mut wanted) = (None, None);
        for row in rows {
            let (place, row) = match &self.told_by {
                ToldBy::Numbers { columns, places } => {
                    let columns = match &key_columns {
                        Some(columns) => columns,
                        None => key_columns.insert(columns_in(&row, columns)?),
                    };
                    let number = |index: &usize| row.text_at(*index)?.parse().ok();
                    let key = columns.iter().map(number).collect::<Option<Vec<i128>>>()?;
                    (*places.get(&key)?, row)
                }
                ToldBy::Server { .. } => {
                    let (row, place) = row.without_last(&mut wanted)?;
                    (place.parse().ok()?, row)
                }
            };
            // Two rows for one key are read one by one.
            if ordered.get_mut(place)?.replace(row).is_some() {
                return None;
            }
        }
        Some(ordered)
    }
}

/// Where the key's columns are in a row.
fn columns_in(row: &TextRow, columns: &[String]) -> Option<Vec<usize>> {
    let place = |wanted: &String| row.columns().iter().position(|name| name.eq_ignore_ascii_case(wanted));
    columns.iter().map(place).collect()
}

fn whole_numbers(key: &RowKey) -> Option<Vec<i128>> {
    match key {
        RowKey::Int(number) => Some(vec![i128::from(*number)]),
        RowKey::UInt(number) => Some(vec![i128::from(*number)]),
        RowKey::Columns(parts) => parts
            .iter()
            .map(|part| match part {
                KeyPart::Int(number) => Some(i128::from(*number)),
                KeyPart::UInt(number) => Some(i128::from(*number)),
                KeyPart::Text(_) | KeyPart::Bytes(_) => None,
            })
            .collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn facts(mariadb: bool, version: (u16, u16, u16)) -> Facts {
        Facts { mariadb, version, ..Facts::default() }
    }

    #[test]
    fn r9_each_server_is_asked_in_a_way_that_waits_for_nobody_or_row_by_row() {
        for (mariadb, version, clause) in [
            (true, (10, 2, 44), None),
            (true, (10, 5, 29), Some("NOWAIT")),
            (true, (10, 11, 6), Some("SKIP LOCKED")),
            (true, (11, 8, 1), Some("SKIP LOCKED")),
            (false, (5, 6, 51), None),
            (false, (8, 0, 21), None),
            (false, (8, 0, 22), Some("FOR SHARE SKIP LOCKED")),
            (false, (8, 4, 0), Some("FOR SHARE SKIP LOCKED")),
            (false, (9, 7, 0), Some("FOR SHARE SKIP LOCKED")),
        ] {
            match (lock_clause(&facts(mariadb, version)), clause) {
                (Wait::Never(found), Some(expected)) => assert!(found.ends_with(expected), "{version:?}"),
                (found, expected) => assert_eq!((found, expected), (Wait::ForRows, None), "{version:?}"),
            }
        }
    }

    #[test]
    fn r6_whole_numbers_tell_their_rows_and_of_other_keys_the_server_does() {
        let pair = |one, two| RowKey::Columns(Box::new([KeyPart::Int(one), KeyPart::UInt(two)]));
        let many = ManyKeys::new(&["a", "b"], &[pair(1, 2), pair(-1, 2)]).unwrap();
        assert_eq!(many.condition(), "(`a` = 1 AND `b` = 2) OR (`a` = -1 AND `b` = 2)");
        let many = ManyKeys::new(&["a"], &[RowKey::Int(-3), RowKey::UInt(u64::MAX)]).unwrap();
        assert_eq!(many.condition(), "`a` IN (-3, 18446744073709551615)");
        assert!(ManyKeys::new(&["a"], &[pair(1, 2)]).is_none());
        assert!(ManyKeys::numbers(&["a"], &[RowKey::Int(1), RowKey::Int(1)]).is_none());
        let text = |text: &str| RowKey::Columns(Box::new([KeyPart::Text(text.into())]));
        assert!(ManyKeys::numbers(&["a"], &[RowKey::Int(1), text("x")]).is_none());
        let many = ManyKeys::new(&["a"], &[text("x"), text("y")]).unwrap();
        assert_eq!(many.condition(), "(`a` = _utf8mb4 X'78') OR (`a` = _utf8mb4 X'79')");
        let told = "*, CASE WHEN `a` = _utf8mb4 X'78' THEN 0 WHEN `a` = _utf8mb4 X'79' THEN 1 END";
        assert_eq!(many.columns("*"), told);
    }
}
