//! One subscription's place in the log of its watch table, and the window it is in.

use std::sync::Arc;

use super::{DateTimeStart, Mark, Marks, Now, Plan};
use crate::{
    binlog::{LogPoint, Position},
    opendental::{Subscription, WatchId},
};

/// Seconds since 1970 UTC by the server's clock: an instant, so that a change of the office's clocks moves nothing.
pub type Instant = i64;

/// The log is kept for a pause of at most so many seconds.
const LONG_PAUSE: i64 = 15 * 60;

/// Another sender that was not noticed for so long, in milliseconds and beyond three PollingSeconds, is told again.
const STRETCH_MILLIS: i64 = 60 * 60 * 1000;

/// How far into the log a subscription has been delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Everything at or before this point has been delivered, or never concerned the subscription.
    pub point: LogPoint,
    /// Where to read from after a restart; before `point` while an XA transaction is prepared (rule R1).
    pub resume: Position,
}

/// A closed window: a fixed stretch of the log (rule W6).
#[derive(Clone, Debug)]
pub struct Window {
    /// Counts this subscription's windows; part of `webhook-id`.
    pub number: u64,
    /// The cursor when it closed: changes behind this point are in.
    pub from: LogPoint,
    /// The barrier: changes behind this point are not.
    pub to: Cursor,
    /// The barrier's time T on the server's clock.
    pub instant: Instant,
    /// T as the server's local time, `YYYY-MM-DD HH:MM:SS`: becomes DateTimeStart.
    pub local: String,
    /// If a catch-up belongs to this window: the stamp from which it scanned, in microseconds UTC.
    pub caught_up_from: Option<i64>,
    /// The last row that the subscriber accepted.
    pub progress: Option<Mark>,
    /// The last row of the event under way; stored before its first attempt and never widened.
    pub event_end: Option<Mark>,
    /// Its rows in order; `None` after a restart until the log has been read up to `to`.
    pub plan: Option<Arc<Plan>>,
    /// Rows of the plan need have no change in the log, which had no room for them.
    pub elsewhere: bool,
    /// If the plan is only a part: the last row of it. There are more behind it.
    pub more_behind: Option<Mark>,
}

/// What a subscription is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between windows.
    Waiting,
    /// A catch-up scan is under way for it.
    Scanning,
    /// Its window is due and the barrier is awaited.
    Closing,
    /// Its window is open and what comes next must be stored first.
    Storing,
    /// An event is being read, rendered or sent.
    Sending,
    /// The last attempt failed; the next is made at this instant, in milliseconds since 1970 of our own clock.
    Retrying(i64),
}

/// What a subscription needs, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Nothing by itself: something under way will report.
    None,
    /// Look again when the server's clock shows this.
    At(Instant),
    /// A catch-up scan of its table, now.
    CatchUp,
    /// Its window is due.
    Close,
    /// Its open window can be sent.
    Send,
    /// It has expired.
    Expire,
}

/// One subscription and its cursor.
#[derive(Debug)]
pub struct Subscriber {
    /// The row of `apisubscription` as last seen, but for DateTimeStart.
    pub subscription: Subscription,
    /// What it watches.
    pub watch: WatchId,
    /// `None`: it holds no part of the log.
    pub cursor: Option<Cursor>,
    /// The instant T of its last window, or its DateTimeStart before the first.
    pub last: Instant,
    /// Its DateTimeStart.
    pub start: DateTimeStart,
    /// No window closes before this instant (DateTimeStart beyond now).
    pub paused_until: Option<Instant>,
    /// When another sender last moved DateTimeStart, on our own clock in milliseconds since 1970.
    pub others_moved: Option<i64>,
    /// The number of its last window.
    pub windows: u64,
    /// The window under way.
    pub window: Option<Window>,
    /// A catch-up is needed from this stamp on, in microseconds UTC, before anything else is sent (rule W10).
    pub catch_up: Option<i64>,
    /// What the catch-up found, for the next window.
    pub backlog: Option<Arc<Marks>>,
    /// Whatever lies in the log before this point is in `backlog`.
    pub scanned: LogPoint,
    /// What it is doing.
    pub phase: Phase,
    /// Attempts that failed since the last success.
    pub failures: u32,
    /// Changes whenever work under way has become pointless; its results are dropped.
    pub epoch: u64,
}

impl Subscriber {
    /// A subscription not seen before: it catches up from its DateTimeStart, `start`.
    pub fn new(subscription: Subscription, watch: WatchId, start: Instant) -> Self {
        Self {
            watch,
            start: DateTimeStart::new(subscription.date_time_start.clone(), None),
            subscription,
            cursor: None,
            last: start,
            paused_until: Some(start),
            others_moved: None,
            windows: 0,
            window: None,
            catch_up: Some(micros(start)),
            backlog: None,
            scanned: LogPoint::default(),
            phase: Phase::Waiting,
            failures: 0,
            epoch: 0,
        }
    }

    /// No scan can tell what it wants before its place, or none is needed.
    pub fn want_no_catch_up(&mut self) {
        self.catch_up = None;
        if let Some(window) = &mut self.window {
            window.caught_up_from = None;
        }
    }

    /// When its next window is due: PollingSeconds after the last (rule W2).
    pub fn due(&self) -> Instant {
        self.last.saturating_add_unsigned(self.subscription.polling_interval().as_secs())
    }

    /// What it needs at `now`; `now_local` is the same moment in the server's local time, `clock` on our own clock in
    /// milliseconds, and `read` is how far the log has been read.
    pub fn attention(&self, now: Instant, now_local: &str, clock: i64, read: LogPoint) -> Attention {
        if self.subscription.is_expired(now_local) {
            return Attention::Expire;
        }
        match (self.phase, &self.window) {
            (Phase::Scanning | Phase::Closing | Phase::Storing | Phase::Sending, _) => Attention::None,
            (Phase::Retrying(at), _) if at > clock => Attention::None,
            (_, Some(window)) if window.caught_up_from.is_some() && window.plan.is_none() && self.backlog.is_none() => {
                Attention::CatchUp
            }
            (_, Some(window)) if window.plan.is_some() || read >= window.to.point => Attention::Send,
            (_, Some(_)) => Attention::None,
            (_, None) => match self.paused_until {
                Some(until) if until > now => Attention::At(until),
                _ if self.catch_up.is_some() && self.backlog.is_none() => Attention::CatchUp,
                _ if self.due() <= now => Attention::Close,
                _ => Attention::At(self.due()),
            },
        }
    }

    /// Closes its window at the barrier: an empty one at once, so that only DateTimeStart moves (rule W5).
    pub fn close(&mut self, to: Cursor, instant: Instant, local: &str, plan: Arc<Plan>) {
        let from = self.cursor.as_ref().map_or(to.point, |cursor| cursor.point);
        self.windows += 1;
        let window = Window {
            number: self.windows,
            from,
            to,
            instant,
            local: local.to_owned(),
            caught_up_from: self.catch_up.take(),
            progress: None,
            event_end: None,
            plan: Some(plan),
            elsewhere: false,
            more_behind: None,
        };
        self.backlog = None;
        self.window = Some(window);
    }

    /// Ends its window after the last 2xx: the cursor moves and DateTimeStart is to become T (rule W6).
    pub fn finish(&mut self) {
        if let Some(window) = self.window.take() {
            self.cursor = Some(window.to);
            self.last = window.instant;
            self.start.want(window.local);
        }
        self.failures = 0;
        self.phase = Phase::Waiting;
    }

    /// Sends again from `start`: DateTimeStart was moved back to it (rule W7). What has not been delivered yet stays
    /// in the next window, whose ids are new.
    pub fn rewind(&mut self, start: Instant) {
        self.restart_window();
        let from = micros(start);
        self.catch_up = Some(self.catch_up.map_or(from, |wanted| wanted.min(from)));
        self.backlog = None;
        self.start.want_nothing();
        self.paused_until = None;
        self.last = start;
    }

    /// Goes on from `place`, which was the log's end at the instant `now`, and leaves out what was not delivered before:
    /// all of it, or with `to` what was stamped before that (rule W7). `local` is to become DateTimeStart.
    pub fn skip(&mut self, place: Cursor, now: Instant, to: Option<Instant>, local: String) {
        self.restart_window();
        self.cursor = Some(place);
        self.catch_up = to.map(micros);
        self.backlog = None;
        self.paused_until = None;
        self.last = to.unwrap_or(now);
        self.start.want(local);
    }

    /// DateTimeStart was moved to `until`, beyond the server's now (rule W7).
    pub fn pause(&mut self, until: Instant) {
        self.restart_window();
        self.start.want_nothing();
        self.paused_until = Some(until);
    }

    /// Whether it is in a pause, at `now`, for which the log is not kept (rule W1): a catch-up follows it.
    pub fn is_in_a_long_pause(&self, now: Instant) -> bool {
        self.cursor.is_some() && self.paused_until.is_some_and(|until| until.saturating_sub(now) > LONG_PAUSE)
    }

    /// Another sender moved DateTimeStart forward; whether that is news, at `clock` on our own clock.
    pub fn another_sender(&mut self, clock: i64) -> bool {
        let is_news = !self.sees_another_sender(clock);
        self.others_moved = Some(clock);
        is_news
    }

    /// Whether another sender is at work, as far as is known at `clock` on our own clock.
    pub fn sees_another_sender(&self, clock: i64) -> bool {
        let seconds = i64::try_from(self.subscription.polling_interval().as_secs()).unwrap_or(i64::MAX);
        let stretch = seconds.saturating_mul(3000).saturating_add(STRETCH_MILLIS);
        self.others_moved.is_some_and(|before| clock.saturating_sub(before) <= stretch)
    }

    /// The server's clock was set back by `seconds`: what is past for us must not lie ahead of it, or no window would
    /// be due until it is there again. `now` is what the clock shows since. DateTimeStart is to follow it.
    pub fn clock_set_back(&mut self, seconds: i64, now: Now<'_>) {
        self.last = self.last.saturating_sub(seconds);
        if let Some(window) = &mut self.window {
            window.instant = window.instant.saturating_sub(seconds);
            window.local = now.zone.local_text(window.instant);
        }
        // What changes from now on is stamped by the clock as it is now.
        self.catch_up = self.catch_up.map(|from| from.saturating_sub(micros(seconds)));
        self.start.clock_set_back();
        let ahead = now.reading(self.start.present()).is_some_and(|there| there > now.latest());
        if ahead && self.paused_until.is_none_or(|until| until <= now.instant) {
            self.start.want(now.zone.local_text(self.last));
        }
    }

    /// The log is not kept from the cursor on, or cannot be continued from it: a catch-up from `overlap` seconds before
    /// the last window takes its place, since commits come later than their stamps (rule R8).
    pub fn lose_place(&mut self, overlap: i64) {
        self.cursor = None;
        self.backlog = None;
        let from = micros(self.last.saturating_sub(overlap));
        self.catch_up = Some(self.catch_up.map_or(from, |wanted| wanted.min(from)));
    }

    /// Gives up the window under way without moving the cursor: its rows are in the next one, under new ids.
    pub fn restart_window(&mut self) {
        self.epoch += 1;
        self.phase = Phase::Waiting;
        self.failures = 0;
        if let Some(window) = self.window.take() {
            self.catch_up = match (self.catch_up, window.caught_up_from) {
                (Some(wanted), Some(before)) => Some(wanted.min(before)),
                (wanted, before) => wanted.or(before),
            };
            self.backlog = None;
        }
    }

    /// Ends window and cursor: expired, or its WatchTable or Workstation changed (rules W1 and W8).
    pub fn end(&mut self) {
        self.restart_window();
        self.cursor = None;
        self.backlog = None;
        self.start.want_nothing();
    }
}

fn micros(instant: Instant) -> i64 {
    instant.saturating_mul(1_000_000)
}
