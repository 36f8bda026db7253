//! From a due window to a closed one: barriers (rules W2 and W5).

use std::{collections::HashMap, sync::Arc};

use tracing::{debug, warn};

use super::{
    doubts::WindowEnd,
    engine::Engine,
    error::BridgeError,
    jobs::{BarrierAnswer, Done},
    storing::Then,
    tables::Stamps,
};
use crate::{
    binlog::LogPoint,
    failpoint::Failpoint,
    opendental::WatchId,
    source::Barrier,
    window::{Cursor, Mark, Marks, Part, Phase, Plan, elements, plan, plan_part},
};

/// How far the present barrier has come. One is under way at a time: windows due meanwhile share the next.
#[derive(Debug, Default)]
pub(super) enum BarrierStep {
    #[default]
    Idle,
    /// The server is being asked, for these subscriptions.
    Asked(Vec<i64>),
    /// The log is being read up to the barrier.
    Reading { barrier: Barrier, due: Vec<i64> },
}

/// Windows over the same stretch of the log, with the same catch-up, have the same plan.
pub(super) type PlanKey = (WatchId, LogPoint, LogPoint, Option<*const Marks>);

/// How long a window is left alone that cannot close yet.
const AGAIN_MILLIS: i64 = 250;

/// For how many heartbeats the server may say that its log goes no further than we have read, though it does.
const IDLE_HEARTBEATS: i64 = 3;

impl Engine {
    pub(super) fn want_barrier(&mut self, num: i64) {
        if let Some(subscriber) = self.subscribers.get_mut(&num) {
            subscriber.phase = Phase::Closing;
            self.due.push(num);
        }
    }

    /// Asks the server for its clock and position on behalf of every window that is due.
    pub(super) fn start_barrier(&mut self) {
        let now = self.now_millis();
        if self.next_barrier().is_none_or(|at| at > now) || !self.barrier_backoff.is_over(now) {
            return;
        }
        self.barrier = BarrierStep::Asked(std::mem::take(&mut self.due));
        let (database, clock, asked) = (self.database.clone(), self.own_clock, self.boundary.clone());
        self.spawn_until_stop(async move {
            let before = clock.now();
            let result = database.barrier().await;
            let after = clock.now();
            let moved_on = result.as_ref().is_ok_and(|barrier| barrier.point.file != asked.position.point().file);
            // Nothing depends on it but what is told of how far the log is still to be read.
            let files = if moved_on { database.log_files().await.ok() } else { None };
            Done::Barrier(Box::new(BarrierAnswer { asked, before, after, result, files }))
        });
    }

    /// When a barrier is wanted, on our own clock in milliseconds; at the latest when the server's clock is to be
    /// looked at.
    pub(super) fn next_barrier(&self) -> Option<i64> {
        match self.barrier {
            BarrierStep::Idle if !self.due.is_empty() => Some(i64::MIN),
            BarrierStep::Idle if !self.subscribers.is_empty() => Some(self.look_at_clock),
            _ => None,
        }
    }

    pub(super) fn barrier_answered(&mut self, answer: BarrierAnswer) -> Result<(), BridgeError> {
        let BarrierStep::Asked(due) = std::mem::take(&mut self.barrier) else { return Ok(()) };
        let barrier = match answer.result {
            Ok(barrier) => barrier,
            Err(error) => {
                warn!(%error, "no barrier: windows stay open until the server answers");
                self.no_barrier(due);
                return Ok(());
            }
        };
        let step = self.clock.seen(barrier.now, answer.before, answer.after);
        self.clock_seen(step)?;
        if let Some(reason) = self.barrier_does_not_count(&barrier) {
            debug!(reason, "the barrier does not count: windows stay open");
            self.no_barrier(due);
            return Ok(());
        }
        if barrier.point < answer.asked.position.point() {
            // A log only grows. The server may even accept our position in the new one, and be silent until it is
            // reached.
            let reason = "it ends before what was already read, so it was started anew (RESET MASTER)".to_owned();
            return Err(BridgeError::LogLost { reason });
        }
        if let Some(files) = answer.files {
            self.telling.log_has(files);
        }
        self.barrier_backoff.succeeded();
        self.published.log_end = Some(barrier.point);
        self.barrier = BarrierStep::Reading { barrier, due };
        self.read_up_to_barrier()
    }

    /// Why the SQL connection and the reader may not mean the same log; see rule W2.
    fn barrier_does_not_count(&self, barrier: &Barrier) -> Option<&'static str> {
        match &self.reading {
            None => Some("the log is not being read at present"),
            Some(reading) if *reading != barrier.identity => Some("the SQL connection speaks to another server"),
            Some(_) => None,
        }
    }

    /// Asks again later; until then neither their windows nor DateTimeStart move.
    fn no_barrier(&mut self, due: Vec<i64>) {
        self.barrier_backoff.failed(self.now_millis());
        self.due.extend(due);
        self.due.sort_unstable();
        self.due.dedup();
    }

    /// Looks at the subscriptions again shortly.
    pub(super) fn again(&mut self, due: &[i64]) {
        let at = self.now_millis().saturating_add(AGAIN_MILLIS);
        for num in due {
            if let Some(subscriber) = self.subscribers.get_mut(num)
                && subscriber.phase == Phase::Closing
            {
                subscriber.phase = Phase::Waiting;
                self.wake.insert((at, *num));
            }
        }
    }

    /// Closes the windows that wait for the present barrier, once the log has been read up to it.
    pub(super) fn read_up_to_barrier(&mut self) -> Result<(), BridgeError> {
        let read = self.boundary.position.point();
        if !matches!(&self.barrier, BarrierStep::Reading { barrier, .. } if barrier.point <= read) {
            return Ok(());
        }
        let BarrierStep::Reading { barrier, due } = std::mem::take(&mut self.barrier) else { return Ok(()) };
        let end = WindowEnd {
            to: Cursor { point: read, resume: self.boundary.resume.clone() },
            instant: barrier.now.timestamp(),
            local: barrier.local,
        };
        let mut plans = HashMap::new();
        let (mut unsure, mut skipped) = (Vec::new(), Vec::new());
        for num in due {
            if self.skip_at(num, &end) {
                skipped.push(num);
            } else if self.subscribers.get(&num).is_none_or(|subscriber| subscriber.phase != Phase::Closing) {
                // What it was due for was given up meanwhile; it may be in the middle of something else, or due again.
            } else if self.is_unsure(num) || self.has_kept_keys(num) && self.are_keys_leaving(num) {
                unsure.push(num);
            } else if self.has_kept_keys(num) {
                self.find_keys_then_close(num, &end);
            } else if let Some(since) = self.doubt_before(num, end.to.point) {
                self.scan_then_close(num, since, &end);
            } else {
                self.close(num, &end, &mut plans)?;
            }
        }
        self.again(&unsure);
        self.trim = true;
        skipped.into_iter().try_for_each(|num| self.attend(num))
    }

    /// A barrier lies where the log ends, and a server that is silent has sent all of its log. If it says so again and
    /// again and the barrier is not reached, it sends from another log than it answers for: one that was started anew
    /// has passed our place in the old one, which the server goes on to hold for us.
    pub(super) fn look_whether_stalled(&mut self, advanced: bool) -> Result<(), BridgeError> {
        if advanced || !matches!(self.barrier, BarrierStep::Reading { .. }) {
            self.idle_since = None;
            return Ok(());
        }
        let now = self.now_millis();
        let since = *self.idle_since.get_or_insert(now);
        let patience = self.heartbeat_millis.saturating_mul(IDLE_HEARTBEATS);
        if now.saturating_sub(since) > patience { Err(BridgeError::Stalled) } else { Ok(()) }
    }

    /// Whether what the window would hold is not known yet: its stretch of the log, its table's columns, or the lookups
    /// that it shows.
    pub(super) fn is_unsure(&self, num: i64) -> bool {
        if self.reload || self.reloading || self.awaits_second_pass(num) {
            return true;
        }
        let subscriber = self.subscribers.get(&num);
        let unsure =
            subscriber.and_then(|subscriber| self.watched.get(&subscriber.watch)).map(|watched| watched.unsure_until);
        unsure.is_some_and(|until| until > self.boundary.position.point())
    }

    pub(super) fn close(
        &mut self,
        num: i64,
        end: &WindowEnd,
        plans: &mut HashMap<PlanKey, Arc<Plan>>,
    ) -> Result<(), BridgeError> {
        let to = &end.to;
        if !self.is_to_close(num, end)? {
            return Ok(());
        }
        let Some(subscriber) = self.subscribers.get(&num) else { return Ok(()) };
        let watch = subscriber.watch;
        let Some(watched) = self.watched.get(&watch) else { return Ok(()) };
        let from = subscriber.cursor.as_ref().map_or(to.point, |cursor| cursor.point);
        let backlog = subscriber.backlog.clone();
        let key = (watch, from, to.point, backlog.as_ref().map(Arc::as_ptr));
        let plan = plans.entry(key).or_insert_with(|| {
            let stamps = Stamps::new(&watched.watch, &self.zone);
            Arc::new(plan(&watched.log, from, to.point, backlog.as_deref(), |entry| stamps.of(entry)))
        });
        let plan = plan.clone();
        self.close_with(num, end, plan, None)
    }

    /// Closes the window with keys that were read from the state file, up to `more_behind` if these are not all.
    pub(super) fn close_over(
        &mut self,
        num: i64,
        end: &WindowEnd,
        keys: &Marks,
        more_behind: Option<Mark>,
    ) -> Result<(), BridgeError> {
        if !self.is_to_close(num, end)? {
            return Ok(());
        }
        let Some(subscriber) = self.subscribers.get(&num) else { return Ok(()) };
        let Some(watched) = self.watched.get(&subscriber.watch) else { return Ok(()) };
        let from = subscriber.cursor.as_ref().map_or(end.to.point, |cursor| cursor.point);
        let stamps = Stamps::new(&watched.watch, &self.zone);
        let part = Part { behind: None, until: more_behind.as_ref() };
        let plan = plan_part(&watched.log, from, end.to.point, Some(keys), part, |entry| stamps.of(entry));
        self.close_with(num, end, Arc::new(plan), Some(more_behind))
    }

    /// Whether the window that was due is to close at `end` indeed.
    fn is_to_close(&mut self, num: i64, end: &WindowEnd) -> Result<bool, BridgeError> {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(false) };
        if subscriber.phase != Phase::Closing {
            return Ok(false);
        }
        subscriber.phase = Phase::Waiting;
        if end.instant < subscriber.due() {
            // Our idea of the server's clock was ahead of it.
            self.attend(num)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// `elsewhere`: rows of the plan have no change in the log, and there may be more behind it.
    fn close_with(
        &mut self,
        num: i64,
        end: &WindowEnd,
        plan: Arc<Plan>,
        elsewhere: Option<Option<Mark>>,
    ) -> Result<(), BridgeError> {
        let WindowEnd { to, instant, local } = end;
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        let is_all = !matches!(elsewhere, Some(Some(_)));
        let is_empty = plan.is_empty() && is_all;
        let (from, rows) = (subscriber.cursor.as_ref().map_or(to.point, |cursor| cursor.point), plan.len());
        subscriber.close(to.clone(), *instant, local, plan);
        if let (Some(window), Some(more_behind)) = (&mut subscriber.window, elsewhere) {
            (window.elsewhere, window.more_behind) = (true, more_behind);
        }
        Failpoint::WindowClosed.pass();
        if is_empty {
            subscriber.finish();
            self.published.counts.windows += 1;
            self.store_and_write_back(num);
            return self.attend(num);
        }
        let window = subscriber.windows;
        debug!(subscription = num, window, rows, %from, to = %to.point, "window closed");
        self.next_event(num)
    }

    /// Fixes the range of the open window's next event and stores it, or ends the window when nothing is left.
    pub(super) fn next_event(&mut self, num: i64) -> Result<(), BridgeError> {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        let Some(watched) = self.watched.get(&subscriber.watch) else { return Ok(()) };
        let Some(window) = &mut subscriber.window else { return Ok(()) };
        window.event_end = None;
        match elements(window, &watched.log, self.delivery.max_elements).pop() {
            Some(last) => {
                window.event_end = Some(last.mark().clone());
                subscriber.phase = Phase::Storing;
                let epoch = subscriber.epoch;
                self.store_then(num, Some(Then::Send { num, epoch }));
                Ok(())
            }
            None if window.more_behind.is_some() => {
                let behind = window.more_behind.clone();
                self.find_keys_of_window(num, behind);
                Ok(())
            }
            None => {
                debug!(subscription = num, window = window.number, "window delivered");
                subscriber.finish();
                self.published.counts.windows += 1;
                self.store_and_write_back(num);
                self.trim = true;
                self.attend(num)
            }
        }
    }

    /// Drops from each change log what all its cursors have passed.
    pub(super) fn trim_logs(&mut self) {
        self.weigh_plans();
        let mut oldest: HashMap<WatchId, (LogPoint, usize)> = HashMap::new();
        for subscriber in self.subscribers.values() {
            if let Some(cursor) = &subscriber.cursor {
                let (point, cursors) = oldest.entry(subscriber.watch).or_insert((cursor.point, 0));
                *point = cursor.point.min(*point);
                *cursors += 1;
            }
        }
        for (watch, watched) in &mut self.watched {
            match oldest.get(watch) {
                Some(&(point, cursors)) => {
                    watched.cursors = cursors;
                    watched.log.trim(point);
                    watched.doubt = watched.doubt.filter(|doubt| !doubt.is_past(point));
                }
                None => {
                    watched.cursors = 0;
                    watched.log.clear();
                    watched.doubt = None;
                }
            }
        }
        self.trim_kept_keys();
        self.store_audit();
    }
}
