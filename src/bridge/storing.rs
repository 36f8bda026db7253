//! What survives a restart is stored before anything is done that relies on it.
//!
//! A state file that cannot be written stops nothing that does not rely on it: the log is read on, events whose range is
//! stored are tried on. Windows that close wait until the file takes them.

use std::collections::BTreeSet;

use chrono::Utc;
use tracing::{debug, error, info, warn};

use super::{
    backoff::Backoff,
    engine::Engine,
    error::BridgeError,
    jobs::Done,
    restore::{saved, saved_layout},
};
use crate::{
    binlog::LogPoint,
    failpoint::Failpoint,
    source::{KnownLayout, LogFileMade},
    state::{Changes, Delivery, ForgetDeleted, ForgetLayouts, State, StateError},
};

/// How often it is tried again until it is said once more that the file cannot be written: about once a minute.
const SAID_AGAIN: u32 = 12;

/// No file of a log has so large a number.
const ANY_FILE: u64 = u32::MAX as u64;

/// What is done once a subscription's present place is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Send the event whose range was fixed.
    Send { num: i64, epoch: u64 },
    /// Write DateTimeStart back.
    WriteBack { num: i64, value: String },
    /// Tell those who asked that the subscription was skipped ahead.
    TellSkipped { num: i64 },
}

/// What one commit stores, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changed: BTreeSet<i64>,
    removed: BTreeSet<i64>,
    /// The server that all places belong to from now on.
    identity: Option<String>,
    /// Layouts and files that were stored before are of another log.
    another_log: bool,
    layouts: Vec<KnownLayout>,
    log_files: Vec<LogFileMade>,
    /// Where the last audit ended.
    audit: Option<String>,
    /// How far the server's clock is ahead of this machine's was found to be another.
    clock: bool,
    /// Keys of deletions to forget, each with its watch table's name.
    forget_keys: Vec<(String, ForgetDeleted)>,
    deliveries: Vec<Delivery>,
    then: Vec<Then>,
}

/// Gathers what is to be stored: everything that changes while one commit is under way shares the next.
#[derive(Debug, Default)]
pub(super) struct Storing {
    next: Batch,
    backoff: Backoff,
    /// Commits that failed since the last that did not.
    failures: u32,
    /// What was wrong with the last of these.
    problem: Option<String>,
    /// The file's contents are lost: the next commit makes it anew.
    renew: bool,
    /// A commit failed after the bridge was to stop: it is not tried again.
    given_up: Option<StateError>,
}

impl Storing {
    /// When the next commit may be tried, if the last one failed.
    pub(super) fn wake(&self) -> Option<i64> {
        (self.failures > 0).then(|| self.backoff.until())
    }

    /// Why the file cannot be written at present.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// All places belong to this server from now on, and if it is `another_log`, nothing else that was stored does.
    pub(super) fn begin(&mut self, identity: String, another_log: bool) {
        self.next.identity = Some(identity);
        self.next.another_log = another_log;
    }

    /// The next audit begins here.
    pub(super) fn audited(&mut self, mark: Option<String>) {
        self.next.audit = mark;
    }

    /// How far the server's clock is ahead of this machine's is another than was stored.
    pub(super) fn clock_differs(&mut self) {
        self.next.clock = true;
    }

    /// These keys of deletions need not be kept any more.
    pub(super) fn forget_keys(&mut self, watch_table: &str, which: ForgetDeleted) {
        if let (Some((name, ForgetDeleted::Keys(keys))), ForgetDeleted::Keys(more)) =
            (self.next.forget_keys.last_mut(), &which)
            && name == watch_table
        {
            keys.extend_from_slice(more);
            return;
        }
        self.next.forget_keys.push((watch_table.to_owned(), which));
    }

    /// Why the last places could not be stored.
    pub(super) fn given_up(&mut self) -> Result<(), StateError> {
        self.given_up.take().map_or(Ok(()), Err)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.removed.is_empty()
            && self.identity.is_none()
            && self.layouts.is_empty()
            && self.log_files.is_empty()
            && self.audit.is_none()
            && !self.clock
            && self.forget_keys.is_empty()
    }

    /// Takes back what could not be stored; what has been gathered since is newer.
    fn take_back(&mut self, before: Self) {
        self.changed.extend(before.changed.difference(&self.removed).copied().collect::<Vec<_>>());
        self.removed.extend(before.removed.difference(&self.changed).copied().collect::<Vec<_>>());
        self.identity = self.identity.take().or(before.identity);
        self.another_log |= before.another_log;
        self.layouts.splice(0..0, before.layouts);
        self.log_files.splice(0..0, before.log_files);
        self.audit = self.audit.take().or(before.audit);
        self.clock |= before.clock;
        self.forget_keys.splice(0..0, before.forget_keys);
        self.then.splice(0..0, before.then);
    }
}

impl Engine {
    /// Stores the subscription's place with the next commit, then does `then`.
    pub(super) fn store_then(&mut self, num: i64, then: Option<Then>) {
        self.storing.next.removed.remove(&num);
        self.storing.next.changed.insert(num);
        self.storing.next.then.extend(then);
    }

    /// Forgets the subscription's place with the next commit.
    pub(super) fn store_removal(&mut self, num: i64) {
        self.storing.next.changed.remove(&num);
        self.storing.next.removed.insert(num);
    }

    /// Stores what was learned of layouts, no later than any place in the log behind it.
    pub(super) fn store_layouts(&mut self, layouts: Vec<KnownLayout>) {
        self.storing.next.layouts.extend(layouts);
    }

    /// Stores when a file of the log was made, no later than any place in it.
    pub(super) fn store_log_file(&mut self, file: LogFileMade) {
        self.storing.next.log_files.push(file);
    }

    pub(super) fn start_commit(&mut self) {
        let storing = &self.storing;
        let nothing = storing.next.is_empty() && !self.must_store_deliveries() && !self.has_keys_to_store();
        // Before it stops the bridge tries once more, however short a while ago it failed.
        let may_be_tried = self.stopping || storing.backoff.is_over(self.now_millis());
        if nothing || storing.given_up.is_some() || !may_be_tried {
            return;
        }
        // It is away while a commit is under way.
        let Some(mut state) = self.state.take() else { return };
        let batch = std::mem::take(&mut self.storing.next);
        let (deliveries, forget_deliveries) = self.delivery_log.take(self.now_millis());
        let renew = self.storing.renew;
        let places = if renew { self.everything(&batch) } else { self.to_store(&batch) };
        let deleted = self.keys_to_store();
        let changes = Changes { deliveries, forget_deliveries, deleted, ..places };
        self.jobs.spawn(async move {
            let result = if renew { state.renew(&changes).await.map(told) } else { state.commit(&changes).await };
            Done::Stored { state, batch: Batch { deliveries: changes.deliveries, ..batch }, result }
        });
    }

    /// Where reading would begin after a restart.
    fn oldest_resume(&self) -> LogPoint {
        let cursors = self.subscribers.values().filter_map(|subscriber| subscriber.cursor.as_ref());
        let read = self.boundary.resume.point();
        cursors.map(|cursor| cursor.resume.point()).min().map_or(read, |oldest| oldest.min(read))
    }

    fn to_store(&self, batch: &Batch) -> Changes {
        let passed = (!batch.layouts.is_empty()).then(|| ForgetLayouts::Before(self.oldest_resume()));
        let passed_files = (!batch.log_files.is_empty()).then(|| self.oldest_resume().file);
        Changes {
            identity: batch.identity.clone(),
            upsert: batch.changed.iter().filter_map(|num| self.subscribers.get(num)).map(saved).collect(),
            remove: batch.removed.iter().copied().collect(),
            forget_layouts: if batch.another_log { Some(ForgetLayouts::All) } else { passed },
            layouts: batch.layouts.iter().map(saved_layout).collect(),
            forget_log_files: if batch.another_log { Some(ANY_FILE) } else { passed_files },
            log_files: batch.log_files.iter().map(|file| (file.number, file.made)).collect(),
            audit: batch.audit.clone(),
            server_ahead: if batch.clock { self.server_ahead() } else { None },
            forget_deleted_places: batch.another_log,
            forget_deleted: batch.forget_keys.clone(),
            ..Changes::default()
        }
    }

    /// All that the state file is to hold, but for layouts that were stored before: where one is missed, its rows are in
    /// doubt.
    fn everything(&self, batch: &Batch) -> Changes {
        Changes {
            identity: Some(self.identity.stored()),
            upsert: self.subscribers.values().map(saved).collect(),
            layouts: batch.layouts.iter().map(saved_layout).collect(),
            log_files: batch.log_files.iter().map(|file| (file.number, file.made)).collect(),
            audit: batch.audit.clone(),
            server_ahead: self.server_ahead(),
            ..Changes::default()
        }
    }

    pub(super) fn stored(
        &mut self,
        state: State,
        batch: Batch,
        result: Result<(), StateError>,
    ) -> Result<(), BridgeError> {
        self.state = Some(state);
        self.published.stored(result.is_ok(), Utc::now());
        if let Err(error) = result {
            self.not_stored(batch, error);
            return Ok(());
        }
        if self.storing.failures > 0 {
            info!("the state file is written again");
            self.health.recovered();
            self.storing.backoff.succeeded();
            if self.storing.renew {
                self.stored_keys_lost();
            }
            (self.storing.failures, self.storing.renew, self.storing.problem) = (0, false, None);
        }
        self.keys_stored();
        for then in batch.then {
            match then {
                Then::WriteBack { num, value } => {
                    Failpoint::CursorStored.pass();
                    self.want_write_back(num, value);
                }
                Then::TellSkipped { num } => self.tell_skipped(num),
                Then::Send { num, epoch } => {
                    Failpoint::RangeStored.pass();
                    let current = self.subscribers.get(&num).is_some_and(|subscriber| subscriber.epoch == epoch);
                    if current && !self.stopping {
                        self.send(num)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Tries again later, for as long as it takes: nothing is sent under an id that a restart would not know again.
    fn not_stored(&mut self, mut batch: Batch, error: StateError) {
        self.delivery_log.take_back(std::mem::take(&mut batch.deliveries));
        self.storing.next.take_back(batch);
        if self.stopping {
            self.storing.given_up = Some(error);
            return;
        }
        self.storing.renew |= error.is_loss();
        self.storing.backoff.failed(self.now_millis());
        if self.storing.failures.is_multiple_of(SAID_AGAIN) {
            error!(%error, "windows that close wait until it can be written; trying again until then");
        } else {
            debug!(%error, "the state file still cannot be written");
        }
        self.storing.failures = self.storing.failures.saturating_add(1);
        self.health.troubled(error.to_string());
        self.storing.problem = Some(error.to_string());
    }
}

fn told(aside: Option<std::path::PathBuf>) {
    let aside = aside.map(|aside| aside.display().to_string());
    warn!(moved_to = aside, "the state file was made anew; all places are kept");
}
