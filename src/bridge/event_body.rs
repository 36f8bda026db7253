//! An event's elements and the body that they make.

use std::{collections::HashMap, sync::Arc};

use tracing::warn;

use super::{
    engine::Engine,
    tables::{Body, RowError},
};
use crate::{
    opendental::{RenderError, Tells, WatchId},
    row::{Row, RowKey},
    source::TextRow,
    window::{Element, Mark, Plan, elements},
};

/// Rows of an event that were read by key.
#[derive(Default)]
pub(super) struct ReadRows {
    /// `None`: the row is gone.
    rows: HashMap<RowKey, Option<TextRow>>,
    /// There was no room for all that were asked for.
    is_part: bool,
}

impl ReadRows {
    /// The `rows` of the first of `keys`.
    pub(super) fn new(keys: Vec<RowKey>, rows: Vec<Option<TextRow>>) -> Self {
        let is_part = rows.len() < keys.len();
        Self { rows: keys.into_iter().zip(rows).collect(), is_part }
    }
}

/// What became of an event's body.
pub(super) enum EventBody {
    Whole(Arc<Body>),
    /// The event is to end at this row: it would be too large.
    TooLarge(Mark),
    /// Rows must be read by key that were not.
    Unread,
}

/// A watch table, and the stretch of a plan.
type EventRange = (WatchId, Arc<Plan>, Option<Mark>, Option<Mark>);

enum ElementJson {
    Ready(Arc<[u8]>),
    /// The row is gone from the table, or no longer belongs to the watch table.
    Gone,
    /// The row must be read by its key first.
    Unread,
}

impl Engine {
    /// The event's rows that the change log holds no image of.
    pub(super) fn keys_to_read(&self, num: i64) -> Vec<RowKey> {
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

    /// The event's body, if its rows were read and it is not too large.
    pub(super) fn body(&mut self, num: i64, read: &ReadRows) -> Result<EventBody, RenderError> {
        let Some((watch, plan, start, end)) = self.event_range(num) else { return Ok(EventBody::Unread) };
        if let Some(body) = self.watched.get(&watch).and_then(|w| w.body(&plan, start.as_ref(), end.as_ref())) {
            return Ok(EventBody::Whole(body));
        }
        let (mut parts, mut bytes, mut last) = (Vec::new(), 0, None);
        for element in self.elements(num) {
            let json = match self.element_json(watch, &element.mark().1, &element, read)? {
                ElementJson::Ready(json) => Some(json),
                ElementJson::Gone => None,
                ElementJson::Unread => {
                    return Ok(last.filter(|_| read.is_part).map_or(EventBody::Unread, EventBody::TooLarge));
                }
            };
            bytes += json.as_ref().map_or(0, |json| json.len());
            if bytes > self.shares.event
                && let Some(last) = last
            {
                return Ok(EventBody::TooLarge(last));
            }
            parts.extend(json);
            last = Some(element.mark().clone());
        }
        let troubled = self.is_troubled(num);
        let Some(watched) = self.watched.get_mut(&watch) else { return Ok(EventBody::Unread) };
        Ok(EventBody::Whole(watched.make_body(&plan, start.as_ref(), end.as_ref(), &parts, troubled)))
    }

    fn event_range(&self, num: i64) -> Option<EventRange> {
        let subscriber = self.subscribers.get(&num)?;
        let window = subscriber.window.as_ref()?;
        Some((subscriber.watch, window.plan.clone()?, window.progress.clone(), window.event_end.clone()))
    }

    /// Whether one more body may be made for the subscription: others send the same, or not too many are under way.
    pub(super) fn has_room(&self, num: i64) -> bool {
        let shared = self
            .event_range(num)
            .and_then(|(watch, plan, start, end)| self.watched.get(&watch)?.body(&plan, start.as_ref(), end.as_ref()));
        let troubled = self.is_troubled(num);
        let under_way = || self.watched.values().map(|watched| watched.body_bytes(troubled)).sum::<usize>();
        shared.is_some() || under_way() < self.shares.bodies
    }

    fn is_troubled(&self, num: i64) -> bool {
        self.subscribers.get(&num).is_some_and(|subscriber| subscriber.failures > 0)
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
        match read.rows.get(key) {
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
}
