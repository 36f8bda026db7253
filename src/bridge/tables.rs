//! The tables that the bridge follows, and the change log of each watch table.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Weak},
};

use bytes::Bytes;

use crate::{
    binlog::LogPoint,
    opendental::{Binding, LookupTable, Lookups, RenderError, WatchTable},
    row::{Row, RowKey},
    source::{ImageRow, Layout, SourceError, TableId, TimeZone, stamp},
    window::{ChangeLog, Entry, Mark, Plan},
};

/// The table that holds the subscriptions.
pub(super) const SUBSCRIPTIONS: &str = "apisubscription";

/// What the rows of a followed table are for; a table may serve several ends (`provider` is watched and looked up).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Role {
    /// The watch table behind it.
    pub(super) watch: Option<WatchTable>,
    /// Derived fields come from it.
    pub(super) lookup: Option<LookupTable>,
    /// It holds the subscriptions.
    pub(super) subscriptions: bool,
}

/// The followed tables by [`TableId`].
#[derive(Debug)]
pub(super) struct Followed {
    names: Vec<String>,
    roles: Vec<Role>,
}

impl Followed {
    pub(super) fn new() -> Self {
        let mut followed = Self { names: Vec::new(), roles: Vec::new() };
        for watch in WatchTable::ALL {
            followed.role_mut(watch.table()).watch = Some(watch);
        }
        for lookup in LookupTable::ALL {
            followed.role_mut(lookup.table()).lookup = Some(lookup);
        }
        followed.role_mut(SUBSCRIPTIONS).subscriptions = true;
        followed
    }

    /// Their names, for the reader.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// A table's name.
    pub(super) fn name(&self, table: TableId) -> &str {
        self.names.get(usize::from(table)).map_or("?", String::as_str)
    }

    /// What a table's rows are for.
    pub(super) fn role(&self, table: TableId) -> Role {
        self.roles.get(usize::from(table)).copied().unwrap_or_default()
    }

    fn role_mut(&mut self, table: &str) -> &mut Role {
        let index = match self.names.iter().position(|name| name == table) {
            Some(index) => index,
            None => {
                self.names.push(table.to_owned());
                self.roles.push(Role::default());
                self.names.len() - 1
            }
        };
        &mut self.roles[index]
    }
}

/// One event's body, kept while anybody sends it: subscriptions that go in step share it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) elements: usize,
    // Keeps the plan's address from being used again while this body can be found under it.
    _plan: Arc<Plan>,
}

type BodyKey = (usize, Option<Mark>, Option<Mark>);

/// One watch table: its change log and what is needed to render its rows.
pub(super) struct Watched {
    pub(super) watch: WatchTable,
    pub(super) log: ChangeLog,
    /// Subscriptions that hold a cursor into the log; none: nothing is recorded.
    pub(super) cursors: usize,
    /// No window closes before the log has been read up to here (rule R5).
    pub(super) unsure_until: LogPoint,
    /// Counts up when a lookup changes that its JSON is made with (rule W8).
    pub(super) generation: u64,
    binding: Option<(Arc<Layout>, Binding)>,
    bodies: HashMap<BodyKey, Weak<Body>>,
}

impl Watched {
    pub(super) fn new(watch: WatchTable) -> Self {
        Self {
            watch,
            log: ChangeLog::default(),
            cursors: 0,
            unsure_until: LogPoint::default(),
            generation: 0,
            binding: None,
            bodies: HashMap::new(),
        }
    }

    /// Whether the row belongs to the watch table at all.
    pub(super) fn accepts(&mut self, layout: &Arc<Layout>, row: &dyn Row) -> Result<bool, RenderError> {
        bind(&mut self.binding, self.watch, layout).accepts(row)
    }

    /// The JSON of the logged row `key`, rendered at most once per change and generation of the lookups.
    ///
    /// `Ok(None)`: the log does not hold the row's image.
    pub(super) fn json(
        &mut self,
        key: &RowKey,
        lookups: &Lookups,
        zone: &TimeZone,
    ) -> Result<Option<Arc<[u8]>>, RowError> {
        let generation = self.generation;
        let Some(entry) = self.log.get(key) else { return Ok(None) };
        if let Some(json) = entry.rendered(generation) {
            return Ok(Some(json));
        }
        let Some(image) = &entry.image else { return Ok(None) };
        let row = ImageRow::new(&image.bytes, &image.layout, zone)?;
        let mut json = Vec::with_capacity(1024);
        bind(&mut self.binding, self.watch, &image.layout).render(&row, lookups, &mut json)?;
        let json: Arc<[u8]> = json.into();
        self.log.keep_rendered(key, generation, json.clone());
        Ok(Some(json))
    }

    /// The body of the event `start`..`end` of `plan`, if somebody is sending it.
    pub(super) fn body(&self, plan: &Arc<Plan>, start: Option<&Mark>, end: Option<&Mark>) -> Option<Arc<Body>> {
        self.bodies.get(&body_key(plan, start, end)).and_then(Weak::upgrade)
    }

    /// Makes an event's body of its elements' JSON.
    pub(super) fn make_body(
        &mut self,
        plan: &Arc<Plan>,
        start: Option<&Mark>,
        end: Option<&Mark>,
        elements: &[Arc<[u8]>],
    ) -> Arc<Body> {
        let mut bytes = Vec::with_capacity(elements.iter().map(|json| json.len() + 1).sum::<usize>() + 2);
        bytes.push(b'[');
        for (index, json) in elements.iter().enumerate() {
            if index > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(json);
        }
        bytes.push(b']');
        let body = Arc::new(Body { bytes: bytes.into(), elements: elements.len(), _plan: plan.clone() });
        self.bodies.retain(|_, body| body.strong_count() > 0);
        self.bodies.insert(body_key(plan, start, end), Arc::downgrade(&body));
        body
    }
}

/// The binding for `layout`; it is made anew only when the layout changes.
fn bind<'a>(binding: &'a mut Option<(Arc<Layout>, Binding)>, watch: WatchTable, layout: &Arc<Layout>) -> &'a Binding {
    if binding.as_ref().is_some_and(|(bound, _)| !Arc::ptr_eq(bound, layout)) {
        *binding = None;
    }
    &binding.get_or_insert_with(|| (layout.clone(), watch.bind(&layout.names))).1
}

fn body_key(plan: &Arc<Plan>, start: Option<&Mark>, end: Option<&Mark>) -> BodyKey {
    (Arc::as_ptr(plan) as usize, start.cloned(), end.cloned())
}

/// Tells changes' time stamps; remembers which column that is while the layout stays the same.
pub(super) struct Stamps<'a> {
    watch: WatchTable,
    zone: &'a TimeZone,
    column: Cell<Option<(*const Layout, usize)>>,
}

impl<'a> Stamps<'a> {
    pub(super) fn new(watch: WatchTable, zone: &'a TimeZone) -> Self {
        Self { watch, zone, column: Cell::new(None) }
    }

    /// The change's stamp in microseconds UTC; the commit's time where the image does not tell it.
    pub(super) fn of(&self, entry: &Entry) -> i64 {
        self.in_image(entry).unwrap_or(entry.committed)
    }

    fn in_image(&self, entry: &Entry) -> Option<i64> {
        let image = entry.image.as_ref()?;
        let layout = Arc::as_ptr(&image.layout);
        let column = match self.column.get() {
            Some((known, column)) if known == layout => column,
            _ => {
                let name = self.watch.stamp_column();
                let column = image.layout.names.iter().position(|column| column.eq_ignore_ascii_case(name))?;
                self.column.set(Some((layout, column)));
                column
            }
        };
        // An image that cannot be read is found out, and told, when it is rendered.
        stamp(&image.bytes, &image.layout, column, self.zone).ok().flatten()
    }
}

/// A row could not be turned into JSON.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    /// Its image cannot be read.
    #[error(transparent)]
    Image(#[from] SourceError),
    /// It does not have the table's shape.
    #[error(transparent)]
    Render(#[from] RenderError),
}
