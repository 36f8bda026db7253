//! Whose place in the server's log is still there after a start, and who must catch up (rule R8).

use tracing::warn;

use crate::{
    binlog::{LogPoint, Position},
    source::{LogFiles, Reach},
    state::SavedSubscription,
    window::Instant,
};

/// Why the server's log could not be read on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// It is another log: no place in it is ours.
    All,
    /// It holds bytes that can be neither read nor passed over, behind all places.
    Unreadable,
    /// The server does not send it from this point on, nor from any before it.
    UpTo(LogPoint),
}

/// What is known of the server's log at a start.
pub(super) struct Log<'a> {
    /// It is another server's than at the last start.
    pub(super) another: bool,
    /// How it was found that it cannot be continued, if it was.
    pub(super) lost: Option<Lost>,
    pub(super) files: &'a LogFiles,
    /// Its end.
    pub(super) end: LogPoint,
    pub(super) clock: ClockNow,
}

/// What the server's clock shows at a start.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockNow {
    pub(super) now: Instant,
    /// By how many seconds it was set back since the bridge last looked, compared with this machine's: 0 if it was not.
    pub(super) set_back: i64,
}

impl Log<'_> {
    /// Forgets the places that the log can no longer serve: those subscriptions catch up from `overlap` seconds before
    /// their last window. Returns what is to be told of it, for each reason that there was.
    pub(super) fn forget_lost(&self, subscriptions: &mut [SavedSubscription], overlap: i64) -> Vec<String> {
        // A log only grows: if any place lies behind its end, none of them is in it.
        let anew = furthest(subscriptions).is_some_and(|point| point > self.end);
        let mut forgotten: Vec<(&'static str, Vec<i64>)> = Vec::new();
        for saved in subscriptions.iter_mut() {
            let Some(reason) = self.reason(saved, anew) else { continue };
            forget(saved, overlap, self.clock);
            match forgotten.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, nums)) => nums.push(saved.num),
                None => forgotten.push((reason, vec![saved.num])),
            }
        }
        let told = |(reason, nums): (&'static str, Vec<i64>)| {
            let what = format!(
                "{reason}: these subscriptions catch up by time stamp from their last window on. Rows deleted since then \
                 cannot be told, and tables without a time stamp are sent whole"
            );
            warn!(subscriptions = ?nums, "{what}");
            what
        };
        forgotten.into_iter().map(told).collect()
    }

    /// Why the place cannot be served.
    fn reason(&self, saved: &SavedSubscription, anew: bool) -> Option<&'static str> {
        let resume = saved.cursor.as_ref()?.resume.point();
        if self.another {
            return Some("this is another server than before");
        }
        if anew || matches!(self.lost, Some(Lost::All)) {
            return Some("the server's log was started anew, or is another server's");
        }
        if matches!(self.lost, Some(Lost::Unreadable)) {
            return Some("the server's log cannot be read from their place on");
        }
        match (self.files.reach(resume), &self.lost) {
            (Reach::Held, Some(Lost::UpTo(point))) if resume <= *point => {
                Some("the server does not send its log from their place on")
            }
            (Reach::Held, _) => None,
            (Reach::Purged, _) => Some("the server has deleted its log from their place on"),
            (Reach::Beyond, _) => Some("the server's log is shorter than it was"),
        }
    }
}

/// Takes out the subscriptions whose places lie more than `max_rebuild` bytes of log behind that of the subscription
/// which has come furthest (rule W9).
pub(super) fn laggards<'a>(
    subscriptions: &'a [SavedSubscription],
    files: &LogFiles,
    max_rebuild: u64,
) -> (Vec<&'a SavedSubscription>, Vec<&'a SavedSubscription>) {
    let resume = |saved: &SavedSubscription| saved.cursor.as_ref().map(|cursor| cursor.resume.point());
    let foremost = subscriptions.iter().filter_map(resume).max().unwrap_or_default();
    let is_far = |saved: &&SavedSubscription| {
        resume(saved).is_some_and(|resume| files.bytes_between(resume, foremost) > max_rebuild)
    };
    subscriptions.iter().partition(is_far)
}

/// Where the oldest cursor must be read from.
pub(super) fn oldest<'a>(subscriptions: impl IntoIterator<Item = &'a SavedSubscription>) -> Option<Position> {
    let resumes = subscriptions.into_iter().filter_map(|saved| saved.cursor.as_ref()).map(|cursor| &cursor.resume);
    resumes.min_by_key(|resume| resume.point()).cloned()
}

/// How far any subscription has come.
fn furthest(subscriptions: &[SavedSubscription]) -> Option<LogPoint> {
    let windows = subscriptions.iter().filter_map(|saved| saved.window.as_ref()).map(|window| window.to);
    subscriptions.iter().filter_map(|saved| saved.cursor.as_ref()).map(|cursor| cursor.point).chain(windows).max()
}

/// The log that the cursor points into is gone: the subscription catches up from its last window instead.
fn forget(saved: &mut SavedSubscription, overlap: i64, clock: ClockNow) {
    saved.cursor = None;
    // What changed since then is stamped by the clock as it is now.
    let last = saved.last_instant.unwrap_or_default().saturating_sub(clock.set_back);
    let last = if last > clock.now {
        // This machine's was set back with it, and neither tells how long ago that was.
        warn!(
            subscription = saved.num,
            "the last window lies ahead of the server's clock: the whole table is searched"
        );
        0
    } else {
        last
    };
    let since = last.saturating_sub(overlap).saturating_mul(1_000_000);
    let before = saved.window.take().and_then(|window| window.catch_up);
    saved.catch_up = [saved.catch_up, before, Some(since)].into_iter().flatten().min();
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Instant = 86_400;

    /// From when on a subscription catches up whose last window was at `last`, in seconds.
    fn since(last: Instant, clock: ClockNow) -> Option<Instant> {
        let mut saved = SavedSubscription {
            num: 1,
            fingerprint: String::new(),
            cursor: None,
            last_instant: Some(last),
            last_seen: String::new(),
            pending: None,
            paused_until: None,
            window_number: 1,
            window: None,
            catch_up: None,
        };
        forget(&mut saved, 10, clock);
        saved.catch_up.map(|micros| micros / 1_000_000)
    }

    #[test]
    fn r8_a_clock_that_was_set_back_with_the_log_lost_lets_a_catch_up_reach_further() {
        let last = 100 * DAY;
        assert_eq!(since(last, ClockNow { now: last + 50, set_back: 0 }), Some(last - 10));
        assert_eq!(since(last, ClockNow { now: last + 50, set_back: DAY }), Some(last - DAY - 10));
        assert_eq!(since(last, ClockNow { now: last - DAY + 50, set_back: DAY }), Some(last - DAY - 10));
        assert_eq!(since(last, ClockNow { now: last - 5, set_back: 0 }), Some(-10), "everything");
    }
}
