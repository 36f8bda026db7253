//! The subscriptions, as `apisubscription` and its changes in the log tell them (rules W1 and W8).

use tracing::{debug, info, warn};

use super::{
    engine::Engine,
    error::BridgeError,
    restore::{fingerprint, restore},
};
use crate::{
    opendental::{Subscription, SubscriptionError, WatchId},
    row::RowKey,
    source::{Change, ChangeKind, ImageRow, SourceError},
    window::{Now, Subscriber},
};

/// Who tells of a subscription's row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// Its change in the log.
    Log,
    /// The table, read as a whole while the log is being read: a row that is new in it was made behind what was read.
    Table,
    /// The table, read at the start.
    Start,
}

impl Engine {
    pub(super) fn subscription_changed(&mut self, change: &Change) -> Result<(), BridgeError> {
        if let Some(RowKey::Int(num)) = change.old_key {
            self.remove_subscription(num, "its number changed");
            self.unserved.remove(&num);
        }
        if change.kind == ChangeKind::Delete {
            if let RowKey::Int(num) = change.key {
                self.forget_subscription(num);
            }
            return Ok(());
        }
        // What a new row's image does not tell is taken to be as Open Dental's table has it by default, and looked up.
        self.reload |= change.kind == ChangeKind::Insert && change.image.is_none();
        match self.subscription_in(change) {
            Ok(Some(Ok(subscription))) => self.subscription(subscription, Told::Log),
            Ok(Some(Err(error))) => {
                warn!(%error, "a row of apisubscription cannot be read; it is left alone");
                Ok(())
            }
            Ok(None) => {
                debug!("a row of apisubscription is logged in part and not known; reading the whole table");
                self.reload = true;
                Ok(())
            }
            Err(error) => {
                warn!(%error, "a row's image cannot be read; reading the whole table");
                self.reload = true;
                Ok(())
            }
        }
    }

    /// The subscription after a change; `None` if the log does not tell all of it and the rest is not known.
    fn subscription_in(&self, change: &Change) -> Result<Option<Result<Subscription, SubscriptionError>>, SourceError> {
        if let Some(image) = &change.image {
            let row = ImageRow::new(image, &change.layout, &self.zone)?;
            return Ok(Some(Subscription::from_row(&row)));
        }
        let (Some(image), RowKey::Int(num)) = (&change.partial, &change.key) else { return Ok(None) };
        let row = ImageRow::partial(&image.bytes, &image.present, &change.layout, &self.zone)?;
        if change.kind == ChangeKind::Insert {
            return Ok(Some(Subscription::blank(*num).updated(&row)));
        }
        let served = self.subscribers.get(num).map(|subscriber| &subscriber.subscription);
        Ok(served.or(self.unserved.get(num)).map(|before| before.updated(&row)))
    }

    /// Takes note of a subscription's row as it is now.
    pub(super) fn subscription(&mut self, subscription: Subscription, told: Told) -> Result<(), BridgeError> {
        let num = subscription.num;
        let watch = match self.served(&subscription) {
            Ok(watch) => watch,
            Err(why) => {
                self.remove_subscription(num, why);
                if self.unserved.get(&num) != Some(&subscription) {
                    self.forget_ui_events(num);
                }
                self.unserved.insert(num, subscription);
                return Ok(());
            }
        };
        self.unserved.remove(&num);
        match self.subscribers.get(&num) {
            None => self.add_subscription(subscription, watch, told),
            Some(known) if self.is_another(known, &subscription) => {
                self.remove_subscription(num, "its WatchTable changed");
                self.add_subscription(subscription, watch, told)
            }
            Some(_) => self.update_subscription(subscription, told),
        }
    }

    /// What a subscription that is ours watches, or why it is not served.
    fn served(&self, subscription: &Subscription) -> Result<WatchId, &'static str> {
        if subscription.is_ui() {
            return Err("it is for UI events");
        }
        if !subscription.belongs_to(&self.workstation) {
            return Err("its Workstation is another");
        }
        if subscription.is_expired(&self.zone.local_text(self.server_now())) {
            return Err("it has expired");
        }
        match self.tables.find(subscription.watch_table.trim()) {
            Some((watch, _)) => Ok(watch),
            None => {
                warn!(
                    subscription = subscription.num,
                    watch_table = subscription.watch_table,
                    "there is no such watch table, neither of the API nor in opendental.tables; the subscription is \
                     left alone"
                );
                Err("its WatchTable is not known")
            }
        }
    }

    fn is_another(&self, known: &Subscriber, row: &Subscription) -> bool {
        fingerprint(&known.subscription) != fingerprint(row)
    }

    fn add_subscription(&mut self, subscription: Subscription, watch: WatchId, told: Told) -> Result<(), BridgeError> {
        let num = subscription.num;
        let Some(start) = self.zone.instant(&subscription.date_time_start) else {
            warn!(subscription = num, "DateTimeStart is no date and time; the subscription is left alone");
            self.unserved.insert(num, subscription);
            return Ok(());
        };
        let restored = self.restored.remove(&num).and_then(|saved| restore(&subscription, watch, saved));
        let is_new = restored.is_none();
        let mut subscriber = restored.unwrap_or_else(|| Subscriber::new(subscription.clone(), watch, start));
        if is_new && self.forgetful && matches!(told, Told::Start) && start <= self.server_now() {
            // It is most likely ours that stands there, and commits come later than their stamps.
            subscriber.lose_place(self.overlap());
        }
        info!(
            subscription = num,
            watch_table = subscription.watch_table,
            polling_seconds = subscription.polling_seconds,
            date_time_start = subscription.date_time_start,
            "serving a subscription"
        );
        self.made += 1;
        subscriber.epoch = self.made << 32;
        let now = Now { instant: self.server_now(), zone: &self.zone };
        // It may have been moved while we were away; a value that we were about to write is our own.
        let moved = subscriber.start.loaded(&subscription.date_time_start, now);
        if !is_new && subscriber.last > now.instant {
            warn!(subscription = num, "the last window lies ahead of the server's clock, which was set back");
            subscriber.clock_set_back(subscriber.last.saturating_sub(now.instant), now);
        }
        self.subscribers.insert(num, subscriber);
        if is_new && !matches!(told, Told::Start) {
            self.begin_where_it_was_made(num);
        }
        self.rebuilding.push(num);
        self.store_then(num, None);
        self.moved(num, &subscription.date_time_start, moved)?;
        self.attend(num)
    }

    fn update_subscription(&mut self, subscription: Subscription, told: Told) -> Result<(), BridgeError> {
        let num = subscription.num;
        let start = subscription.date_time_start.clone();
        // The log tells what the server's clock showed, ours can be behind a clock that was set.
        let instant = match (told, self.taking) {
            (Told::Log, Some((_, committed))) => committed.div_euclid(1_000_000),
            _ => self.server_now(),
        };
        let now = Now { instant, zone: &self.zone };
        let Some(subscriber) = self.subscribers.get_mut(&num) else { return Ok(()) };
        let moved_away = subscriber.subscription.end_point_url != subscription.end_point_url;
        let moved = match told {
            Told::Log => subscriber.start.shown(&start, now),
            Told::Table | Told::Start => subscriber.start.loaded(&start, now),
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

    /// It was deleted.
    pub(super) fn forget_subscription(&mut self, num: i64) {
        self.remove_subscription(num, "it was deleted");
        self.forget_ui_events(num);
        self.unserved.remove(&num);
    }

    fn remove_subscription(&mut self, num: i64, why: &str) {
        if let Some(subscriber) = self.subscribers.remove(&num) {
            self.unserved.insert(num, subscriber.subscription);
            info!(subscription = num, "no longer serving a subscription: {why}");
            self.stop_attempt(num);
            self.leave_second_pass(num);
            self.troubles.forget(num);
            self.published.forget(num);
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
