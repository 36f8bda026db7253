//! From an open window to its events, one at a time per subscription (rules W6 and D2).

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use tracing::{error, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    jobs::{Attempted, Done, RowsAnswer},
    tables::{Body, RowError, Stamps},
};
use crate::{
    delivery::{Event, EventIdentity, webhook_id},
    opendental::{RenderError, Tells, WatchId},
    row::{Row, RowKey},
    source::TextRow,
    window::{Element, Phase, elements, plan},
};

/// Rows of an event that were read by key.
type ReadRows = HashMap<RowKey, Option<TextRow>>;

impl Engine {
    /// Sends the open window's event, or tries it again.
    pub(super) fn send(&mut self, num: i64) -> Result<(), BridgeError> {
        self.rebuild_plan(num);
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        if subscriber.window.as_ref().is_some_and(|window| window.event_end.is_none()) {
            return self.next_event(num);
        }
        subscriber.phase = Phase::Sending;
        let keys = self.keys_to_read(num);
        if keys.is_empty() {
            return self.send_event(num, &ReadRows::new());
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

    /// The event's rows that the change log holds no image of.
    fn keys_to_read(&self, num: i64) -> Vec<RowKey> {
        let watched = self.subscribers.get(&num).and_then(|subscriber| self.watched.get(&subscriber.watch));
        if watched.is_some_and(|watched| watched.watch.tells() == Tells::Deletions) {
            // They are nowhere else any more.
            return Vec::new();
        }
        let elements = self.elements(num);
        elements
            .into_iter()
            .filter_map(|element| match element {
                Element::ByKey((_, key)) => Some(key),
                Element::Logged(_) => None,
            })
            .collect()
    }

    fn elements(&self, num: i64) -> Vec<Element> {
        let Some(subscriber) = self.subscribers.get(&num) else { return Vec::new() };
        let watched = self.watched.get(&subscriber.watch);
        match (&subscriber.window, watched) {
            (Some(window), Some(watched)) => elements(window, &watched.log, self.delivery.max_elements),
            _ => Vec::new(),
        }
    }

    fn start_reading(&mut self, num: i64, keys: Vec<RowKey>) {
        let Some(subscriber) = self.subscribers.get(&num) else { return };
        let Some(watch) = self.tables.get(subscriber.watch).cloned() else { return };
        let (database, epoch) = (self.database.clone(), subscriber.epoch);
        let job = async move {
            let result = database.rows_by_keys::<_, &str>(watch.table(), watch.key_columns(), &[], &keys).await;
            let result = result.map(|rows| keys.into_iter().zip(rows).collect());
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
            Ok(rows) => self.send_event(num, &rows.into_iter().collect()),
            Err(error) => {
                warn!(subscription = num, %error, "rows could not be read; trying again");
                self.retry_later(num, None);
                Ok(())
            }
        }
    }

    /// Makes the event's body and hands it to delivery.
    fn send_event(&mut self, num: i64, read: &ReadRows) -> Result<(), BridgeError> {
        let body = match self.body(num, read) {
            Ok(Some(body)) => body,
            Ok(None) => {
                // A row lost its image while others were being read.
                let keys = self.keys_to_read(num);
                self.start_reading(num, keys);
                return Ok(());
            }
            Err(error) => {
                error!(subscription = num, %error, "a row cannot be sent; trying again until it can");
                self.retry_later(num, None);
                return Ok(());
            }
        };
        if body.elements == 0 {
            // All rows of the event have left the window: it counts as accepted.
            return self.accepted(num);
        }
        let Some((event, window)) = self.event(num, &body) else { return Ok(()) };
        let Some(subscriber) = self.subscribers.get(&num) else { return Ok(()) };
        let watch_table = self.tables.get(subscriber.watch).map(|watch| watch.name().to_owned()).unwrap_or_default();
        let (sender, epoch, stop) = (self.sender.clone(), subscriber.epoch, self.stop.clone());
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

    /// The event's body; `None` if rows must be read by key that are not in `read`.
    fn body(&mut self, num: i64, read: &ReadRows) -> Result<Option<Arc<Body>>, RenderError> {
        let Some((watch, plan, start, end)) = self.subscribers.get(&num).and_then(|subscriber| {
            let window = subscriber.window.as_ref()?;
            Some((subscriber.watch, window.plan.clone()?, window.progress.clone(), window.event_end.clone()))
        }) else {
            return Ok(None);
        };
        if let Some(body) = self.watched.get(&watch).and_then(|w| w.body(&plan, start.as_ref(), end.as_ref())) {
            return Ok(Some(body));
        }
        let mut parts = Vec::new();
        for element in self.elements(num) {
            let key = &element.mark().1;
            match self.element_json(watch, key, &element, read)? {
                ElementJson::Ready(json) => parts.push(json),
                ElementJson::Gone => {}
                ElementJson::Unread => return Ok(None),
            }
        }
        let watched = self.watched.get_mut(&watch);
        Ok(watched.map(|watched| watched.make_body(&plan, start.as_ref(), end.as_ref(), &parts)))
    }

    fn element_json(
        &mut self,
        watch: WatchId,
        key: &RowKey,
        element: &Element,
        read: &ReadRows,
    ) -> Result<ElementJson, RenderError> {
        let Some(watched) = self.watched.get_mut(&watch) else { return Ok(ElementJson::Gone) };
        if watched.watch.tells() == Tells::Deletions {
            let json = watched.deletion_json(key, &self.lookups, &self.zone)?;
            return Ok(json.map_or(ElementJson::Gone, ElementJson::Ready));
        }
        if let Element::Logged(_) = element {
            match watched.json(key, &self.lookups, &self.zone) {
                Ok(Some(json)) => return Ok(ElementJson::Ready(json)),
                Ok(None) => {}
                Err(error @ (RowError::Image(_) | RowError::Render(RenderError::Missing { .. }))) => {
                    warn!(table = watched.watch.table(), %error, "a row's image cannot be read; reading the row from the table");
                    watched.log.drop_image(key);
                }
                Err(RowError::Render(error)) => return Err(error),
            }
        }
        match read.get(key) {
            None => Ok(ElementJson::Unread),
            Some(None) => Ok(ElementJson::Gone),
            Some(Some(row)) => {
                let binding = watched.watch.bind(row.columns());
                if !binding.accepts(row)? {
                    return Ok(ElementJson::Gone);
                }
                let mut json = Vec::with_capacity(1024);
                binding.render(row, &self.lookups, &mut json)?;
                Ok(ElementJson::Ready(json.into()))
            }
        }
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
            event_type: format!("WatchTable: {}", watch.name()),
            body: body.bytes.clone(),
            troubled: subscriber.failures > 0,
        };
        Some((event, window.number))
    }
}

enum ElementJson {
    Ready(Arc<[u8]>),
    /// The row is gone from the table, or no longer belongs to the watch table.
    Gone,
    /// The row must be read by its key first.
    Unread,
}
