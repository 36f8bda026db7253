//! Deletions for whose very keys there is no room in memory: these go to the state file, and come back a part at a time
//! when they are sent (rule R6).

use std::{collections::HashSet, sync::Arc};

use tracing::{info, warn};

use super::{
    doubts::WindowEnd,
    engine::Engine,
    error::BridgeError,
    jobs::Done,
    tables::{Stamps, Watched},
};
use crate::{
    binlog::LogPoint,
    failpoint::Failpoint,
    opendental::{Tells, WatchId},
    row::RowKey,
    source::{ChangeKind, ChangeRef, Database, DatabaseError},
    state::{DeletedKey, ForgetDeleted, FoundKeys, StateError, StoredKeys, WantedKeys, find_deleted},
    window::{Mark, Marks, PackedChanges, Part, Phase, Subscriber, plan_part},
};

/// Keys that one commit of the state file takes: others wait for it.
const KEYS_AT_ONCE: usize = 20_000;

/// What a key takes in memory while it is looked for, about, in bytes.
const KEY_BYTES: usize = 64;

/// How long a reading that failed is left alone.
const AGAIN_MILLIS: i64 = 5_000;

/// Deletions of a watch table whose keys are in the state file, or on their way to it, and not in the change log.
#[derive(Debug)]
pub(super) struct KeptKeys {
    /// None was deleted behind this place in the log.
    last: LogPoint,
    least: RowKey,
    greatest: RowKey,
    /// Rows that are there again, as the log told since.
    there_again: HashSet<RowKey>,
    leaving: Option<PackedChanges>,
    /// Keys that the next commit writes, or the present one is writing.
    chunk: Vec<DeletedKey>,
}

impl KeptKeys {
    /// What the state file holds after a restart; `another_log`: its places mean nothing in the log at hand.
    pub(super) fn restored(stored: StoredKeys, another_log: bool) -> Self {
        let StoredKeys { last, least, greatest, .. } = stored;
        let last = if another_log { LogPoint::default() } else { last };
        Self { last, least, greatest, there_again: HashSet::new(), leaving: None, chunk: Vec::new() }
    }

    /// Whether all of them are in the state file.
    fn are_stored(&self) -> bool {
        self.leaving.is_none() && self.chunk.is_empty()
    }

    /// Whether the row, which the change log does not know, is not to be told as deleted.
    pub(super) fn is_there_again(&self, key: &RowKey) -> bool {
        self.there_again.contains(key)
    }

    /// Bytes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let leaving = self.leaving.as_ref().map_or(0, PackedChanges::bytes);
        leaving + (self.chunk.len() + self.there_again.len()) * KEY_BYTES
    }

    /// Two readers of one log have found deletions that they had no room for.
    pub(super) fn join(self, other: Self) -> Self {
        let mut there_again = self.there_again;
        there_again.extend(other.there_again);
        let mut chunk = self.chunk;
        chunk.extend(other.chunk);
        Self {
            last: self.last.max(other.last),
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            there_again,
            leaving: self.leaving.or(other.leaving),
            chunk,
        }
    }

    /// Those of rows deleted behind this place may be wrong: what of them is not stored yet never is.
    pub(super) fn forget_behind(&mut self, from: LogPoint) {
        self.chunk.retain(|deleted| deleted.point <= from);
        if let Some(leaving) = &mut self.leaving {
            leaving.forget_behind(from);
        }
    }

    /// Takes the next keys that are to be stored.
    fn fill_chunk(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        while self.chunk.len() < KEYS_AT_ONCE {
            let Some((key, committed, point)) = leaving.next() else {
                self.leaving = None;
                break;
            };
            self.chunk.push(DeletedKey { key, committed, point });
        }
    }
}

/// Keys that were read from the state file for a subscription's window.
pub(super) struct KeysFound {
    num: i64,
    epoch: u64,
    result: Result<FoundKeys, FindError>,
}

#[derive(Debug, thiserror::Error)]
enum FindError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Watched {
    /// Takes note of a change before it is recorded; a row that the state file must forget, since it is there again.
    pub(super) fn kept_key_changed(
        &mut self,
        kind: ChangeKind,
        change: ChangeRef<'_>,
        point: LogPoint,
    ) -> Option<RowKey> {
        let kept = self.kept_keys.as_mut()?;
        let (again, deleted) = match (kind, change.old_key) {
            (ChangeKind::Delete, _) => (None, Some(change.key)),
            (_, Some(old_key)) => (Some(change.key), Some(old_key)),
            (ChangeKind::Insert, None) => (Some(change.key), None),
            // The row was there before.
            (ChangeKind::Update, None) => (None, None),
        };
        if let Some(deleted) = deleted {
            kept.there_again.remove(deleted);
        }
        let again = again?;
        // What came before was known when they were stored.
        let is_news = point > kept.last;
        let may_be_kept = (*again >= kept.least && *again <= kept.greatest) || self.log.point_of(again).is_some();
        if !is_news || !may_be_kept {
            return None;
        }
        kept.there_again.insert(again.clone());
        kept.chunk.retain(|deleted| deleted.key != *again);
        Some(again.clone())
    }
}

impl Engine {
    /// Moves the packed keys of a watch table of deletions to the state file; `false` if that is of no use now.
    pub(super) fn move_keys_out(&mut self, watch: WatchId) -> bool {
        let Some(watched) = self.watched.get_mut(&watch) else { return false };
        if watched.kept_keys.as_ref().is_some_and(|kept| !kept.are_stored()) {
            return false;
        }
        let leaving = watched.log.take_packed();
        let Some((least, greatest)) = leaving.ends() else { return false };
        let last = leaving.end();
        let moved =
            KeptKeys { last, least, greatest, there_again: HashSet::new(), leaving: Some(leaving), chunk: Vec::new() };
        watched.kept_keys = Some(match watched.kept_keys.take() {
            Some(before) => before.join(moved),
            None => moved,
        });
        warn!(
            watch_table = watched.watch.name(),
            "memory is short even for the keys of undelivered deletions: these go to the state file. Raise memory.budget"
        );
        self.windows_elsewhere(watch);
        true
    }

    /// Rows of the open windows of a watch table may have no change in its log any more.
    pub(super) fn windows_elsewhere(&mut self, watch: WatchId) {
        for subscriber in self.subscribers.values_mut().filter(|subscriber| subscriber.watch == watch) {
            if let Some(window) = subscriber.window.as_mut().filter(|window| window.plan.is_some()) {
                window.elsewhere = true;
            }
        }
    }

    /// The keys that the next commit is to write, by the watch table's name.
    pub(super) fn keys_to_store(&mut self) -> Vec<(String, Vec<DeletedKey>)> {
        let mut keys = Vec::new();
        for watched in self.watched.values_mut() {
            let Some(kept) = &mut watched.kept_keys else { continue };
            kept.fill_chunk();
            let again = |deleted: &DeletedKey| kept.there_again.contains(&deleted.key);
            let chunk: Vec<DeletedKey> = kept.chunk.iter().filter(|deleted| !again(deleted)).cloned().collect();
            if !chunk.is_empty() {
                keys.push((watched.watch.name().to_owned(), chunk));
            }
        }
        keys
    }

    /// Whether keys wait to be stored.
    pub(super) fn has_keys_to_store(&self) -> bool {
        let mut kept = self.watched.values().filter_map(|watched| watched.kept_keys.as_ref());
        kept.any(|kept| !kept.are_stored())
    }

    /// The commit that wrote the last [`Engine::keys_to_store`] succeeded.
    pub(super) fn keys_stored(&mut self) {
        for watched in self.watched.values_mut() {
            let Some(kept) = &mut watched.kept_keys else { continue };
            if !kept.chunk.is_empty() {
                kept.chunk.clear();
                if kept.leaving.is_none() {
                    info!(watch_table = watched.watch.name(), "the keys of deletions are in the state file");
                }
                Failpoint::KeysStored.pass();
            }
        }
    }

    /// The state file was made anew from what is in memory.
    pub(super) fn stored_keys_lost(&mut self) {
        for watched in self.watched.values_mut() {
            if watched.kept_keys.take().is_some() {
                warn!(
                    watch_table = watched.watch.name(),
                    "keys of deleted rows were in the state file alone: these deletions cannot be told"
                );
            }
        }
    }

    /// Whether part of the subscription's window up to its end is in the state file.
    pub(super) fn has_kept_keys(&self, num: i64) -> bool {
        let Some(subscriber) = self.subscribers.get(&num) else { return false };
        let Some(kept) = self.watched.get(&subscriber.watch).and_then(|watched| watched.kept_keys.as_ref()) else {
            return false;
        };
        let window = subscriber.window.as_ref();
        let from = window.map(|window| window.from).or(subscriber.cursor.as_ref().map(|cursor| cursor.point));
        let caught_up = window.map_or(subscriber.catch_up, |window| window.caught_up_from);
        from.is_some_and(|from| from < kept.last) || caught_up.is_some()
    }

    /// Whether they are still on their way there, so that the window must wait.
    pub(super) fn are_keys_leaving(&self, num: i64) -> bool {
        let watched = self.subscribers.get(&num).and_then(|subscriber| self.watched.get(&subscriber.watch));
        watched.and_then(|watched| watched.kept_keys.as_ref()).is_some_and(|kept| !kept.are_stored())
    }

    /// Reads the keys from the state file; then the window closes at `end`.
    pub(super) fn find_keys_then_close(&mut self, num: i64, end: &WindowEnd) {
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let from = subscriber.cursor.as_ref().map_or(end.to.point, |cursor| cursor.point);
        let (epoch, since) = (subscriber.epoch, subscriber.catch_up);
        self.ends.insert(num, (epoch, end.clone()));
        self.find_keys(num, from, end.to.point, since, None);
    }

    /// Reads the keys of the open window behind `behind` from the state file.
    pub(super) fn find_keys_of_window(&mut self, num: i64, behind: Option<Mark>) {
        let Some(window) = self.subscribers.get(&num).and_then(|subscriber| subscriber.window.as_ref()) else { return };
        let (from, to, since) = (window.from, window.to.point, window.caught_up_from);
        self.find_keys(num, from, to, since, behind);
    }

    fn find_keys(&mut self, num: i64, from: LogPoint, to: LogPoint, since: Option<i64>, behind: Option<Mark>) {
        let most = (self.shares.event / KEY_BYTES * 2).max(1000);
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return };
        let Some(watch) = self.tables.get(subscriber.watch).cloned() else { return };
        subscriber.phase = Phase::Scanning;
        let (path, epoch, database) = (self.state_path.clone(), subscriber.epoch, self.database.clone());
        let at_least = subscriber.window.as_ref().and_then(|window| window.event_end.clone());
        let wanted = WantedKeys { watch_table: watch.name().to_owned(), from, to, since, behind, at_least, most };
        self.spawn_until_stop(async move {
            let found = async {
                let mut found = find_deleted(&path, &wanted).await?;
                if since.is_some() {
                    // What happened where the log is lost cannot be known otherwise.
                    found.marks = still_deleted(&database, watch.table(), watch.key_columns(), &found.marks).await?;
                }
                Ok(found)
            };
            Done::KeysFound(Box::new(KeysFound { num, epoch, result: found.await }))
        });
    }

    pub(super) fn keys_found(&mut self, found: KeysFound) -> Result<(), BridgeError> {
        let KeysFound { num, epoch, result } = found;
        let end = self.ends.remove(&num).filter(|(of, _)| *of == epoch);
        let now = self.now_millis();
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        if self.stopping || subscriber.epoch != epoch || subscriber.phase != Phase::Scanning {
            return Ok(());
        }
        let FoundKeys { marks, more_behind } = match result {
            Ok(found) => found,
            Err(error) => {
                warn!(subscription = num, %error, "the keys of deletions could not be read back; trying again");
                subscriber.phase = Phase::Retrying(now.saturating_add(AGAIN_MILLIS));
                self.wake.insert((now.saturating_add(AGAIN_MILLIS), num));
                return Ok(());
            }
        };
        if let Some((_, end)) = end {
            subscriber.phase = Phase::Closing;
            if self.is_unsure(num) {
                self.again(&[num]);
                return Ok(());
            }
            return self.close_over(num, &end, &marks, more_behind);
        }
        let Some(watched) = self.watched.get(&subscriber.watch) else { return Ok(()) };
        let Some(window) = &mut subscriber.window else { return Ok(()) };
        // The first part after a restart begins where the last event ended.
        let behind = window.more_behind.take().or_else(|| window.progress.clone());
        let part = Part { behind: behind.as_ref(), until: more_behind.as_ref() };
        let stamps = Stamps::new(&watched.watch, &self.zone);
        let plan = plan_part(&watched.log, window.from, window.to.point, Some(&marks), part, |entry| stamps.of(entry));
        window.plan = Some(Arc::new(plan));
        subscriber.backlog = None;
        (window.elsewhere, window.more_behind) = (true, more_behind);
        if window.event_end.is_some() { self.send(num) } else { self.next_event(num) }
    }

    /// Forgets the keys that every subscription has been told.
    pub(super) fn trim_kept_keys(&mut self) {
        for (watch, watched) in &mut self.watched {
            let Some(kept) = watched.kept_keys.as_ref().filter(|kept| kept.are_stored()) else { continue };
            let is_past = |subscriber: &Subscriber| {
                let window = subscriber.window.as_ref();
                let caught_up = subscriber.catch_up.or(window.and_then(|window| window.caught_up_from));
                let cursor = subscriber.cursor.as_ref().map(|cursor| cursor.point);
                caught_up.is_none() && cursor.is_none_or(|cursor| cursor >= kept.last)
            };
            if self.subscribers.values().filter(|subscriber| subscriber.watch == *watch).all(is_past) {
                watched.kept_keys = None;
                self.storing.forget_keys(watched.watch.name(), ForgetDeleted::All);
            }
        }
    }

    /// The state file holds keys of these watch tables.
    pub(super) fn restore_kept_keys(&mut self, stored: Vec<StoredKeys>, another_log: bool) {
        for stored in stored {
            let found = self.tables.find(&stored.watch_table).filter(|(_, table)| table.tells() == Tells::Deletions);
            match found.and_then(|(watch, _)| self.watched.get_mut(&watch)) {
                Some(watched) => watched.kept_keys = Some(KeptKeys::restored(stored, another_log)),
                // It is configured no more.
                None => self.storing.forget_keys(&stored.watch_table, ForgetDeleted::All),
            }
        }
    }
}

/// Those of the marks whose rows are not in the table.
async fn still_deleted<S: AsRef<str> + Sync>(
    database: &Database,
    table: &str,
    key_columns: &[S],
    marks: &Marks,
) -> Result<Marks, DatabaseError> {
    let all: Vec<Mark> = marks.iter().collect();
    let keys: Vec<RowKey> = all.iter().map(|(_, key)| key.clone()).collect();
    let there = database.which_exist(table, key_columns, &keys).await?;
    Ok(all.into_iter().zip(there).filter(|(_, there)| !there).map(|(mark, _)| mark).collect())
}
