//! An event's elements and the body that they make.

use std::{collections::HashMap, sync::Arc};

use tracing::warn;

use super::{
    engine::Engine,
    reading::EventRange,
    tables::{Body, RowError},
};
use crate::{
    binlog::LogPoint,
    opendental::{RenderError, Tells, WatchId},
    row::{Row, RowKey},
    source::TextRow,
    window::{Element, Mark, elements},
};

/// What of an event must be read by key, and what others have read of it.
#[derive(Default)]
pub(super) struct KeysToRead {
    pub(super) keys: Vec<RowKey>,
    known: Vec<(RowKey, Option<Arc<[u8]>>)>,
}

/// Rows of an event that its change log holds no image of. Each is handed out once: large ones are in memory twice
/// otherwise.
#[derive(Default)]
pub(super) struct EventRows {
    rows: HashMap<RowKey, EventRow>,
    /// There was no room for all that were asked for.
    is_part: bool,
    /// They are no older than this place in the log.
    at: LogPoint,
}

enum EventRow {
    Read(TextRow),
    Rendered(Arc<[u8]>),
    /// It is gone, or is not the watch table's.
    Gone,
}

impl EventRows {
    /// What was known when it was `asked` for the rows.
    pub(super) fn known(asked: KeysToRead) -> Self {
        let row = |json: Option<Arc<[u8]>>| json.map_or(EventRow::Gone, EventRow::Rendered);
        let rows = asked.known.into_iter().map(|(key, json)| (key, row(json))).collect();
        Self { rows, is_part: false, at: LogPoint::default() }
    }

    /// The `rows` of the first of the keys that were asked for, read when the log had been read up to `at`.
    pub(super) fn read(mut asked: KeysToRead, rows: Vec<Option<TextRow>>, at: LogPoint) -> Self {
        let keys = std::mem::take(&mut asked.keys);
        let is_part = rows.len() < keys.len();
        let mut known = Self::known(asked);
        let rows = rows.into_iter().map(|row| row.map_or(EventRow::Gone, EventRow::Read));
        known.rows.extend(keys.into_iter().zip(rows));
        Self { is_part, at, ..known }
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

/// What became of one element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Its JSON was appended.
    Written,
    /// The row is gone from the table, or no longer belongs to the watch table.
    Gone,
    /// The row must be read by its key first.
    Unread,
}

impl Engine {
    /// The event's rows that the change log holds no image of.
    pub(super) fn keys_to_read(&self, num: i64) -> KeysToRead {
        let mut asked = KeysToRead::default();
        let Some(watch) = self.subscribers.get(&num).map(|subscriber| subscriber.watch) else { return asked };
        let Some(watched) = self.watched.get(&watch) else { return asked };
        if watched.watch.tells() == Tells::Deletions {
            // They are nowhere else any more.
            return asked;
        }
        for element in self.elements(num) {
            let Element::ByKey((_, key)) = element else { continue };
            match self.row_cache.get(watch, &key, watched.log.point_of(&key), watched.generation) {
                Some(json) => asked.known.push((key, json)),
                None => asked.keys.push(key),
            }
        }
        asked
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
    pub(super) fn body(&mut self, num: i64, rows: &mut EventRows) -> Result<EventBody, RenderError> {
        let Some(range) = self.event_range(num) else { return Ok(EventBody::Unread) };
        if let Some(body) = self.watched.get(&range.watch).and_then(|watched| watched.body(&range)) {
            return Ok(EventBody::Whole(body));
        }
        let (mut bytes, mut count, mut last) = (vec![b'['], 0, None);
        for element in self.elements(num) {
            let before = bytes.len();
            if count > 0 {
                bytes.push(b',');
            }
            match self.write_element(range.watch, &element, rows, &mut bytes)? {
                Made::Written => count += 1,
                Made::Gone => bytes.truncate(before),
                Made::Unread => {
                    return Ok(last.filter(|_| rows.is_part).map_or(EventBody::Unread, EventBody::TooLarge));
                }
            }
            if bytes.len() > self.shares.event
                && let Some(last) = last
            {
                return Ok(EventBody::TooLarge(last));
            }
            last = Some(element.mark().clone());
        }
        bytes.push(b']');
        let troubled = self.is_troubled(num);
        let Some(watched) = self.watched.get_mut(&range.watch) else { return Ok(EventBody::Unread) };
        Ok(EventBody::Whole(watched.keep_body(range, bytes, count, troubled)))
    }

    /// Which rows the subscription's event has.
    pub(super) fn event_range(&self, num: i64) -> Option<EventRange> {
        let subscriber = self.subscribers.get(&num)?;
        let window = subscriber.window.as_ref()?;
        let (plan, start, end) = (window.plan.clone()?, window.progress.clone(), window.event_end.clone());
        Some(EventRange { watch: subscriber.watch, plan, start, end })
    }

    /// Whether one more body may be made for the subscription: others send the same, or not too many are under way.
    pub(super) fn has_room(&self, num: i64) -> bool {
        let shared = self.event_range(num).and_then(|range| self.watched.get(&range.watch)?.body(&range));
        let troubled = self.is_troubled(num);
        let under_way = || self.watched.values().map(|watched| watched.body_bytes(troubled)).sum::<usize>();
        shared.is_some() || under_way() < self.shares.bodies
    }

    fn is_troubled(&self, num: i64) -> bool {
        self.subscribers.get(&num).is_some_and(|subscriber| subscriber.failures > 0)
    }

    /// Appends the element's JSON to `out`.
    fn write_element(
        &mut self,
        watch: WatchId,
        element: &Element,
        rows: &mut EventRows,
        out: &mut Vec<u8>,
    ) -> Result<Made, RenderError> {
        let key = &element.mark().1;
        let Some(watched) = self.watched.get_mut(&watch) else { return Ok(Made::Gone) };
        let mut written = |json: &[u8]| {
            out.extend_from_slice(json);
            Ok(Made::Written)
        };
        if watched.watch.tells() == Tells::Deletions {
            let json = watched.deletion_json(key, &self.lookups, &self.zone)?;
            return json.map_or(Ok(Made::Gone), |json| written(&json));
        }
        if let Element::Logged(_) = element {
            match watched.json(key, &self.lookups, &self.zone) {
                Ok(Some(json)) => return written(&json),
                Ok(None) => {}
                Err(error @ (RowError::Image(_) | RowError::Render(RenderError::Missing { .. }))) => {
                    warn!(table = watched.watch.table(), %error, "a row's image cannot be read; reading the row from the table");
                    watched.log.drop_image(key);
                }
                Err(RowError::Render(error)) => return Err(error),
            }
        }
        match rows.rows.remove(key) {
            None => Ok(Made::Unread),
            Some(EventRow::Rendered(json)) => written(&json),
            Some(EventRow::Gone) => {
                self.keep_for_others(watch, key, rows.at, None);
                Ok(Made::Gone)
            }
            Some(EventRow::Read(row)) => {
                let binding = watched.watch.bind(row.columns());
                let begin = out.len();
                let accepted = binding.accepts(&row)?;
                if accepted {
                    // Not twice as much for the last of many bytes.
                    out.reserve(row.bytes());
                    binding.render(&row, &self.lookups, out)?;
                }
                self.keep_for_others(watch, key, rows.at, accepted.then(|| out.get(begin..)).flatten());
                Ok(if accepted { Made::Written } else { Made::Gone })
            }
        }
    }

    /// Keeps a row that was read when the log had been read up to `at` for other subscriptions, if it has not changed
    /// since.
    fn keep_for_others(&mut self, watch: WatchId, key: &RowKey, at: LogPoint, json: Option<&[u8]>) {
        let Some(watched) = self.watched.get(&watch).filter(|watched| watched.cursors > 1) else { return };
        if watched.log.point_of(key).is_none_or(|changed| changed <= at) {
            self.row_cache.keep(watch, key, at, watched.generation, json);
        }
    }
}
