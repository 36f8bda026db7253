//! The subscriptions, as `apisubscription` and its changes in the log tell them (rules W1 and W8).

use tracing::{info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    restore::{fingerprint, restore},
};
use crate::{
    opendental::Subscription,
    row::RowKey,
    source::{Change, ChangeKind, ImageRow},
    window::Subscriber,
};

/// Who tells of a subscription's row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// Its change in the log.
    Log,
    /// The table, read as a whole.
    Table,
}

impl Engine {
    pub(super) fn subscription_changed(&mut self, change: &Change) -> Result<(), BridgeError> {
        if let Some(RowKey::Int(num)) = change.old_key {
            self.remove_subscription(num, "its number changed");
        }
        if change.kind == ChangeKind::Delete {
            if let RowKey::Int(num) = change.key {
                self.remove_subscription(num, "it was deleted");
            }
            return Ok(());
        }
        let Some(image) = &change.image else {
            self.reload = true;
            return Ok(());
        };
        let row = match ImageRow::new(image, &change.layout, &self.zone) {
            Ok(row) => row,
            Err(error) => {
                warn!(%error, "a row's image cannot be read; reading the whole table");
                self.reload = true;
                return Ok(());
            }
        };
        match Subscription::from_row(&row) {
            Ok(subscription) => self.subscription(subscription, Told::Log),
            Err(error) => {
                warn!(%error, "a row of apisubscription cannot be read; it is left alone");
                Ok(())
            }
        }
    }

    /// Takes note of a subscription's row as it is now.
    pub(super) fn subscription(&mut self, subscription: Subscription, told: Told) -> Result<(), BridgeError> {
        let num = subscription.num;
        if let Some(why) = self.is_not_served(&subscription) {
            self.remove_subscription(num, why);
            return Ok(());
        }
        match self.subscribers.get(&num) {
            None => self.add_subscription(subscription),
            Some(known) if self.is_another(known, &subscription) => {
                self.remove_subscription(num, "its WatchTable or Workstation changed");
                self.add_subscription(subscription)
            }
            Some(_) => self.update_subscription(subscription, told),
        }
    }

    fn is_not_served(&self, subscription: &Subscription) -> Option<&'static str> {
        if !subscription.is_window() {
            Some("it is for UI events")
        } else if !subscription.belongs_to(&self.workstation) {
            Some("its Workstation is another")
        } else if subscription.is_expired(&self.local_now()) {
            Some("it has expired")
        } else if subscription.watch().is_none() {
            warn!(
                subscription = subscription.num,
                watch_table = subscription.watch_table,
                "this version knows no such watch table; the subscription is left alone"
            );
            Some("its WatchTable is not known")
        } else {
            None
        }
    }

    fn is_another(&self, known: &Subscriber, row: &Subscription) -> bool {
        fingerprint(&known.subscription) != fingerprint(row)
    }

    fn add_subscription(&mut self, subscription: Subscription) -> Result<(), BridgeError> {
        let num = subscription.num;
        let Some(start) = self.zone.instant(&subscription.date_time_start) else {
            warn!(subscription = num, "DateTimeStart is no date and time; the subscription is left alone");
            return Ok(());
        };
        let mut subscriber = match self.restored.remove(&num).and_then(|saved| restore(&subscription, saved)) {
            Some(subscriber) => subscriber,
            None => Subscriber::new(subscription.clone(), start),
        };
        info!(
            subscription = num,
            watch_table = subscription.watch_table,
            polling_seconds = subscription.polling_seconds,
            date_time_start = subscription.date_time_start,
            "serving a subscription"
        );
        self.made += 1;
        subscriber.epoch = self.made << 32;
        // A pause goes on after a restart.
        subscriber.paused_until = Some(start);
        // It may have been moved while we were away; a value that we were about to write is our own.
        let moved = subscriber.start.loaded(&subscription.date_time_start, &self.local_now());
        self.subscribers.insert(num, subscriber);
        self.rebuilding.push(num);
        self.store_then(num, None);
        self.moved(num, &subscription.date_time_start, moved)?;
        self.attend(num)
    }

    fn update_subscription(&mut self, subscription: Subscription, told: Told) -> Result<(), BridgeError> {
        let num = subscription.num;
        let start = subscription.date_time_start.clone();
        let now = self.local_now();
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        let moved_away = subscriber.subscription.end_point_url != subscription.end_point_url;
        let moved = match told {
            Told::Log => subscriber.start.shown(&start, &now),
            Told::Table => subscriber.start.loaded(&start, &now),
        };
        subscriber.subscription = subscription;
        if moved_away {
            info!(subscription = num, "EndPointUrl changed: the open window starts again there");
            subscriber.restart_window();
            self.stop_attempt(num);
            self.store_then(num, None);
        }
        self.moved(num, &start, moved)?;
        self.attend(num)
    }

    /// Its DateTimeStop has passed.
    pub(super) fn expire(&mut self, num: i64) {
        self.remove_subscription(num, "it has expired");
    }

    pub(super) fn remove_subscription(&mut self, num: i64, why: &str) {
        if self.subscribers.remove(&num).is_some() {
            info!(subscription = num, "no longer serving a subscription: {why}");
            self.stop_attempt(num);
            self.store_removal(num);
            self.trim = true;
        }
    }

    /// Stops the request or reading under way: its result would be of no use.
    pub(super) fn stop_attempt(&mut self, num: i64) {
        if let Some(attempt) = self.attempts.remove(&num) {
            attempt.abort();
        }
    }
}
