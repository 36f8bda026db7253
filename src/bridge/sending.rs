//! From an open window to its events, one at a time per subscription (rules W6 and D2).

use std::sync::Arc;

use chrono::Utc;
use tracing::debug;

use super::{
    engine::Engine,
    error::BridgeError,
    event_body::{EventBody, EventRows},
    jobs::{Attempted, Done},
    storing::Then,
    tables::{Body, Stamps},
};
use crate::{
    delivery::{Event, EventIdentity, webhook_id},
    opendental::RenderError,
    row::RowKey,
    window::{Mark, Phase, plan},
};

/// How long an event waits for others to be done, before it is looked whether there is room for it.
const NO_ROOM_MILLIS: i64 = 100;

impl Engine {
    /// Sends the open window's event, or tries it again.
    pub(super) fn send(&mut self, num: i64) -> Result<(), BridgeError> {
        if self.lacks_kept_keys(num) {
            return Ok(());
        }
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
        let asked = self.keys_to_read(num);
        if !asked.keys.is_empty() {
            self.start_reading(num, asked);
            return Ok(());
        }
        let made = self.body(num, &mut EventRows::known(asked));
        self.send_made(num, &made)
    }

    /// Has keys read from the state file that are part of a window which was restored after a restart.
    fn lacks_kept_keys(&mut self, num: i64) -> bool {
        let window = self.subscribers.get(&num).and_then(|subscriber| subscriber.window.as_ref());
        let Some(window) = window.filter(|window| window.plan.is_none()) else { return false };
        let progress = window.progress.clone();
        if !self.has_kept_keys(num) {
            return false;
        }
        if self.are_keys_leaving(num) {
            self.wait_for_room(num);
        } else {
            self.find_keys_of_window(num, progress);
        }
        true
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

    /// Hands the event to delivery, whose body was made or could not be.
    pub(super) fn send_made(&mut self, num: i64, made: &Result<EventBody, RenderError>) -> Result<(), BridgeError> {
        let body = match made {
            Ok(EventBody::Whole(body)) => body.clone(),
            Ok(EventBody::TooLarge(last)) => {
                self.end_event_at(num, last.clone());
                return Ok(());
            }
            Ok(EventBody::Unread) => {
                // A row lost its image while others were being read.
                let asked = self.keys_to_read(num);
                self.start_reading(num, asked);
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

    pub(super) fn wait_for_room(&mut self, num: i64) {
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
