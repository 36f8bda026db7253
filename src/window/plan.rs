//! The order in which a window's rows are sent.

use crate::packed::{Mark, Marks};

/// All rows of a closed window in the order in which they are sent.
///
/// It is made once, when the window closes, and shared by every subscription with the same stretch of log. Rows may
/// leave it afterwards, by changing again or by being deleted; none can enter it (rule W6).
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    rows: Marks,
}

impl Plan {
    /// The plan to send `rows`.
    pub fn new(rows: Marks) -> Self {
        Self { rows }
    }

    /// The rows behind `progress`, up to and including `end` where it is given.
    pub fn rows<'a>(&'a self, progress: Option<&Mark>, end: Option<&'a Mark>) -> impl Iterator<Item = Mark> + use<'a> {
        let rows = progress.map_or_else(|| self.rows.iter(), |progress| self.rows.behind(progress));
        rows.take_while(move |mark| end.is_none_or(|end| mark <= end))
    }

    /// How many rows the window had when it closed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the window had no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::RowKey;

    #[test]
    fn w4_rows_are_ordered_by_stamp_then_by_key() {
        let mark = |stamp, key| (stamp, RowKey::Int(key));
        let plan = Plan::new([mark(2, 1), mark(1, 10), mark(1, 9), mark(2, -5)].into_iter().collect());
        let rows = |progress: Option<&Mark>, end: Option<&Mark>| plan.rows(progress, end).collect::<Vec<_>>();
        assert_eq!(rows(None, None), [mark(1, 9), mark(1, 10), mark(2, -5), mark(2, 1)]);
        assert_eq!(rows(Some(&mark(1, 9)), Some(&mark(2, 0))), [mark(1, 10), mark(2, -5)]);
        assert_eq!(rows(Some(&mark(9, 9)), None), []);
        assert_eq!(rows(Some(&mark(9, 9)), Some(&mark(1, 0))), []);
    }
}
