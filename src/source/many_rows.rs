//! Many rows in one statement that waits for none of them: how it is written, and which row is which.

use std::collections::HashMap;

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

/// Keys that one statement asks for. They are whole numbers, which no collation takes for another.
pub(super) struct ManyKeys {
    columns: Vec<String>,
    condition: String,
    /// Where each key stands, by its numbers.
    places: HashMap<Vec<i128>, usize>,
}

impl ManyKeys {
    /// `None` if the keys are not whole numbers, or do not fit the table's primary key.
    pub(super) fn new<S: AsRef<str>>(columns: &[S], keys: &[RowKey]) -> Option<Self> {
        let mut places = HashMap::with_capacity(keys.len());
        let mut each = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let numbers = numbers(key)?;
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
        Some(Self { columns: columns.iter().map(|name| name.as_ref().to_owned()).collect(), condition, places })
    }

    /// The condition that a row has one of the keys.
    pub(super) fn condition(&self) -> &str {
        &self.condition
    }

    /// A place for each key, with its row if that is among `rows`; `None` if it cannot be told which row is which.
    pub(super) fn in_order(&self, rows: Vec<TextRow>) -> Option<Vec<Option<TextRow>>> {
        let mut ordered: Vec<Option<TextRow>> = Vec::new();
        ordered.resize_with(self.places.len(), || None);
        let mut columns: Option<Vec<usize>> = None;
        for row in rows {
            let columns = match &columns {
                Some(columns) => columns,
                None => columns.insert(self.columns_in(&row)?),
            };
            let key = columns.iter().map(|index| row.text_at(*index)?.parse().ok()).collect::<Option<Vec<i128>>>()?;
            *ordered.get_mut(*self.places.get(&key)?)? = Some(row);
        }
        Some(ordered)
    }

    /// Where the key's columns are in a row.
    fn columns_in(&self, row: &TextRow) -> Option<Vec<usize>> {
        let place = |wanted: &String| row.columns().iter().position(|name| name.eq_ignore_ascii_case(wanted));
        self.columns.iter().map(place).collect()
    }
}

fn numbers(key: &RowKey) -> Option<Vec<i128>> {
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
    fn only_whole_numbers_are_asked_for_together() {
        let pair = |one, two| RowKey::Columns(Box::new([KeyPart::Int(one), KeyPart::UInt(two)]));
        let many = ManyKeys::new(&["a", "b"], &[pair(1, 2), pair(-1, 2)]).unwrap();
        assert_eq!(many.condition(), "(`a` = 1 AND `b` = 2) OR (`a` = -1 AND `b` = 2)");
        let many = ManyKeys::new(&["a"], &[RowKey::Int(-3), RowKey::UInt(u64::MAX)]).unwrap();
        assert_eq!(many.condition(), "`a` IN (-3, 18446744073709551615)");
        assert!(ManyKeys::new(&["a"], &[pair(1, 2)]).is_none());
        assert!(ManyKeys::new(&["a"], &[RowKey::Int(1), RowKey::Int(1)]).is_none());
        let text = RowKey::Columns(Box::new([KeyPart::Text("x".into())]));
        assert!(ManyKeys::new(&["a"], &[RowKey::Int(1), text]).is_none());
    }
}
