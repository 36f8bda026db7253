//! How many events are under way at once, overall and per host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Slots for events. Waiting for one of a busy host takes none of the overall ones; waiters are served in turn.
#[derive(Debug)]
pub(super) struct Slots {
    overall: Arc<Semaphore>,
    per_host: usize,
    hosts: Arc<Hosts>,
}

/// The hosts that have an event under way or waiting, and no others, so that the map does not grow with every host
/// that was ever seen.
type Hosts = Mutex<HashMap<String, Host>>;

#[derive(Debug)]
struct Host {
    slots: Arc<Semaphore>,
    /// Events under way or waiting.
    users: usize,
}

/// A slot; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Slot {
    // `None` if a semaphore were closed, which nobody does.
    _overall: Option<OwnedSemaphorePermit>,
    _host: Option<OwnedSemaphorePermit>,
    _user: User,
}

/// One event's entry at its host; dropping it takes the host out of the map after its last event.
#[derive(Debug)]
struct User {
    hosts: Arc<Hosts>,
    host: String,
}

impl Slots {
    /// `overall` slots, of which one host has `per_host` at most; 0 counts as 1.
    pub(super) fn new(overall: usize, per_host: usize) -> Self {
        let permits = |count: usize| count.clamp(1, Semaphore::MAX_PERMITS);
        Self { overall: Arc::new(Semaphore::new(permits(overall))), per_host: permits(per_host), hosts: Arc::default() }
    }

    /// Waits for a slot of `host` (name and port). Dropping the future leaves the queue.
    pub(super) async fn acquire(&self, host: &str) -> Slot {
        let (user, slots) = self.enter(host);
        let host = slots.acquire_owned().await.ok();
        let overall = Arc::clone(&self.overall).acquire_owned().await.ok();
        Slot { _overall: overall, _host: host, _user: user }
    }

    fn enter(&self, host: &str) -> (User, Arc<Semaphore>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = hosts
            .entry(host.to_owned())
            .or_insert_with(|| Host { slots: Arc::new(Semaphore::new(self.per_host)), users: 0 });
        entry.users += 1;
        let slots = Arc::clone(&entry.slots);
        (User { hosts: Arc::clone(&self.hosts), host: host.to_owned() }, slots)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = hosts.get_mut(&self.host) {
            entry.users = entry.users.saturating_sub(1);
            if entry.users == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn hosts(slots: &Slots) -> usize {
        slots.hosts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    #[tokio::test]
    async fn w9_waiting_for_a_busy_host_takes_no_slot_of_others() {
        let slots = Slots::new(2, 1);
        let busy = slots.acquire("busy:80").await;
        let mut waiting = Box::pin(slots.acquire("busy:80"));
        assert!(waiting.as_mut().now_or_never().is_none(), "one at a time");
        let other = slots.acquire("other:80").now_or_never();
        assert!(other.is_some(), "the second overall slot is free");
        assert!(slots.acquire("third:80").now_or_never().is_none(), "two overall");
        drop(busy);
        assert!(waiting.now_or_never().is_some(), "the freed slot goes to who waited");
    }

    #[tokio::test]
    async fn forgets_hosts_without_events() {
        let slots = Slots::new(2, 1);
        let held = slots.acquire("one:80").await;
        let mut waiting = Box::pin(slots.acquire("one:80"));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(slots.acquire("two:80").await);
        assert_eq!(hosts(&slots), 1);
        drop(held);
        assert_eq!(hosts(&slots), 1, "somebody waits");
        drop(waiting);
        assert_eq!(hosts(&slots), 0);
    }
}
