//! The tables that the bridge follows, and the change log of each watch table.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use tracing::warn;

use super::{
    deleted_keys::KeptKeys,
    doubts::{DoubtfulStretch, Emptied},
    reading::EventRange,
};
use crate::{
    binlog::LogPoint,
    opendental::{Binding, LookupTable, Lookups, RenderError, Subscription, Tells, WatchId, WatchTable, WatchTables},
    row::{KeyRow, Row, RowKey},
    source::{ImageRow, Layout, SourceError, TableId, TimeZone, stamp},
    window::{ChangeLog, Entry, Mark, Plan},
};

/// What the rows of a followed table are for; a table may serve several ends (`provider` is watched and looked up).
#[derive(Clone, Debug, Default)]
pub(super) struct Role {
    /// The watch tables behind it.
    pub(super) watches: Arc<[WatchId]>,
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
    pub(super) fn new(tables: &WatchTables) -> Self {
        let mut followed = Self { names: Vec::new(), roles: Vec::new() };
        for (id, watch) in tables.iter() {
            let role = followed.role_mut(watch.table());
            role.watches = role.watches.iter().copied().chain([id]).collect();
        }
        for lookup in LookupTable::ALL {
            followed.role_mut(lookup.table()).lookup = Some(lookup);
        }
        followed.role_mut(Subscription::TABLE).subscriptions = true;
        followed
    }

    /// Their names, for the reader.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// All of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = TableId> + use<> {
        (0..self.names.len()).filter_map(|index| TableId::try_from(index).ok())
    }

    /// A table's name.
    pub(super) fn name(&self, table: TableId) -> &str {
        self.names.get(usize::from(table)).map_or("?", String::as_str)
    }

    /// What a table's rows are for.
    pub(super) fn role(&self, table: TableId) -> Role {
        self.roles.get(usize::from(table)).cloned().unwrap_or_default()
    }

    fn role_mut(&mut self, table: &str) -> &mut Role {
        let index = match self.names.iter().position(|name| name.eq_ignore_ascii_case(table)) {
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
    /// Made for a subscription whose last attempt failed.
    troubled: bool,
    // Keeps the plan's address from being used again while this body can be found under it.
    _plan: Arc<Plan>,
}

type BodyKey = (usize, Option<Mark>, Option<Mark>);

/// One watch table: its change log and what is needed to render its rows.
pub(super) struct Watched {
    pub(super) watch: Arc<WatchTable>,
    pub(super) log: ChangeLog,
    /// Subscriptions that hold a cursor into the log; none: nothing is recorded.
    pub(super) cursors: usize,
    /// No window closes before the log has been read up to here (rule R5).
    pub(super) unsure_until: LogPoint,
    /// Where the log does not tell all that happened, as far as any cursor is not past it.
    pub(super) doubt: Option<DoubtfulStretch>,
    /// The table was emptied.
    pub(super) emptied: Option<Emptied>,
    /// Deletions that the log has no room for.
    pub(super) kept_keys: Option<KeptKeys>,
    /// Counts up when a lookup changes that its JSON is made with (rule W8).
    pub(super) generation: u64,
    bound: Option<Bound>,
    bodies: HashMap<BodyKey, Weak<Body>>,
}

/// What a layout means for a watch table.
struct Bound {
    layout: Arc<Layout>,
    binding: Binding,
    /// Whether the primary key is the watch table's.
    same_key: bool,
}

impl Watched {
    pub(super) fn new(watch: Arc<WatchTable>) -> Self {
        Self {
            watch,
            log: ChangeLog::default(),
            cursors: 0,
            unsure_until: LogPoint::default(),
            doubt: None,
            emptied: None,
            kept_keys: None,
            generation: 0,
            bound: None,
            bodies: HashMap::new(),
        }
    }

    /// Whether the row belongs to the watch table at all.
    pub(super) fn accepts(&mut self, layout: &Arc<Layout>, row: &dyn Row) -> Result<bool, RenderError> {
        bind(&mut self.bound, &self.watch, layout).binding.accepts(row)
    }

    /// Whether rows of this layout have the primary key by which the watch table knows them.
    pub(super) fn has_same_key(&mut self, layout: &Arc<Layout>) -> bool {
        bind(&mut self.bound, &self.watch, layout).same_key
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
        let Some(image) = entry.image else { return Ok(None) };
        let row = match image.present {
            None => ImageRow::new(image.bytes, image.layout, zone)?,
            Some(present) => ImageRow::partial(image.bytes, present, image.layout, zone)?,
        };
        let mut json = Vec::with_capacity(1024);
        bind(&mut self.bound, &self.watch, image.layout).binding.render(&row, lookups, &mut json)?;
        let json: Arc<[u8]> = json.into();
        self.log.keep_rendered(key, generation, json.clone());
        Ok(Some(json))
    }

    /// The JSON of the deleted row `key`: of its last image, or where that cannot be sent of its key, since nothing else
    /// tells of it any more (rule R6). `Ok(None)`: the row is there again.
    pub(super) fn deletion_json(
        &mut self,
        key: &RowKey,
        lookups: &Lookups,
        zone: &TimeZone,
    ) -> Result<Option<Arc<[u8]>>, RenderError> {
        match self.json(key, lookups, zone) {
            Ok(Some(json)) => return Ok(Some(json)),
            Ok(None) if !self.is_deleted(key) => return Ok(None),
            Ok(None) => {}
            // Trying again would be of no use: it stays as it is.
            Err(error) => {
                warn!(table = self.watch.table(), %error, "a deleted row's image cannot be sent; only its key is");
            }
        }
        let row = KeyRow::new(self.watch.key_columns(), key);
        let mut json = Vec::new();
        self.watch.bind(row.columns()).render(&row, lookups, &mut json)?;
        Ok(Some(json.into()))
    }

    /// Whether the row, one of a window of deletions, is not there again.
    fn is_deleted(&self, key: &RowKey) -> bool {
        let elsewhere = || self.kept_keys.as_ref().is_some_and(|kept| !kept.is_there_again(key));
        self.log.point_of(key).is_some() || elsewhere()
    }

    /// The event's body, if somebody is sending it.
    pub(super) fn body(&self, range: &EventRange) -> Option<Arc<Body>> {
        self.bodies.get(&body_key(range)).and_then(Weak::upgrade)
    }

    /// Bytes of the bodies that are being sent to subscriptions whose last attempt failed, or to the others.
    pub(super) fn body_bytes(&self, troubled: bool) -> usize {
        let bodies = self.bodies.values().filter_map(Weak::upgrade);
        bodies.filter(|body| body.troubled == troubled).map(|body| body.bytes.len()).sum()
    }

    /// Keeps an event's body while somebody sends it.
    pub(super) fn keep_body(
        &mut self,
        range: EventRange,
        bytes: Vec<u8>,
        elements: usize,
        troubled: bool,
    ) -> Arc<Body> {
        let key = body_key(&range);
        let body = Arc::new(Body { bytes: bytes.into(), elements, troubled, _plan: range.plan });
        self.bodies.retain(|_, body| body.strong_count() > 0);
        self.bodies.insert(key, Arc::downgrade(&body));
        body
    }
}

/// What `layout` means; it is found out anew only when the layout changes.
fn bind<'a>(bound: &'a mut Option<Bound>, watch: &WatchTable, layout: &Arc<Layout>) -> &'a Bound {
    if bound.as_ref().is_some_and(|bound| !Arc::ptr_eq(&bound.layout, layout)) {
        *bound = None;
    }
    bound.get_or_insert_with(|| {
        let name_at = |index: &usize| layout.names.get(*index).map(AsRef::as_ref).unwrap_or_default();
        let key = layout.primary_key.iter().map(name_at);
        let wanted = watch.key_columns();
        Bound {
            layout: layout.clone(),
            binding: watch.bind(&layout.names),
            same_key: key.len() == wanted.len()
                && key.zip(wanted).all(|(name, column)| name.eq_ignore_ascii_case(column)),
        }
    })
}

fn body_key(range: &EventRange) -> BodyKey {
    (Arc::as_ptr(&range.plan) as usize, range.start.clone(), range.end.clone())
}

/// Tells changes' time stamps; remembers which column that is while the layout stays the same.
pub(super) struct Stamps<'a> {
    watch: &'a WatchTable,
    zone: &'a TimeZone,
    column: Cell<Option<(*const Layout, usize)>>,
}

impl<'a> Stamps<'a> {
    pub(super) fn new(watch: &'a WatchTable, zone: &'a TimeZone) -> Self {
        Self { watch, zone, column: Cell::new(None) }
    }

    /// The change's stamp in microseconds UTC: the commit's time for a deletion, and where the image does not tell it; 0
    /// where the table has none.
    pub(super) fn of(&self, entry: &Entry<'_>) -> i64 {
        match (self.watch.tells(), self.watch.stamp_column()) {
            (Tells::Deletions, _) => entry.committed,
            (Tells::Changes, Some(name)) => self.in_image(entry, name).unwrap_or(entry.committed),
            (Tells::Changes, None) => 0,
        }
    }

    fn in_image(&self, entry: &Entry<'_>, name: &str) -> Option<i64> {
        let image = entry.image?;
        let layout = Arc::as_ptr(image.layout);
        let column = match self.column.get() {
            Some((known, column)) if known == layout => column,
            _ => {
                let column = image.layout.names.iter().position(|column| column.eq_ignore_ascii_case(name))?;
                self.column.set(Some((layout, column)));
                column
            }
        };
        // An image that cannot be read is found out, and told, when it is rendered.
        stamp(image.bytes, image.layout, column, self.zone).ok().flatten()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        binlog::{ColumnInfo, ColumnType, TableColumns},
        window::StoredImage,
    };

    #[test]
    fn r6_a_deletion_whose_image_cannot_be_read_tells_its_key() {
        let tables = WatchTables::api();
        let (key, zone) = (RowKey::Int(7), TimeZone::named("UTC").unwrap());
        let mut watched = Watched::new(tables.find("LabCaseDeleted").unwrap().1.clone());
        let mut deleted = |column: &str, collation| {
            let mut columns = [ColumnType::LongLong, ColumnType::Varchar { bytes: 20 }].map(ColumnInfo::new).to_vec();
            columns[1].collation = collation;
            let layout = Layout {
                schema: "od".to_owned(),
                table: "labcase".to_owned(),
                names: vec!["LabCaseNum".into(), column.into()],
                columns: TableColumns::new(columns, None),
                keys_only: false,
                primary_key: vec![0],
                transactional: false,
            };
            let (bytes, layout) = (b"\x00\x07\0\0\0\0\0\0\0\x01x", Arc::new(layout));
            let image = StoredImage { bytes, present: None, layout: &layout };
            watched.log.record(key.clone(), LogPoint { file: 1, offset: 4 }, 0, Some(image));
            let error = watched.json(&key, &Lookups::new(), &zone).unwrap_err();
            let json = watched.deletion_json(&key, &Lookups::new(), &zone).unwrap().unwrap();
            assert_eq!(&*json, br#"{"LabCaseNum":7}"#, "{error}");
            error
        };
        assert!(matches!(deleted("Instructions", None), RowError::Image(_)), "a text without a character set");
        assert!(matches!(deleted("LabFee", Some(45)), RowError::Render(_)), "a text that is no amount");
        assert!(watched.deletion_json(&RowKey::Int(8), &Lookups::new(), &zone).unwrap().is_none());
    }
}
