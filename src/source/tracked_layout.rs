//! The layouts of the watched tables, through all changes of their columns (rule R5).

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    change::TableId,
    error::SourceError,
    filter::Filter,
    layout::{DeclaredLayout, KnownLayout, LayoutReader},
    layout_history::History,
    row_layout::{Layout, have_same_key},
};
use crate::binlog::{LogPoint, TableColumns, TableMap};

/// How soon the server is asked again about a table whose rows do not fit what it declares.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Knows how the rows of each watched table are laid out.
pub(super) struct TrackedLayouts<L> {
    reader: L,
    tables: Vec<Tracked>,
    /// What was learned since somebody took it.
    learned: Vec<KnownLayout>,
}

/// One table's.
#[derive(Default)]
struct Tracked {
    /// What is known of other places in the log, and of this one.
    history: History,
    /// The layout that holds here for certain.
    known: Option<Arc<DeclaredLayout>>,
    /// The last layout that was known, if the table was changed since then and not made anew.
    before: Option<Arc<DeclaredLayout>>,
    /// What the server declared when it was last asked; `None`: not asked since the last DDL.
    declared: Option<Declared>,
    /// The bytes of the table map that `layout` was made from.
    map: Vec<u8>,
    layout: Option<Arc<Layout>>,
    /// Since where rows have been read under names that the server declared, which DDL up to `declared.until` may prove
    /// wrong.
    unsure_from: Option<Disproved>,
    /// Rows that cannot be read.
    doubt: Option<Unknown>,
}

struct Declared {
    /// `None`: there is no such table.
    layout: Option<Arc<DeclaredLayout>>,
    /// DDL up to here is in the layout.
    until: LogPoint,
    asked: Instant,
}

/// Why the rows behind the table map with these bytes cannot be read.
struct Unknown {
    map: Vec<u8>,
    reason: String,
}

/// Rows that were read under names which turned out to be wrong.
#[derive(Clone, Copy)]
pub(super) struct Disproved {
    /// The first table map before them.
    pub(super) since: LogPoint,
    /// The server's clock there.
    pub(super) clock: u32,
    /// Their keys are right all the same.
    pub(super) keys_hold: bool,
}

/// What [`TrackedLayouts::of`] found.
pub(super) enum Found {
    /// A layout, which is [`TrackedLayouts::last`] now; with `Some`, it is only known to be right once the log has been
    /// read up to there.
    Layout(Option<LogPoint>),
    /// The rows cannot be read with certainty, for this reason.
    Doubt(String),
}

impl<L: LayoutReader> TrackedLayouts<L> {
    /// Layouts of `tables` for reading from `start` on, with what is `known` from before.
    pub(super) fn new(reader: L, tables: &[String], start: LogPoint, known: &[KnownLayout]) -> Self {
        let tracked = |name: &String| {
            let history = History::new(start, known.iter().filter(|known| known.table.eq_ignore_ascii_case(name)));
            Tracked { known: history.here(), history, ..Tracked::default() }
        };
        Self { reader, tables: tables.iter().map(tracked).collect(), learned: Vec::new() }
    }

    /// Asks for all layouts that are not known: the sooner, the smaller the stretch for which they are unsure.
    pub(super) async fn load(&mut self, filter: &Filter) -> Result<(), SourceError> {
        for (tracked, name) in self.tables.iter_mut().zip(filter.tables()) {
            if tracked.declared.is_none() && tracked.known.is_none() {
                tracked.declared = Some(ask(&self.reader, name).await?);
            }
        }
        Ok(())
    }

    /// The layout that was last found for a table; `None`: its rows cannot be read.
    pub(super) fn last(&self, table: TableId) -> Option<&Arc<Layout>> {
        self.tables.get(usize::from(table))?.layout.as_ref()
    }

    /// The layout of the rows behind a table map at `point`, where the server's clock showed `clock`.
    pub(super) async fn of(
        &mut self,
        table: TableId,
        filter: &Filter,
        map: &TableMap<'_>,
        point: LogPoint,
        clock: u32,
    ) -> Result<Found, SourceError> {
        let Some(tracked) = self.tables.get_mut(usize::from(table)) else {
            return Ok(Found::Doubt("the table is not watched".to_owned()));
        };
        if tracked.layout.is_some() && tracked.map == map.body {
            return Ok(Found::Layout(None));
        }
        if let Some(reason) = tracked.known_doubt(map, point) {
            return Ok(Found::Doubt(reason));
        }
        let name = filter.name(table);
        tracked.reached(name, point, &mut self.learned);
        match tracked.find(&self.reader, name, map, point, &mut self.learned).await? {
            Ok((layout, unsure)) => {
                tracked.layout = Some(Arc::new(layout));
                map.body.clone_into(&mut tracked.map);
                tracked.doubt = None;
                if unsure.is_some() {
                    let keys_hold = tracked.has_same_key();
                    tracked.unsure_from.get_or_insert(Disproved { since: point, clock, keys_hold });
                }
                Ok(Found::Layout(unsure))
            }
            Err(reason) => {
                tracked.layout = None;
                tracked.doubt = Some(Unknown { map: map.body.to_vec(), reason: reason.clone() });
                Ok(Found::Doubt(reason))
            }
        }
    }

    /// DDL at `place` may have changed a table's columns; `anew`: it is another table from there on. `Some`: rows since
    /// there were read under names that it may prove wrong.
    pub(super) fn changed(
        &mut self,
        table: TableId,
        filter: &Filter,
        place: Range<LogPoint>,
        anew: bool,
    ) -> Option<Disproved> {
        let tracked = self.tables.get_mut(usize::from(table))?;
        tracked.reached(filter.name(table), place.start, &mut self.learned);
        tracked.layout = None;
        tracked.map.clear();
        tracked.doubt = None;
        tracked.changed(filter.name(table), place.end, &mut self.learned);
        if anew {
            tracked.before = None;
        }
        let unsure_from = tracked.unsure_from.take();
        match &tracked.declared {
            // What the server declared has this change in it, and so was not yet right for the rows before it.
            Some(declared) if place.end <= declared.until => unsure_from,
            _ => {
                tracked.declared = None;
                None
            }
        }
    }

    /// What was learned of layouts since the last call, now that the log has been read up to `point`.
    pub(super) fn learned(&mut self, filter: &Filter, point: LogPoint) -> Vec<KnownLayout> {
        for (tracked, name) in self.tables.iter_mut().zip(filter.tables()) {
            tracked.reached(name, point, &mut self.learned);
        }
        std::mem::take(&mut self.learned)
    }
}

impl Tracked {
    /// What the server declared holds for certain once the log has been read up to where it was asked.
    fn reached(&mut self, name: &str, point: LogPoint, learned: &mut Vec<KnownLayout>) {
        let Some(Declared { layout: Some(layout), until, .. }) = &self.declared else { return };
        if self.known.is_none() && *until <= point {
            self.known = Some(layout.clone());
            self.unsure_from = None;
            let from = self.history.learn(layout.clone());
            learned.push(KnownLayout { table: name.to_owned(), from, layout: Some(layout.clone()) });
        }
    }

    /// The columns are others from `point` on.
    fn changed(&mut self, name: &str, point: LogPoint, learned: &mut Vec<KnownLayout>) {
        let known = std::mem::replace(&mut self.known, self.history.changed(point));
        self.before = known.or(self.before.take());
        if self.known.is_none() {
            learned.push(KnownLayout { table: name.to_owned(), from: point, layout: None });
        }
    }

    /// Whether the primary key that the server declares is the one that was known before.
    fn has_same_key(&self) -> bool {
        let declared = self.declared.as_ref().and_then(|declared| declared.layout.as_ref());
        self.before.as_ref().zip(declared).is_some_and(|(before, declared)| have_same_key(before, declared))
    }

    /// Why rows behind this table map cannot be read, if asking the server again would be of no use yet.
    fn known_doubt(&self, map: &TableMap<'_>, point: LogPoint) -> Option<String> {
        let doubt = self.doubt.as_ref().filter(|doubt| doubt.map == map.body)?;
        let declared = self.declared.as_ref()?;
        (point < declared.until || declared.asked.elapsed() < ASK_AGAIN).then(|| doubt.reason.clone())
    }

    /// The layout of rows with these columns, with the point up to which it may be proved wrong; else why there is none.
    async fn find<L: LayoutReader>(
        &mut self,
        reader: &L,
        name: &str,
        map: &TableMap<'_>,
        point: LogPoint,
        learned: &mut Vec<KnownLayout>,
    ) -> Result<Result<(Layout, Option<LogPoint>), String>, SourceError> {
        let columns = match map.columns() {
            Ok(columns) => columns,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(known) = &self.known {
            if let Ok(layout) = layout(map, name, &columns, Some(known)) {
                return Ok(Ok((layout, None)));
            }
            // Its columns were changed and the log does not tell of it.
            self.changed(name, point, learned);
            self.declared = None;
        }
        let mut fresh = self.declared.is_none();
        loop {
            let declared = match &mut self.declared {
                Some(declared) => declared,
                none => none.insert(ask(reader, name).await?),
            };
            let may_change = Some(declared.until).filter(|until| *until > point);
            match layout(map, name, &columns, declared.layout.as_deref()) {
                Ok(layout) => {
                    let unsure = may_change.filter(|_| !map_tells_all(&columns));
                    return Ok(Ok((layout, unsure)));
                }
                Err(problem) if fresh || may_change.is_some() => {
                    if let (Some(before), Some(after)) = (&self.before, &declared.layout)
                        && let Some(layout) = Layout::keys(columns, before, after)
                    {
                        tracing::warn!(
                            table = name,
                            "its columns at this point of the log are not known, only its key is: the rows are read \
                             from the table ({problem})"
                        );
                        return Ok(Ok((layout, None)));
                    }
                    return Ok(Err(format!(
                        "its columns at that point are not known: {problem}. With `binlog_row_metadata=FULL` in the \
                         server's configuration the log tells them itself"
                    )));
                }
                Err(_) => {
                    fresh = true;
                    self.declared = None;
                }
            }
        }
    }
}

/// The layout of rows with `columns`: named by the table map itself, else as `declared`; else what does not fit.
fn layout(
    map: &TableMap<'_>,
    name: &str,
    columns: &TableColumns,
    declared: Option<&DeclaredLayout>,
) -> Result<Layout, String> {
    let schema = String::from_utf8_lossy(map.schema);
    if let Some(layout) = Layout::named(&schema, name, columns.clone(), declared) {
        return Ok(layout);
    }
    match declared {
        Some(declared) => Layout::declared(columns.clone(), declared).map_err(|mismatch| mismatch.to_string()),
        None => Err("the table no longer exists".to_owned()),
    }
}

/// Whether rows with these columns can be read by their table map alone.
fn map_tells_all(columns: &TableColumns) -> bool {
    columns.iter().all(|column| column.name.is_some()) && !columns.need_declaration()
}

async fn ask<L: LayoutReader>(reader: &L, name: &str) -> Result<Declared, SourceError> {
    let answer = reader.layout(name).await?;
    let (layout, until) = answer.map_or((None, LogPoint::default()), |(layout, until)| (Some(Arc::new(layout)), until));
    Ok(Declared { layout, until, asked: Instant::now() })
}
