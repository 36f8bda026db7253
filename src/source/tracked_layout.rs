//! The layouts of the watched tables, through all changes of their columns (rule R5).

use std::sync::Arc;

use super::{
    change::TableId,
    error::SourceError,
    filter::Filter,
    layout::{DeclaredLayout, LayoutReader},
    row_layout::Layout,
};
use crate::binlog::{LogPoint, TableMap};

/// Knows how the rows of each watched table are laid out.
pub(super) struct TrackedLayouts<L> {
    reader: L,
    tables: Vec<Tracked>,
}

/// One table's.
#[derive(Default)]
struct Tracked {
    /// What the server declared when it was last asked; `None`: not asked since the last DDL.
    declared: Option<Declared>,
    /// The bytes of the table map that `layout` was made from.
    map: Vec<u8>,
    layout: Option<Arc<Layout>>,
    /// Since where rows have been read under names that the server declared, which `declared.until` may prove wrong.
    unsure_from: Option<LogPoint>,
}

struct Declared {
    /// `None`: there is no such table.
    layout: Option<DeclaredLayout>,
    /// DDL up to here is in the layout.
    until: LogPoint,
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
    pub(super) fn new(reader: L, tables: usize) -> Self {
        Self { reader, tables: (0..tables).map(|_| Tracked::default()).collect() }
    }

    /// Asks for all layouts: the sooner, the smaller the stretch for which they are unsure.
    pub(super) async fn load(&mut self, filter: &Filter) -> Result<(), SourceError> {
        for (tracked, name) in self.tables.iter_mut().zip(filter.tables()) {
            if tracked.declared.is_none() {
                tracked.declared = Some(ask(&self.reader, name).await?);
            }
        }
        Ok(())
    }

    /// The layout that was last found for a table.
    pub(super) fn last(&self, table: TableId) -> Option<&Arc<Layout>> {
        self.tables.get(usize::from(table))?.layout.as_ref()
    }

    /// The layout of the rows behind a table map at `point`.
    pub(super) async fn of(
        &mut self,
        table: TableId,
        filter: &Filter,
        map: &TableMap<'_>,
        point: LogPoint,
    ) -> Result<Found, SourceError> {
        let Some(tracked) = self.tables.get_mut(usize::from(table)) else {
            return Ok(Found::Doubt("the table is not watched".to_owned()));
        };
        if tracked.layout.is_some() && tracked.map == map.body {
            return Ok(Found::Layout(None));
        }
        let columns = match map.columns() {
            Ok(columns) => columns,
            Err(error) => return Ok(Found::Doubt(error.to_string())),
        };
        let name = filter.name(table);
        let mut fresh = tracked.declared.is_none();
        if fresh {
            tracked.declared = Some(ask(&self.reader, name).await?);
        }
        let schema = String::from_utf8_lossy(map.schema);
        let (layout, unsure) = loop {
            let Some(Declared { layout: declared, until }) = &tracked.declared else {
                return Ok(Found::Doubt("the server did not tell its columns".to_owned()));
            };
            if let Some(layout) = Layout::named(&schema, name, columns.clone(), declared.as_ref()) {
                let unsure = Some(*until).filter(|until| columns.need_declaration() && *until > point);
                tracked.unsure_from = tracked.unsure_from.or(unsure.map(|_| point));
                break (layout, unsure);
            }
            let problem = match declared {
                Some(declared) => match Layout::declared(columns.clone(), declared) {
                    Ok(layout) => {
                        let unsure = Some(*until).filter(|until| *until > point);
                        tracked.unsure_from = tracked.unsure_from.or(unsure.map(|_| point));
                        break (layout, unsure);
                    }
                    Err(mismatch) => mismatch.to_string(),
                },
                None => "the table no longer exists".to_owned(),
            };
            if fresh {
                return Ok(Found::Doubt(format!(
                    "its columns at that point are not known: {problem}. With `binlog_row_metadata=FULL` in the server's \
                     configuration the log tells them itself"
                )));
            }
            fresh = true;
            tracked.declared = Some(ask(&self.reader, name).await?);
        };
        tracked.layout = Some(Arc::new(layout));
        map.body.clone_into(&mut tracked.map);
        Ok(Found::Layout(unsure))
    }

    /// DDL that ends at `point` may have changed a table's columns. `Some`: rows since there were read under names
    /// that it may prove wrong.
    pub(super) fn changed(&mut self, table: TableId, point: LogPoint) -> Option<LogPoint> {
        let tracked = self.tables.get_mut(usize::from(table))?;
        tracked.layout = None;
        tracked.map.clear();
        let unsure_from = tracked.unsure_from.take();
        match &tracked.declared {
            // What the server declared has this change in it, and so was not yet right for the rows before it.
            Some(declared) if point <= declared.until => unsure_from,
            _ => {
                tracked.declared = None;
                None
            }
        }
    }
}

async fn ask<L: LayoutReader>(reader: &L, name: &str) -> Result<Declared, SourceError> {
    Ok(match reader.layout(name).await? {
        Some((layout, until)) => Declared { layout: Some(layout), until },
        None => Declared { layout: None, until: LogPoint::default() },
    })
}
