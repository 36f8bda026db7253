//! A subscription's place after a restart, from the state file.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::{
    binlog::LogPoint,
    opendental::{Subscription, WatchId},
    source::{KnownLayout, LogFileMade},
    state::{self, SavedLayout, SavedSubscription, SavedWindow},
    window::{Cursor, DateTimeStart, Phase, Subscriber, Window},
};

/// What of a subscription must be the same for it to keep its place (rule W8). Its Workstation only has to be ours.
pub(super) fn fingerprint(subscription: &Subscription) -> String {
    subscription.watch_table.trim().to_lowercase()
}

/// The fingerprint that is stored: with a digest of the endpoint, since an open window does not move to another one.
fn stored_fingerprint(subscription: &Subscription) -> String {
    let digest = hex::encode(Sha256::digest(subscription.end_point_url.as_bytes()));
    format!("{}\n{}", fingerprint(subscription), digest)
}

/// What is stored of a subscription's place.
pub(super) fn saved(subscriber: &Subscriber) -> SavedSubscription {
    SavedSubscription {
        num: subscriber.subscription.num,
        fingerprint: stored_fingerprint(&subscriber.subscription),
        cursor: subscriber.cursor.as_ref().map(saved_cursor),
        last_instant: Some(subscriber.last),
        last_seen: subscriber.start.present().to_owned(),
        pending: subscriber.start.pending().map(str::to_owned),
        paused_until: subscriber.paused_until,
        window_number: subscriber.windows,
        window: subscriber.window.as_ref().map(|window| SavedWindow {
            from: window.from,
            to: window.to.point,
            resume: window.to.resume.clone(),
            instant: window.instant,
            local: window.local.clone(),
            progress: window.progress.clone(),
            event_end: window.event_end.clone(),
            catch_up: window.caught_up_from,
        }),
        catch_up: subscriber.catch_up,
    }
}

fn saved_cursor(cursor: &Cursor) -> state::Cursor {
    state::Cursor { point: cursor.point, resume: cursor.resume.clone() }
}

/// What is stored of a table's layout.
pub(super) fn saved_layout(known: &KnownLayout) -> SavedLayout {
    let json = serde_json::to_string(&known.layout.as_deref()).unwrap_or_default();
    SavedLayout { table: known.table.clone(), point: known.from, json }
}

/// What was stored by [`saved_layout`]. What another version stored in another form is not known any more.
pub(super) fn known_layouts(saved: &[SavedLayout]) -> Vec<KnownLayout> {
    let known = |saved: &SavedLayout| KnownLayout {
        table: saved.table.clone(),
        from: saved.point,
        layout: serde_json::from_str::<Option<_>>(&saved.json).unwrap_or_default().map(Arc::new),
    };
    saved.iter().map(known).collect()
}

/// The files of the log that were stored.
pub(super) fn known_log_files(saved: &[(u64, u32)]) -> Vec<LogFileMade> {
    saved.iter().map(|&(number, made)| LogFileMade { number, made }).collect()
}

/// Puts the subscription at its stored place; `None` if the place was another subscription's under the same number.
pub(super) fn restore(subscription: &Subscription, watch: WatchId, saved: SavedSubscription) -> Option<Subscriber> {
    let same_endpoint = saved.fingerprint == stored_fingerprint(subscription);
    if !same_endpoint && saved.fingerprint.split('\n').next() != Some(&fingerprint(subscription)) {
        return None;
    }
    let number = saved.window_number;
    let window = saved.window.map(|window| Window {
        number,
        from: window.from,
        to: Cursor { point: window.to, resume: window.resume },
        instant: window.instant,
        local: window.local,
        caught_up_from: window.catch_up,
        progress: window.progress,
        event_end: window.event_end,
        plan: None,
        elsewhere: false,
        more_behind: None,
    });
    let mut subscriber = Subscriber {
        subscription: subscription.clone(),
        watch,
        cursor: saved.cursor.map(|cursor| Cursor { point: cursor.point, resume: cursor.resume }),
        last: saved.last_instant?,
        start: DateTimeStart::new(saved.last_seen, saved.pending),
        paused_until: saved.paused_until,
        others_moved: None,
        windows: number,
        window,
        catch_up: saved.catch_up,
        backlog: None,
        scanned: LogPoint::default(),
        phase: Phase::Waiting,
        failures: 0,
        epoch: 0,
    };
    if !same_endpoint {
        subscriber.restart_window();
    }
    Some(subscriber)
}
