//! Which rows of an open window make its next event.

use super::{ChangeLog, Entry, Plan, Window};
use crate::{
    binlog::LogPoint,
    packed::{Mark, Marks, MarksBuilder},
    row::RowKey,
};

/// Where an element of an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// The change log holds the row's image.
    Logged(Mark),
    /// The row is read by its key when it is sent.
    ByKey(Mark),
}

impl Element {
    /// Its place in the window.
    pub fn mark(&self) -> &Mark {
        match self {
            Self::Logged(mark) | Self::ByKey(mark) => mark,
        }
    }
}

/// Orders the rows of a window that closes over `from`..`to` of `log`, together with what a catch-up found.
///
/// `stamp` tells a row's time stamp in microseconds UTC.
pub fn plan(
    log: &ChangeLog,
    from: LogPoint,
    to: LogPoint,
    backlog: Option<&Marks>,
    stamp: impl Fn(&Entry<'_>) -> i64,
) -> Plan {
    plan_part(log, from, to, backlog, Part::default(), stamp)
}

/// A part of a window's rows, in their order: of which rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// Those behind this one.
    pub behind: Option<&'a Mark>,
    /// Those up to and including this one.
    pub until: Option<&'a Mark>,
}

/// As [`plan`], of a part of the window's rows.
pub fn plan_part(
    log: &ChangeLog,
    from: LogPoint,
    to: LogPoint,
    backlog: Option<&Marks>,
    part: Part<'_>,
    stamp: impl Fn(&Entry<'_>) -> i64,
) -> Plan {
    let mut marks = MarksBuilder::default();
    let mut take = |stamp: i64, key: &RowKey| {
        let place = (stamp, key);
        let is_in = part.behind.is_none_or(|(stamp, key)| place > (*stamp, key))
            && part.until.is_none_or(|(stamp, key)| place <= (*stamp, key));
        if is_in {
            marks.push(stamp, key);
        }
    };
    for (key, entry) in log.range(from, to) {
        take(stamp(&entry), key);
    }
    for (key, stamp) in log.packed(from, to) {
        take(stamp, &key);
    }
    // A row that the log knows too has changed since the scan: the log's word is newer.
    let scanned = backlog.into_iter().flat_map(Marks::iter);
    for (stamp, key) in scanned.filter(|(_, key)| log.point_of(key).is_none_or(|point| point <= from)) {
        take(stamp, &key);
    }
    Plan::new(marks.finish())
}

/// The elements of the window's event under way or, when none is, of its next one: at most `max`.
///
/// Rows that changed again behind the barrier, or are gone, have left the window. An empty answer means that nothing
/// of the event, or of the window, is left to send.
pub fn elements(window: &Window, log: &ChangeLog, max: usize) -> Vec<Element> {
    let Some(plan) = &window.plan else { return Vec::new() };
    let rows = plan.rows(window.progress.as_ref(), window.event_end.as_ref());
    // The range of an event that was formed before is its own limit.
    let max = if window.event_end.is_some() { usize::MAX } else { max };
    rows.filter_map(|mark| element(window, log, mark)).take(max).collect()
}

fn element(window: &Window, log: &ChangeLog, mark: Mark) -> Option<Element> {
    let key: &RowKey = &mark.1;
    match log.point_of(key) {
        Some(point) if point > window.to.point => None,
        Some(point) if point > window.from => {
            let has_image = log.get(key).is_some_and(|entry| entry.image.is_some());
            Some(if has_image { Element::Logged(mark) } else { Element::ByKey(mark) })
        }
        // What a catch-up found, or the log has given up, has no entry; a row deleted since is not found by its key and
        // drops out there.
        _ => (window.caught_up_from.is_some() || window.elsewhere).then_some(Element::ByKey(mark)),
    }
}
