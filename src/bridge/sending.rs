//! From an open window to its events, one at a time per subscription (rules W6 and D2).

use std::sync::Arc;

use chrono::Utc;
use tracing::debug;

use super::{
    engine::Engine,
    error::BridgeError,
    event_body::{EventBody, ReadRows},
    jobs::{Attempted, Done, RowsAnswer},
    storing::Then,
    tables::{Body, Stamps},
};
use crate::{
    delivery::{Event, EventIdentity, webhook_id},
    row::RowKey,
    window::{Mark, Phase, plan},
};

/// How long an event waits for others to be done, before it is looked whether there is room for it.
const NO_ROOM_MILLIS: i64 = 100;

impl Engine {
    /// Sends the open window's event, or tries it again.
    pub(super) fn send(&mut self, num: i64) -> Result<(), BridgeError> {
        self.rebuild_plan(num);
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        if subscriber.window.as_ref().is_some_and(|window| window.event_end.is_none()) {
            return self.next_event(num);
        }
        subscriber.phase = Phase::Sending;
        if !self.has_room(num) {
            self.wait_for_room(num);
            return Ok(());
        }
        let keys = self.keys_to_read(num);
        if keys.is_empty() {
            return self.send_event(num, &ReadRows::default());
        }
        self.start_reading(num, keys);
        Ok(())
    }

    /// Orders the rows of a window that was restored after a restart, now that the log has been read up to its end.
    fn rebuild_plan(&mut self, num: i64) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let Some(watched) = self.watched.get(&subscriber.watch) else { return };
        let Some(window) = subscriber.window.as_mut().filter(|window| window.plan.is_none()) else { return };
        let backlog = subscriber.backlog.take();
        let stamps = Stamps::new(&watched.watch, &self.zone);
        let plan = plan(&watched.log, window.from, window.to.point, backlog.as_deref(), |entry| stamps.of(entry));
        window.plan = Some(Arc::new(plan));
    }

    fn start_reading(&mut self, num: i64, keys: Vec<RowKey>) {
        let Some(subscriber) = self.subscribers.get(&num) else { return };
        let Some(watch) = self.tables.get(subscriber.watch).cloned() else { return };
        let (database, epoch, most) = (self.database.clone(), subscriber.epoch, self.shares.event);
        let job = async move {
            let result = database.rows_by_keys::<_, &str>(watch.table(), watch.key_columns(), &[], &keys, most).await;
            let result = result.map(|rows| ReadRows::new(keys, rows));
            Done::RowsRead(RowsAnswer { num, epoch, result })
        };
        let handle = self.spawn_until_stop(job);
        self.attempts.insert(num, handle);
    }

    pub(super) fn rows_read(&mut self, answer: RowsAnswer) -> Result<(), BridgeError> {
        let RowsAnswer { num, epoch, result } = answer;
        if self.stopping || self.subscribers.get(&num).is_none_or(|subscriber| subscriber.epoch != epoch) {
            return Ok(());
        }
        match result {
            // There was room when they were asked for.
            Ok(_) if !self.has_room(num) => {
                self.wait_for_room(num);
                Ok(())
            }
            Ok(rows) => self.send_event(num, &rows),
            Err(error) => {
                self.cannot_be_made(num, format!("rows could not be read: {error}"));
                Ok(())
            }
        }
    }

    /// Makes the event's body and hands it to delivery.
    fn send_event(&mut self, num: i64, read: &ReadRows) -> Result<(), BridgeError> {
        let body = match self.body(num, read) {
            Ok(EventBody::Whole(body)) => body,
            Ok(EventBody::TooLarge(last)) => {
                self.end_event_at(num, last);
                return Ok(());
            }
            Ok(EventBody::Unread) => {
                // A row lost its image while others were being read.
                let keys = self.keys_to_read(num);
                self.start_reading(num, keys);
                return Ok(());
            }
            Err(error) => {
                self.cannot_be_made(num, format!("a row cannot be sent: {error}"));
                return Ok(());
            }
        };
        if body.elements == 0 {
            // All rows of the event have left the window: it counts as accepted.
            return self.event_over(num);
        }
        let Some((event, window)) = self.event(num, &body) else { return Ok(()) };
        let Some(subscriber) = self.subscribers.get(&num) else { return Ok(()) };
        self.published.trying(num, self.own_clock.now().timestamp_millis());
        let watch_table = self.tables.get(subscriber.watch).map(|watch| watch.name().to_owned()).unwrap_or_default();
        let (sender, epoch, stop) = (self.sender.clone(), subscriber.epoch, self.stop.clone());
        let bytes = event.body.len();
        debug!(subscription = num, window, id = event.id, elements = body.elements, bytes, "sending");
        let handle = self.jobs.spawn(async move {
            let Some(attempt) = sender.attempt_unless(&event, Utc::now(), stop.cancelled()).await else {
                return Done::GivenUp;
            };
            let (elements, bytes) = (body.elements, event.body.len());
            Done::Attempted(Attempted { num, epoch, watch_table, window, id: event.id, elements, bytes, attempt })
        });
        self.attempts.insert(num, handle);
        Ok(())
    }

    /// Lets the event end at an earlier row, under an id of its own, before it is tried.
    fn end_event_at(&mut self, num: i64, last: Mark) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let Some(window) = &mut subscriber.window else { return };
        window.event_end = Some(last);
        subscriber.phase = Phase::Storing;
        let epoch = subscriber.epoch;
        self.store_then(num, Some(Then::Send { num, epoch }));
    }

    fn wait_for_room(&mut self, num: i64) {
        let at = self.now_millis().saturating_add(NO_ROOM_MILLIS);
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        subscriber.phase = Phase::Retrying(at);
        self.wake.insert((at, num));
    }

    /// The event, and the number of its window.
    fn event(&self, num: i64, body: &Body) -> Option<(Event, u64)> {
        let subscriber = self.subscribers.get(&num)?;
        let window = subscriber.window.as_ref()?;
        let watch = self.tables.get(subscriber.watch)?;
        let mark = |mark: &'_ Option<(i64, RowKey)>| mark.as_ref().map(|(stamp, key)| (*stamp, key.clone()));
        let (start, end) = (mark(&window.progress), mark(&window.event_end));
        let id = webhook_id(&EventIdentity {
            log: &self.instance,
            subscription: num,
            window: window.number,
            from: window.from,
            to: window.to.point,
            start: start.as_ref().map(|(stamp, key)| (*stamp, key)),
            end: end.as_ref().map(|(stamp, key)| (*stamp, key)),
        });
        let event = Event {
            id,
            subscription: num,
            url: subscriber.subscription.end_point_url.clone(),
            customer_key: subscriber.subscription.customer_key.clone(),
            workstation: None,
            event_type: format!("WatchTable: {}", watch.name()),
            body: body.bytes.clone(),
            troubled: subscriber.failures > 0,
        };
        Some((event, window.number))
    }
}
