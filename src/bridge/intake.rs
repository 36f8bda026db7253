//! What the reader hands out goes into the change logs, the lookups and the subscriptions.

use std::sync::Arc;

use chrono::Utc;
use tracing::{info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    tables::{Role, Watched},
};
use crate::{
    binlog::LogPoint,
    opendental::WatchTable,
    row::Row,
    source::{Change, ChangeKind, ImageRow, Message, SourceError, Step, TableId, Transaction},
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
        let Transaction { point, committed, steps } = transaction;
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
        if point > self.loaded {
            if lookup {
                self.lookup_changed(&change)?;
            }
            if subscriptions {
                self.subscription_changed(&change)?;
            }
        }
        match watch.and_then(|watch| self.watched.get_mut(&watch)) {
            Some(watched) if watched.cursors > 0 => record(watched, change, point, committed, &self.zone),
            _ => Ok(()),
        }
    }

    fn cleared(&mut self, table: TableId, point: LogPoint) {
        let name = self.followed.name(table).to_owned();
        warn!(table = name, "the table was emptied or dropped; its unsent changes are dropped too");
        let Role { watch, lookup, subscriptions } = self.followed.role(table);
        if let Some(watch) = watch {
            self.watched_mut(watch).log.clear();
        }
        if (lookup || subscriptions) && point > self.loaded {
            self.reload = true;
        }
    }

    fn lookup_changed(&mut self, change: &Change) -> Result<(), BridgeError> {
        let table = change.layout.table.clone();
        let Some(image) = &change.image else {
            self.reload = true;
            return Ok(());
        };
        let row = ImageRow::new(image, &change.layout, &self.zone)?;
        let changed = match change.kind {
            ChangeKind::Delete => self.lookups.remove(&table, &row),
            ChangeKind::Insert | ChangeKind::Update => {
                if change.old_key.is_some() {
                    // Its old row is not in the after image.
                    self.reload = true;
                }
                self.lookups.upsert(&table, &row)
            }
        };
        if changed {
            for watch in self.lookups.stale(&table).to_vec() {
                self.watched_mut(watch).generation += 1;
            }
        }
        Ok(())
    }
}

/// Records a change in its watch table's log; `AppointmentDeleted` takes only some rows of its table.
fn record(
    watched: &mut Watched,
    change: Change,
    point: LogPoint,
    committed: i64,
    zone: &crate::source::TimeZone,
) -> Result<(), BridgeError> {
    let Change { kind, key, old_key, image, layout, .. } = change;
    if let Some(old_key) = old_key {
        watched.log.remove(&old_key);
    }
    if kind == ChangeKind::Delete {
        watched.log.remove(&key);
        return Ok(());
    }
    if let (WatchTable::AppointmentDeleted, Some(bytes)) = (watched.watch, &image) {
        let row = ImageRow::new(bytes, &layout, zone)?;
        if !watched.accepts(&layout, &row as &dyn Row) {
            watched.log.remove(&key);
            return Ok(());
        }
    }
    let image = image.map(|bytes| StoredImage { bytes, layout: Arc::clone(&layout) });
    watched.log.record(key, point, committed, image);
    Ok(())
}
