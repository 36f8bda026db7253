//! Subscriptions whose place lies far behind the others' after a restart (rule W9): the log between is read for them by
//! a second reader, beside the main one, so that nobody else waits for it.
//!
//! What it reads goes into change logs of its own, which take the place of the main ones once they reach as far. Until
//! then these subscriptions send nothing.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use super::{engine::Engine, error::BridgeError, tables::Watched};
use crate::{
    binlog::LogPoint,
    failpoint::Failpoint,
    opendental::WatchId,
    row::RowKey,
    source::{Message, SourceError},
};

/// A second reader, and what it has read.
pub(super) struct SecondPass {
    messages: mpsc::Receiver<Message>,
    reader: JoinHandle<Result<(), SourceError>>,
    began: DateTime<Utc>,
    /// How far it has read.
    read: LogPoint,
    /// Who waits for it.
    subscriptions: BTreeSet<i64>,
    /// The change logs of their watch tables.
    watched: HashMap<WatchId, Watched>,
    /// Rows that are to be sent though the log does not tell of them.
    untold: Vec<(WatchId, RowKey)>,
    /// There is no room for the deletions that it has read.
    is_too_large: bool,
    _stop: DropGuard,
}

impl SecondPass {
    /// For these subscriptions, from `start` on; `stop` ends the reader that sends the messages.
    pub(super) fn new(
        subscriptions: BTreeSet<i64>,
        start: LogPoint,
        messages: mpsc::Receiver<Message>,
        reader: JoinHandle<Result<(), SourceError>>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            messages,
            reader,
            began: Utc::now(),
            read: start,
            subscriptions,
            watched: HashMap::new(),
            untold: Vec::new(),
            is_too_large: false,
            _stop: stop.drop_guard(),
        }
    }

    /// How far the second reader has read.
    pub(super) fn read(&self) -> LogPoint {
        self.read
    }

    /// Who waits for it.
    pub(super) fn subscriptions(&self) -> &BTreeSet<i64> {
        &self.subscriptions
    }

    /// When it was begun.
    pub(super) fn began(&self) -> DateTime<Utc> {
        self.began
    }

    /// The change logs that it fills; while its transactions are taken in, the main ones.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Watched> {
        self.watched.values()
    }

    /// The next message of the second reader, `None` where it has ended; waits for ever where there is none.
    pub(super) async fn next(pass: &mut Option<Self>) -> Option<Message> {
        match pass {
            Some(pass) => pass.messages.recv().await,
            None => std::future::pending().await,
        }
    }
}

impl Engine {
    /// Begins the second pass, if there is one, for those of its subscriptions that are served; ends it if there are none.
    pub(super) fn begin_second_pass(&mut self) {
        let Some(mut pass) = self.second_pass.take() else { return };
        // One that was made anew, or has none of its rows left to be told, begins where the main reader does.
        let start = self.boundary.position.point();
        let is_behind = |num: &i64| {
            let cursor = self.subscribers.get(num).and_then(|subscriber| subscriber.cursor.as_ref());
            cursor.is_some_and(|cursor| cursor.resume.point() < start)
        };
        pass.subscriptions.retain(is_behind);
        for subscriber in pass.subscriptions.iter().filter_map(|num| self.subscribers.get(num)) {
            if let Some(table) = self.tables.get(subscriber.watch) {
                let watched = pass.watched.entry(subscriber.watch).or_insert_with(|| Watched::new(table.clone()));
                watched.cursors += 1;
            }
        }
        if !pass.subscriptions.is_empty() {
            info!(subscriptions = ?pass.subscriptions, "their places lie far behind the others': a second reader reads the log for them");
            self.second_pass = Some(pass);
        }
    }

    /// Whether the log has not been read yet for this subscription.
    pub(super) fn awaits_second_pass(&self, num: i64) -> bool {
        self.second_pass.as_ref().is_some_and(|pass| pass.subscriptions.contains(&num))
    }

    /// The subscription does not need what the second reader reads any more.
    pub(super) fn leave_second_pass(&mut self, num: i64) {
        if let Some(pass) = &mut self.second_pass {
            pass.subscriptions.remove(&num);
        }
        // Dropping it ends its reader.
        self.second_pass.take_if(|pass| pass.subscriptions.is_empty());
    }

    /// Takes in what the second reader has read.
    pub(super) async fn second_pass_message(&mut self, message: Option<Message>) -> Result<(), BridgeError> {
        match message {
            Some(Message::Transactions { transactions, boundary }) => {
                // What lies behind it, the main reader tells.
                let read = self.boundary.position.point();
                let joins = boundary.position.point() >= read;
                if let Some(pass) = &mut self.second_pass {
                    pass.read = boundary.position.point();
                }
                self.with_second_logs(|engine| {
                    transactions.into_iter().filter(|one| one.point <= read).try_for_each(|one| engine.transaction(one))
                })?;
                if self.second_pass.as_ref().is_some_and(|pass| pass.is_too_large) {
                    return Err(BridgeError::SecondPassTooLarge);
                }
                if joins { self.join_second_pass() } else { Ok(()) }
            }
            Some(Message::LayoutUnsure { table, until }) => {
                let watches = self.followed.role(table).watches;
                let logs = self.second_pass.as_mut().map(|pass| &mut pass.watched);
                for (watch, watched) in logs.into_iter().flatten() {
                    if watches.contains(watch) {
                        watched.unsure_until = watched.unsure_until.max(until);
                    }
                }
                Ok(())
            }
            Some(Message::Connected { identity }) if identity != self.identity => {
                self.give_up_second_pass("another server answers")
            }
            Some(Message::Layouts(layouts)) => {
                self.store_layouts(layouts);
                Ok(())
            }
            Some(Message::LogFile(file)) => {
                self.store_log_file(file);
                Ok(())
            }
            Some(Message::Connected { .. } | Message::Disconnected { .. }) => Ok(()),
            None => {
                let ended = match &mut self.second_pass {
                    Some(pass) => (&mut pass.reader).await,
                    None => return Ok(()),
                };
                match ended {
                    Ok(Err(error)) => self.give_up_second_pass(&error.to_string()),
                    Ok(Ok(())) => self.give_up_second_pass("its reader has ended"),
                    Err(error) => Err(BridgeError::task("second reader", &error)),
                }
            }
        }
    }

    /// The row of a main change log is to be sent though the log does not tell of it: the second reader will not find it.
    pub(super) fn remember_untold(&mut self, watch: WatchId, key: &RowKey) {
        if let Some(pass) = &mut self.second_pass {
            pass.untold.push((watch, key.clone()));
        }
    }

    /// There is no room for the deletions that the second reader has read, which nothing but the log tells.
    pub(super) fn second_pass_is_too_large(&mut self) {
        if let Some(pass) = &mut self.second_pass {
            pass.is_too_large = true;
        }
    }

    /// Lets `take` see the second pass's change logs in the place of the main ones.
    pub(super) fn with_second_logs<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> T {
        self.swap_logs();
        self.rereading = true;
        let taken = take(self);
        self.rereading = false;
        self.swap_logs();
        taken
    }

    fn swap_logs(&mut self) {
        if let Some(pass) = &mut self.second_pass {
            std::mem::swap(&mut pass.watched, &mut self.watched);
        }
    }

    /// Its logs reach as far as the main ones, and further back: they take their place.
    fn join_second_pass(&mut self) -> Result<(), BridgeError> {
        let Some(pass) = self.second_pass.take() else { return Ok(()) };
        let read = self.boundary.position.point();
        for (watch, mut watched) in pass.watched {
            if watched.unsure_until > read {
                // What may still prove its names wrong is read by the main reader alone, which need not have used them.
                watched.log.distrust(LogPoint::default());
            }
            if let Some(main) = self.watched.get_mut(&watch) {
                watched.kept_keys = main.kept_keys.take();
                watched.generation = main.generation + 1;
                watched.unsure_until = watched.unsure_until.max(main.unsure_until);
            }
            self.watched.insert(watch, watched);
            // Where there was no room for it, its log lacks rows that the main one had.
            self.windows_elsewhere(watch);
            self.scan_for_restored_windows(watch);
        }
        let now = self.server_now().saturating_mul(1_000_000);
        if !pass.untold.is_empty() {
            self.audited_rows_moved();
        }
        for (watch, key) in pass.untold {
            if let Some(watched) = self.watched.get_mut(&watch) {
                watched.log.record(key, read, now, None);
            }
        }
        // Counts the cursors anew, before the next change is recorded.
        self.trim_logs();
        Failpoint::SecondPassJoined.pass();
        info!(subscriptions = ?pass.subscriptions, "the second reader has read as far as the first");
        for num in pass.subscriptions {
            self.attend(num)?;
        }
        Ok(())
    }

    /// The log cannot be read for them: they catch up by time stamp (rule R8).
    fn give_up_second_pass(&mut self, reason: &str) -> Result<(), BridgeError> {
        let Some(pass) = self.second_pass.take() else { return Ok(()) };
        warn!(
            subscriptions = ?pass.subscriptions,
            reason,
            "the log cannot be read from their places on: these subscriptions catch up by time stamp from their last \
             window on. Rows deleted since then cannot be told, and tables without a time stamp are sent whole"
        );
        let overlap = self.overlap();
        for num in pass.subscriptions {
            let Some(subscriber) = self.subscribers.get_mut(&num) else { continue };
            subscriber.restart_window();
            subscriber.lose_place(overlap);
            self.stop_attempt(num);
            self.store_then(num, None);
            self.attend(num)?;
        }
        self.trim = true;
        Ok(())
    }
}
