//! Which layout of one table holds where in the log (rule R5).

use std::{collections::BTreeMap, sync::Arc};

use super::layout::{DeclaredLayout, KnownLayout};
use crate::binlog::LogPoint;

/// One table's layouts by the places from which they hold: where its columns were changed, or its reading began.
///
/// A log that is read again, after a restart or over a change of columns under lag, is then read as it was written.
#[derive(Debug, Default)]
pub(super) struct History {
    /// `None`: what holds from there on is not known.
    stretches: BTreeMap<LogPoint, Option<Arc<DeclaredLayout>>>,
    /// Where the stretch that is being read begins.
    since: LogPoint,
}

impl History {
    /// What is `known` of a table whose log is read from `start` on.
    pub(super) fn new<'a>(start: LogPoint, known: impl Iterator<Item = &'a KnownLayout>) -> Self {
        let mut stretches: BTreeMap<_, _> = known.map(|known| (known.from, known.layout.clone())).collect();
        let since = stretches.range(..=start).next_back().map_or(start, |(from, _)| *from);
        stretches.retain(|from, _| *from >= since);
        Self { stretches, since }
    }

    /// The layout of the stretch that is being read.
    pub(super) fn here(&self) -> Option<Arc<DeclaredLayout>> {
        self.stretches.get(&self.since).cloned().flatten()
    }

    /// The layout of the stretch that is being read was found; returns where that stretch begins.
    pub(super) fn learn(&mut self, layout: Arc<DeclaredLayout>) -> LogPoint {
        self.stretches.insert(self.since, Some(layout));
        self.since
    }

    /// A change of columns that ends at `point` is read; the layout behind it, if it is known.
    pub(super) fn changed(&mut self, point: LogPoint) -> Option<Arc<DeclaredLayout>> {
        // A lost connection begins again before it: what was behind it then is no stretch of its own.
        self.since = point;
        self.stretches.retain(|from, _| *from >= point);
        self.here()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(offset: u64) -> LogPoint {
        LogPoint { file: 1, offset }
    }

    fn layout(table: &str) -> Option<Arc<DeclaredLayout>> {
        let (schema, table) = ("s".to_owned(), table.to_owned());
        Some(Arc::new(DeclaredLayout { schema, table, columns: vec![], primary_key: vec![], transactional: false }))
    }

    fn known(offset: u64, layout: Option<Arc<DeclaredLayout>>) -> KnownLayout {
        KnownLayout { table: "t".to_owned(), from: at(offset), layout }
    }

    #[test]
    fn r5_a_log_that_is_read_again_is_read_with_the_layout_of_each_place() {
        let before = [known(10, layout("a")), known(50, None), known(80, layout("c"))];
        let mut history = History::new(at(20), before.iter());
        assert_eq!(history.here(), layout("a"));
        assert_eq!(history.changed(at(50)), None);
        assert_eq!(history.learn(layout("b").unwrap()), at(50), "it holds from where the columns were changed");
        assert_eq!(history.changed(at(80)), layout("c"));
        assert_eq!(history.changed(at(90)), None, "a change that nobody has read yet");
        assert_eq!(History::new(at(5), before.iter()).here(), None, "what came before is not known");
        assert_eq!(History::new(at(60), before.iter()).here(), None);
    }
}
