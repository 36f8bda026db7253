//! Rows of events are read by key once for all subscriptions that send the same (rules R6 and R9).

use std::sync::Arc;

use super::{
    engine::Engine,
    error::BridgeError,
    event_body::{EventRows, KeysToRead},
    jobs::Done,
};
use crate::{
    binlog::LogPoint,
    opendental::WatchId,
    source::{DatabaseError, TextRow},
    window::{Mark, Plan},
};

/// A watch table, and a stretch of a plan: which rows an event has.
#[derive(Clone, Debug)]
pub(super) struct EventRange {
    pub(super) watch: WatchId,
    pub(super) plan: Arc<Plan>,
    pub(super) start: Option<Mark>,
    pub(super) end: Option<Mark>,
}

impl PartialEq for EventRange {
    fn eq(&self, other: &Self) -> bool {
        let same_plan = self.watch == other.watch && Arc::ptr_eq(&self.plan, &other.plan);
        same_plan && self.start == other.start && self.end == other.end
    }
}

/// The events whose rows are being read, each with the subscriptions that wait for them and their epochs.
#[derive(Debug, Default)]
pub(super) struct Readings(Vec<(EventRange, Vec<(i64, u64)>)>);

impl Readings {
    /// Lets the subscription wait for the event's rows; whether nobody reads them yet.
    fn wait(&mut self, range: &EventRange, num: i64, epoch: u64) -> bool {
        match self.0.iter_mut().find(|(known, _)| known == range) {
            Some((_, waiting)) => {
                waiting.push((num, epoch));
                false
            }
            None => {
                self.0.push((range.clone(), vec![(num, epoch)]));
                true
            }
        }
    }

    /// They were read, or could not be: who waited for them.
    fn ended(&mut self, range: &EventRange) -> Vec<(i64, u64)> {
        let index = self.0.iter().position(|(known, _)| known == range);
        index.map_or_else(Vec::new, |index| self.0.swap_remove(index).1)
    }
}

/// Rows that were read by their keys.
pub(super) struct RowsAnswer {
    pub(super) range: EventRange,
    pub(super) asked: KeysToRead,
    /// The log had been read up to here: they are no older.
    pub(super) at: LogPoint,
    /// Of the first keys: there may have been no room for more.
    pub(super) result: Result<Vec<Option<TextRow>>, DatabaseError>,
}

impl Engine {
    /// Reads the rows of the subscription's event by their keys, unless that is under way for another.
    pub(super) fn start_reading(&mut self, num: i64, asked: KeysToRead) {
        let Some(range) = self.event_range(num) else { return };
        let Some(epoch) = self.subscribers.get(&num).map(|subscriber| subscriber.epoch) else { return };
        let Some(watch) = self.tables.get(range.watch).cloned() else { return };
        if !self.readings.wait(&range, num, epoch) {
            return;
        }
        let (database, at, most) = (self.database.clone(), self.boundary.position.point(), self.shares.event);
        self.spawn_until_stop(async move {
            let (table, key_columns) = (watch.table(), watch.key_columns());
            let result = database.rows_by_keys::<_, &str>(table, key_columns, &[], &asked.keys, most).await;
            Done::RowsRead(Box::new(RowsAnswer { range, asked, at, result }))
        });
    }

    pub(super) fn rows_read(&mut self, answer: RowsAnswer) -> Result<(), BridgeError> {
        let RowsAnswer { range, asked, at, result } = answer;
        let waited = self.readings.ended(&range);
        if self.stopping {
            return Ok(());
        }
        let still_waits = |&(num, epoch): &(i64, u64)| {
            let same = self.subscribers.get(&num).is_some_and(|subscriber| subscriber.epoch == epoch);
            (same && self.event_range(num).as_ref() == Some(&range)).then_some(num)
        };
        let waiting: Vec<i64> = waited.iter().filter_map(still_waits).collect();
        let Some(&first) = waiting.first() else { return Ok(()) };
        match result {
            Ok(rows) if self.has_room(first) => {
                let made = self.body(first, &mut EventRows::read(asked, rows, at));
                for num in waiting {
                    self.send_made(num, &made)?;
                }
            }
            // There was room when they were asked for.
            Ok(_) => waiting.into_iter().for_each(|num| self.wait_for_room(num)),
            Err(error) => {
                for num in waiting {
                    self.cannot_be_made(num, format!("rows could not be read: {error}"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{opendental::WatchTables, row::RowKey, window::Marks};

    #[test]
    fn r6_who_sends_the_same_waits_for_one_reading() {
        let watch = WatchTables::api().find("Appointment").unwrap().0;
        let range = |plan: &Arc<Plan>, end| EventRange { watch, plan: plan.clone(), start: None, end };
        let plan = || Arc::new(Plan::new(Marks::default()));
        let (one, other) = (plan(), plan());
        let mut readings = Readings::default();
        assert!(readings.wait(&range(&one, None), 1, 10));
        assert!(!readings.wait(&range(&one, None), 2, 20));
        assert!(readings.wait(&range(&one, Some((1, RowKey::Int(1)))), 3, 30), "another event of the plan");
        assert!(readings.wait(&range(&other, None), 4, 40), "an equal plan over another stretch");
        assert_eq!(readings.ended(&range(&one, None)), [(1, 10), (2, 20)]);
        assert_eq!(readings.ended(&range(&one, None)), []);
        assert_eq!(readings.ended(&range(&other, None)), [(4, 40)]);
    }
}
