//! What the reader hands out goes into the change logs, the lookups and the subscriptions.

use std::sync::Arc;

use chrono::Utc;
use tracing::{info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    tables::{Role, RowError, Watched},
};
use crate::{
    binlog::LogPoint,
    failpoint::Failpoint,
    opendental::{LookupTable, Tells, WatchId},
    source::{ChangeKind, ChangeRef, Changes, ImageRow, Layout, Message, Step, TableId, TimeZone, Transaction},
    state::ForgetDeleted,
    window::StoredImage,
};

impl Engine {
    pub(super) fn message(&mut self, message: Message) -> Result<(), BridgeError> {
        match message {
            Message::Transactions { transactions, boundary } => {
                if !transactions.is_empty() {
                    Failpoint::TransactionRead.pass();
                }
                for transaction in transactions {
                    self.transaction(transaction)?;
                }
                let advanced = boundary.position.point() > self.boundary.position.point();
                self.boundary = boundary;
                if advanced {
                    self.tell_moved_schedules();
                    self.tell_unlogged();
                }
                self.published.read(Utc::now());
                self.health.reading(Utc::now());
                self.read_up_to_barrier()?;
                self.look_whether_stalled(advanced)?;
                self.rebuilt()
            }
            Message::LayoutUnsure { table, until } => {
                let Role { watches, lookup, subscriptions, .. } = self.followed.role(table);
                for watch in watches.iter() {
                    if let Some(watched) = self.watched.get_mut(watch) {
                        watched.unsure_until = watched.unsure_until.max(until);
                    }
                }
                // What is read anew holds all that could be misread.
                self.reload |= (lookup.is_some() || subscriptions) && until > self.loaded;
                Ok(())
            }
            Message::LogFile(file) => {
                self.store_log_file(file);
                Ok(())
            }
            Message::Layouts(layouts) => {
                self.store_layouts(layouts);
                Ok(())
            }
            Message::Connected { identity } => {
                if identity != self.identity {
                    let reason = "another server answers at its address, or its log was started anew".to_owned();
                    return Err(BridgeError::LogLost { reason });
                }
                info!("reading the server's log");
                self.barrier_backoff.succeeded();
                self.reading = Some(identity);
                self.published.connected(Utc::now());
                Ok(())
            }
            Message::Disconnected { reason } => {
                warn!(reason, "the server's log is not being read; trying again");
                self.reading = None;
                self.published.disconnected(Utc::now());
                self.health.not_ready("the connection to the server is lost");
                Ok(())
            }
        }
    }

    /// Looks at the windows that were restored after a restart, once the log has been read up to their end.
    fn rebuilt(&mut self) -> Result<(), BridgeError> {
        if self.boundary.position.point() < self.rebuilt {
            return Ok(());
        }
        for num in std::mem::take(&mut self.rebuilding) {
            let read = self.boundary.position.point();
            let waits = self
                .subscribers
                .get(&num)
                .and_then(|subscriber| subscriber.window.as_ref())
                .is_some_and(|window| window.plan.is_none() && window.to.point > read);
            if waits {
                self.rebuilding.push(num);
            } else {
                self.attend(num)?;
            }
        }
        Ok(())
    }

    pub(super) fn transaction(&mut self, transaction: Transaction) -> Result<(), BridgeError> {
        let Transaction { point, committed, steps, .. } = transaction;
        let committed = committed.timestamp_micros();
        self.taking = Some((point, committed));
        self.telling.committed(self.rereading, committed);
        for step in steps {
            match step {
                Step::Changes(changes) => self.changes(&changes, point, committed)?,
                Step::Keys(keys) => {
                    for changes in keys.into_changes() {
                        self.changes(&changes, point, committed)?;
                    }
                }
                Step::Cleared(table) => self.cleared(table, point),
                Step::Doubt(doubt) => self.doubted(&doubt, point),
            }
        }
        self.taking = None;
        Ok(())
    }

    /// Whether lookups and subscriptions do not hold yet what happened at `point`.
    pub(super) fn is_news(&self, point: LogPoint) -> bool {
        point > self.loaded && !self.rereading
    }

    fn changes(&mut self, changes: &Changes, point: LogPoint, committed: i64) -> Result<(), BridgeError> {
        let Role { watches, lookup, subscriptions } = self.followed.role(changes.table());
        if lookup.is_some() || subscriptions {
            for mut change in changes.iter() {
                if change.layout.keys_only {
                    (change.image, change.partial, change.before) = (None, None, None);
                }
                if lookup == Some(LookupTable::ScheduleOp) {
                    self.schedule_op_changed(&change, point, committed)?;
                } else if let Some(lookup) = lookup
                    && self.is_news(point)
                {
                    self.lookup_changed(lookup, &change)?;
                }
                if subscriptions && self.is_news(point) {
                    self.subscription_changed(&change)?;
                }
            }
        }
        for watch in watches.iter() {
            self.record(*watch, changes, point, committed);
        }
        self.grown_by(changes);
        Ok(())
    }

    /// Records the changes in the log of a watch table, if there is a cursor in it. What is asked of all of them is asked
    /// once: there may be millions.
    fn record(&mut self, watch: WatchId, changes: &Changes, point: LogPoint, committed: i64) {
        if !self.row_cache.is_empty() {
            for change in changes.refs() {
                for key in change.old_key.into_iter().chain([change.key]) {
                    self.row_cache.forget(watch, key);
                }
            }
        }
        let is_choosy = self.tables.get(watch).is_some_and(|watch| watch.is_choosy());
        let leaves = || changes.kind() == ChangeKind::Delete || changes.refs().any(|change| change.old_key.is_some());
        if is_choosy || leaves() {
            self.row_cache.row_left(watch, point);
        }
        let Some(watched) = self.watched.get_mut(&watch).filter(|watched| watched.cursors > 0) else { return };
        if !watched.has_same_key(changes.layout()) {
            self.another_key(watch, point, committed);
            return;
        }
        match watched.watch.tells() {
            Tells::Deletions => {
                for change in refs(changes) {
                    if let Some(again) = watched.kept_key_changed(changes.kind(), change, point) {
                        self.storing.forget_keys(watched.watch.name(), ForgetDeleted::Keys(vec![again]));
                    }
                    record_deletion(watched, (changes, change), point, committed);
                }
            }
            Tells::Changes if is_choosy => {
                for change in refs(changes) {
                    record_choosily(watched, (changes, change), point, committed, &self.zone);
                }
            }
            Tells::Changes => {
                for change in refs(changes) {
                    record_change(watched, (changes, change), point, committed);
                }
            }
        }
    }

    fn cleared(&mut self, table: TableId, point: LogPoint) {
        let name = self.followed.name(table).to_owned();
        warn!(
            table = name,
            "the table was emptied or dropped; its unsent changes are dropped too, and no event tells of the rows that \
             were in it"
        );
        let Role { watches, lookup, subscriptions, .. } = self.followed.role(table);
        for watch in watches.iter() {
            self.row_cache.forget_table(*watch, point);
            // Rows that were deleted before are gone all the same.
            self.table_emptied(*watch);
            if let Some(watched) = self.watched.get_mut(watch).filter(|watched| watched.watch.tells() == Tells::Changes)
            {
                watched.log.clear();
            }
        }
        if (lookup.is_some() || subscriptions) && self.is_news(point) {
            self.reload = true;
        }
    }
}

/// The changes, without images where nothing but the key can be read.
fn refs(changes: &Changes) -> impl Iterator<Item = ChangeRef<'_>> {
    let keys_only = changes.layout().keys_only;
    changes.refs().map(move |change| {
        if keys_only { ChangeRef { image: None, partial: None, before: None, ..change } } else { change }
    })
}

/// Records a row's new state.
fn record_change(watched: &mut Watched, (of, change): (&Changes, ChangeRef<'_>), point: LogPoint, committed: i64) {
    if let Some(old_key) = change.old_key {
        watched.log.remove(old_key);
    }
    if of.kind() == ChangeKind::Delete {
        watched.log.remove(change.key);
        return;
    }
    let image = change.image.map(|bytes| StoredImage { bytes, present: None, layout: of.layout() });
    watched.log.record(change.key.clone(), point, committed, image);
}

/// The same for a watch table that has only some of its table's rows.
fn record_choosily(
    watched: &mut Watched,
    (of, mut change): (&Changes, ChangeRef<'_>),
    point: LogPoint,
    committed: i64,
    zone: &TimeZone,
) {
    if of.kind() != ChangeKind::Delete
        && let Some(bytes) = change.image
    {
        match accepts(watched, bytes, of.layout(), zone) {
            Ok(true) => {}
            Ok(false) => {
                change.old_key.into_iter().chain([change.key]).for_each(|key| watched.log.remove(key));
                return;
            }
            Err(error) => {
                // It is found out when the row is sent.
                warn!(table = watched.watch.table(), %error, "a row's image cannot be read; the row is read from the table");
                change.image = None;
            }
        }
    }
    record_change(watched, (of, change), point, committed);
}

fn accepts(watched: &mut Watched, image: &[u8], layout: &Arc<Layout>, zone: &TimeZone) -> Result<bool, RowError> {
    Ok(watched.accepts(layout, &ImageRow::new(image, layout, zone)?)?)
}

/// Records a row's last state, or that the row is there again (rule W3).
fn record_deletion(watched: &mut Watched, (of, change): (&Changes, ChangeRef<'_>), point: LogPoint, committed: i64) {
    let whole = |bytes| StoredImage { bytes, present: None, layout: of.layout() };
    let (deleted, image) = match (of.kind(), change.old_key) {
        (ChangeKind::Delete, _) => {
            let part = change.partial.map(|image| StoredImage {
                bytes: &image.bytes,
                present: Some(&image.present),
                layout: of.layout(),
            });
            (change.key, change.image.map(whole).or(part))
        }
        // A changed key is a deletion of the old one.
        (_, Some(old_key)) => {
            watched.log.remove(change.key);
            (old_key, change.before.map(whole))
        }
        (_, None) => {
            watched.log.remove(change.key);
            return;
        }
    };
    watched.log.record(deleted.clone(), point, committed, image);
}
