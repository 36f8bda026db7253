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
    opendental::{LookupTable, WatchTable},
    row::{Field, Row, RowKey},
    source::{Change, ChangeKind, ImageRow, Layout, Message, SourceError, Step, TableId, TimeZone, Transaction},
    window::StoredImage,
};

impl Engine {
    pub(super) fn message(&mut self, message: Message) -> Result<(), BridgeError> {
        match message {
            Message::Transactions { transactions, boundary } => {
                for transaction in transactions {
                    self.transaction(transaction)?;
                }
                self.boundary = boundary;
                self.health.reading(Utc::now());
                self.read_up_to_barrier()?;
                self.rebuilt()
            }
            Message::LayoutUnsure { table, until } => {
                if let Some(watch) = self.followed.role(table).watch {
                    let watched = self.watched_mut(watch);
                    watched.unsure_until = watched.unsure_until.max(until);
                }
                Ok(())
            }
            Message::Doubt(doubt) => Err(SourceError::Doubt(doubt).into()),
            Message::Connected { identity } => {
                if identity != self.identity {
                    let reason = "another server answers at its address, or its log was started anew".to_owned();
                    return Err(BridgeError::LogLost { reason });
                }
                info!("reading the server's log");
                self.barrier_backoff.succeeded();
                self.reading = Some(identity);
                Ok(())
            }
            Message::Disconnected { reason } => {
                warn!(reason, "the server's log is not being read; trying again");
                self.reading = None;
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

    fn transaction(&mut self, transaction: Transaction) -> Result<(), BridgeError> {
        let Transaction { point, committed, steps, .. } = transaction;
        let committed = committed.timestamp_micros();
        for step in steps {
            match step {
                Step::Change(change) => self.change(change, point, committed)?,
                Step::Cleared(table) => self.cleared(table, point),
            }
        }
        Ok(())
    }

    fn change(&mut self, change: Change, point: LogPoint, committed: i64) -> Result<(), BridgeError> {
        let Role { watch, lookup, subscriptions } = self.followed.role(change.table);
        if lookup == Some(LookupTable::ScheduleOp)
            && let Some(schedule) = self.schedule_of(&change)
        {
            self.schedules_changed(&[schedule], point, committed);
        }
        if point > self.loaded {
            if let Some(lookup) = lookup {
                let moved = self.lookup_changed(lookup, &change)?;
                self.schedules_changed(&moved, point, committed);
            }
            if subscriptions {
                self.subscription_changed(&change)?;
            }
        }
        if let Some(watched) = watch.and_then(|watch| self.watched.get_mut(&watch))
            && watched.cursors > 0
        {
            record(watched, change, point, committed, &self.zone);
        }
        Ok(())
    }

    fn cleared(&mut self, table: TableId, point: LogPoint) {
        let name = self.followed.name(table).to_owned();
        warn!(table = name, "the table was emptied or dropped; its unsent changes are dropped too");
        let Role { watch, lookup, subscriptions } = self.followed.role(table);
        if let Some(watch) = watch {
            self.watched_mut(watch).log.clear();
        }
        if (lookup.is_some() || subscriptions) && point > self.loaded {
            self.reload = true;
        }
    }

    /// The schedule that a row of `scheduleop` belongs to, or belonged to until it was deleted.
    fn schedule_of(&self, change: &Change) -> Option<i64> {
        let row = ImageRow::new(change.image.as_ref()?, &change.layout, &self.zone).ok()?;
        match row.field("ScheduleNum") {
            Field::Int(schedule) => Some(schedule),
            _ => None,
        }
    }

    /// Schedules whose operatories changed have changed, though neither their rows nor their stamps did: polling
    /// cannot see it.
    fn schedules_changed(&mut self, schedules: &[i64], point: LogPoint, committed: i64) {
        let watched = self.watched_mut(WatchTable::Schedule);
        if watched.cursors > 0 {
            for schedule in schedules {
                watched.log.record(RowKey::Int(*schedule), point, committed, None);
            }
        }
    }

    /// Applies a change to the lookups; returns the schedules whose operatories it changed.
    fn lookup_changed(&mut self, table: LookupTable, change: &Change) -> Result<Vec<i64>, BridgeError> {
        if let Some(old_key) = &change.old_key {
            let stale = self.lookups.remove(table, old_key).stale;
            self.forget_rendered(stale);
        }
        let changed = match (change.kind, &change.image) {
            (ChangeKind::Delete, _) => self.lookups.remove(table, &change.key),
            (_, Some(image)) => match ImageRow::new(image, &change.layout, &self.zone) {
                Ok(row) => self.lookups.upsert(table, &row)?,
                Err(error) => {
                    warn!(%error, "a row's image cannot be read; reading the whole table");
                    self.reload = true;
                    return Ok(Vec::new());
                }
            },
            (_, None) => {
                self.reload = true;
                return Ok(Vec::new());
            }
        };
        self.forget_rendered(changed.stale);
        Ok(changed.schedules)
    }

    /// JSON that was rendered with a lookup that changed is rendered again when it is next sent (rule W8).
    fn forget_rendered(&mut self, stale: &[WatchTable]) {
        for watch in stale {
            self.watched_mut(*watch).generation += 1;
        }
    }
}

/// Records a change in its watch table's log; `AppointmentDeleted` takes only some rows of its table.
fn record(watched: &mut Watched, change: Change, point: LogPoint, committed: i64, zone: &TimeZone) {
    let Change { kind, key, old_key, mut image, layout, .. } = change;
    if let Some(old_key) = old_key {
        watched.log.remove(&old_key);
    }
    if kind == ChangeKind::Delete {
        watched.log.remove(&key);
        return;
    }
    if let (WatchTable::AppointmentDeleted, Some(bytes)) = (watched.watch, &image) {
        match accepts(watched, bytes, &layout, zone) {
            Ok(true) => {}
            Ok(false) => {
                watched.log.remove(&key);
                return;
            }
            Err(error) => {
                // It is found out when the row is sent.
                warn!(table = watched.watch.table(), %error, "a row's image cannot be read; the row is read from the table");
                image = None;
            }
        }
    }
    let image = image.map(|bytes| StoredImage { bytes, layout: Arc::clone(&layout) });
    watched.log.record(key, point, committed, image);
}

fn accepts(watched: &mut Watched, image: &[u8], layout: &Arc<Layout>, zone: &TimeZone) -> Result<bool, RowError> {
    Ok(watched.accepts(layout, &ImageRow::new(image, layout, zone)?)?)
}
