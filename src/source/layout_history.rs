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
