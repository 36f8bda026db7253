//! One UI event at a time for each subscription and workstation, so that none overtakes a later one.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use crate::delivery::Event;

/// Lanes that may be in use at once; events for more are dropped.
const MOST: usize = 1000;

/// A subscription that is told of one workstation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) subscription: i64,
    workstation: String,
}

impl Lane {
    pub(super) fn new(subscription: i64, workstation: &str) -> Self {
        Self { subscription, workstation: workstation.trim().to_lowercase() }
    }
}

/// An event that can be sent now; `stale` is cancelled when it is of no use any more to try it again.
#[derive(Debug)]
pub(super) struct Go {
    pub(super) event: Event,
    pub(super) stale: CancellationToken,
}

/// The lanes in which an event is under way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    used: HashMap<Lane, Use>,
}

#[derive(Debug)]
struct Use {
    /// Of the event under way.
    stale: CancellationToken,
    /// The newest event that waits behind it.
    next: Option<Event>,
}

impl Lanes {
    /// The event is the newest of its lane; it is returned if none is under way there.
    ///
    /// # Errors
    /// Too many are under way; it is dropped.
    pub(super) fn enter(&mut self, lane: &Lane, event: Event) -> Result<Option<Go>, TooMany> {
        if let Some(used) = self.used.get_mut(lane) {
            used.stale.cancel();
            used.next = Some(event);
            return Ok(None);
        }
        if self.used.len() >= MOST {
            return Err(TooMany);
        }
        Ok(Some(self.start(lane.clone(), event)))
    }

    /// The event under way is over; returns the one that waited behind it.
    pub(super) fn over(&mut self, lane: Lane) -> Option<Go> {
        let next = self.used.remove(&lane)?.next?;
        Some(self.start(lane, next))
    }

    /// The subscription is not what it was: what waits for it is dropped, and what is under way not tried again.
    pub(super) fn forget(&mut self, subscription: i64) {
        for (_, used) in self.used.iter_mut().filter(|(lane, _)| lane.subscription == subscription) {
            used.stale.cancel();
            used.next = None;
        }
    }

    fn start(&mut self, lane: Lane, event: Event) -> Go {
        let stale = CancellationToken::new();
        self.used.insert(lane, Use { stale: stale.clone(), next: None });
        Go { event, stale }
    }
}

/// Too many events are under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooMany;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            subscription: 1,
            url: String::new(),
            customer_key: String::new(),
            workstation: None,
            event_type: String::new(),
            body: Bytes::new(),
            troubled: false,
        }
    }

    #[test]
    fn the_newest_waits_behind_the_one_under_way_and_makes_it_stale() {
        let (mut lanes, lane) = (Lanes::default(), Lane::new(1, "A"));
        let first = lanes.enter(&lane, event("first")).unwrap().unwrap();
        assert!(!first.stale.is_cancelled());
        assert!(lanes.enter(&lane, event("second")).unwrap().is_none());
        assert!(first.stale.is_cancelled());
        assert!(lanes.enter(&Lane::new(1, " a"), event("third")).unwrap().is_none());
        assert!(lanes.enter(&Lane::new(1, "B"), event("other")).unwrap().is_some(), "another workstation");
        let third = lanes.over(lane.clone()).unwrap();
        assert!(third.event.id == "third" && !third.stale.is_cancelled());
        assert!(lanes.over(lane.clone()).is_none());
        assert!(lanes.enter(&lane, event("fourth")).unwrap().is_some());
    }

    #[test]
    fn w8_what_waits_for_a_subscription_that_changed_is_dropped() {
        let (mut lanes, lane) = (Lanes::default(), Lane::new(1, "A"));
        let first = lanes.enter(&lane, event("first")).unwrap().unwrap();
        lanes.enter(&lane, event("second")).unwrap();
        lanes.forget(2);
        assert!(lanes.used[&lane].next.is_some());
        lanes.forget(1);
        assert!(first.stale.is_cancelled() && lanes.over(lane).is_none());
    }

    #[test]
    fn too_many_lanes_are_refused_but_those_in_use_go_on() {
        let mut lanes = Lanes::default();
        for num in 0..MOST {
            lanes.enter(&Lane::new(num.try_into().unwrap(), "A"), event("one")).unwrap().unwrap();
        }
        assert!(lanes.enter(&Lane::new(-1, "A"), event("more")).is_err());
        assert!(lanes.enter(&Lane::new(1, "A"), event("newer")).unwrap().is_none());
    }
}
