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
    source::{Change, ChangeKind, ImageRow, Layout, Message, Step, TableId, TimeZone, Transaction},
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
                Step::Changes(changes) => self.changes(changes.table(), changes, point, committed)?,
                Step::Keys(keys) => self.changes(keys.table(), keys, point, committed)?,
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

    fn changes(
        &mut self,
        table: TableId,
        changes: impl IntoIterator<Item = Change>,
        point: LogPoint,
        committed: i64,
    ) -> Result<(), BridgeError> {
        let Role { watches, lookup, subscriptions } = self.followed.role(table);
        for mut change in changes {
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
            self.record(&watches, &change, point, committed)?;
            self.grown_by(&change);
        }
        Ok(())
    }

    /// Records the change in the log of each watch table that has a cursor in it.
    fn record(
        &mut self,
        watches: &[WatchId],
        change: &Change,
        point: LogPoint,
        committed: i64,
    ) -> Result<(), BridgeError> {
        for watch in watches {
            for key in change.old_key.iter().chain([&change.key]) {
                self.row_cache.forget(*watch, key);
            }
            let is_choosy = self.tables.get(*watch).is_some_and(|watch| watch.is_choosy());
            if change.kind == ChangeKind::Delete || change.old_key.is_some() || is_choosy {
                self.row_cache.row_left(*watch, point);
            }
            let Some(watched) = self.watched.get_mut(watch).filter(|watched| watched.cursors > 0) else { continue };
            if !watched.has_same_key(&change.layout) {
                self.another_key(*watch, point, committed);
                continue;
            }
            match watched.watch.tells() {
                Tells::Deletions => {
                    if let Some(again) = watched.kept_key_changed(change, point) {
                        self.storing.forget_keys(watched.watch.name(), ForgetDeleted::Keys(vec![again]));
                    }
                    record_deletion(watched, change, point, committed);
                }
                Tells::Changes => record_change(watched, change, point, committed, &self.zone),
            }
        }
        Ok(())
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

/// Records a row's new state.
fn record_change(watched: &mut Watched, change: &Change, point: LogPoint, committed: i64, zone: &TimeZone) {
    if let Some(old_key) = &change.old_key {
        watched.log.remove(old_key);
    }
    if change.kind == ChangeKind::Delete {
        watched.log.remove(&change.key);
        return;
    }
    let mut image = change.image.as_deref();
    if watched.watch.is_choosy()
        && let Some(bytes) = image
    {
        match accepts(watched, bytes, &change.layout, zone) {
            Ok(true) => {}
            Ok(false) => {
                watched.log.remove(&change.key);
                return;
            }
            Err(error) => {
                // It is found out when the row is sent.
                warn!(table = watched.watch.table(), %error, "a row's image cannot be read; the row is read from the table");
                image = None;
            }
        }
    }
    let image = image.map(|bytes| StoredImage { bytes, present: None, layout: &change.layout });
    watched.log.record(change.key.clone(), point, committed, image);
}

fn accepts(watched: &mut Watched, image: &[u8], layout: &Arc<Layout>, zone: &TimeZone) -> Result<bool, RowError> {
    Ok(watched.accepts(layout, &ImageRow::new(image, layout, zone)?)?)
}

/// Records a row's last state, or that the row is there again (rule W3).
fn record_deletion(watched: &mut Watched, change: &Change, point: LogPoint, committed: i64) {
    let whole = |bytes| StoredImage { bytes, present: None, layout: &change.layout };
    let (deleted, image) = match (change.kind, &change.old_key) {
        (ChangeKind::Delete, _) => {
            let part = change.partial.as_ref().map(|image| StoredImage {
                bytes: &image.bytes,
                present: Some(&image.present),
                layout: &change.layout,
            });
            (&change.key, change.image.as_deref().map(whole).or(part))
        }
        // A changed key is a deletion of the old one.
        (_, Some(old_key)) => {
            watched.log.remove(&change.key);
            (old_key, change.before.as_deref().map(whole))
        }
        (_, None) => {
            watched.log.remove(&change.key);
            return;
        }
    };
    watched.log.record(deleted.clone(), point, committed, image);
}
