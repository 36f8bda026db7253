//! The order in which a window's rows are sent.

use crate::row::RowKey;

/// A row's place in its window: its time stamp in microseconds UTC, then its primary key (rule W4).
pub type Mark = (i64, RowKey);

/// All rows of a closed window in the order in which they are sent.
///
/// It is made once, when the window closes, and shared by every subscription with the same stretch of log. Rows may
/// leave it afterwards, by changing again or by being deleted; none can enter it (rule W6).
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    rows: Vec<Mark>,
}

impl Plan {
    /// Orders `rows`.
    pub fn new(mut rows: Vec<Mark>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        Self { rows }
    }

    /// The rows behind `progress`, up to and including `end` where it is given.
    pub fn rows(&self, progress: Option<&Mark>, end: Option<&Mark>) -> &[Mark] {
        let start = progress.map_or(0, |progress| self.rows.partition_point(|mark| mark <= progress));
        let stop = end.map_or(self.rows.len(), |end| self.rows.partition_point(|mark| mark <= end));
        self.rows.get(start..stop).unwrap_or_default()
    }

    /// How many rows the window had when it closed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the window had no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w4_rows_are_ordered_by_stamp_then_by_key() {
        let mark = |stamp, key| (stamp, RowKey::Int(key));
        let plan = Plan::new(vec![mark(2, 1), mark(1, 10), mark(1, 9), mark(2, -5)]);
        assert_eq!(plan.rows(None, None), [mark(1, 9), mark(1, 10), mark(2, -5), mark(2, 1)]);
        assert_eq!(plan.rows(Some(&mark(1, 9)), Some(&mark(2, 0))), [mark(1, 10), mark(2, -5)]);
        assert_eq!(plan.rows(Some(&mark(9, 9)), None), []);
        assert_eq!(plan.rows(Some(&mark(9, 9)), Some(&mark(1, 0))), []);
    }
}
