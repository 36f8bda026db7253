//! Subscriptions and lookups are read once, with a position; after that the log keeps them (rules W8 and R9).

use std::collections::HashSet;

use tracing::{info, warn};

use super::{engine::Engine, error::BridgeError, jobs::Done, registry::Told};
use crate::{
    binlog::LogPoint,
    opendental::{LookupTable, Lookups, RenderError, Subscription},
    source::{Database, DatabaseError, FailureColumns, TextRow},
};

/// All columns: releases of Open Dental differ in which they have.
const ALL: [&str; 0] = [];

/// Subscriptions and lookups as they were at one point of the log.
pub(super) struct Loaded {
    point: LogPoint,
    subscriptions: Vec<TextRow>,
    /// Or what does not have its table's shape.
    lookups: Result<Lookups, RenderError>,
    failure_columns: FailureColumns,
}

impl Loaded {
    /// They hold every change up to here.
    pub(super) fn point(&self) -> LogPoint {
        self.point
    }

    fn take_lookups(&mut self) -> Result<Lookups, RenderError> {
        std::mem::replace(&mut self.lookups, Ok(Lookups::new()))
    }
}

/// Reads subscriptions and lookups from one snapshot.
pub(super) async fn load(database: &Database) -> Result<Loaded, DatabaseError> {
    let mut snapshot = database.snapshot().await?;
    let subscriptions = snapshot.select_all(Subscription::TABLE, &ALL).await?;
    let (mut lookups, mut problem) = (Lookups::new(), None);
    for table in LookupTable::ALL {
        let take = |row| {
            if problem.is_none() {
                problem = lookups.upsert(table, &row).err();
            }
        };
        snapshot.each_row(table.table(), &ALL, take).await?;
    }
    let lookups = problem.map_or(Ok(lookups), Err);
    let point = snapshot.point();
    snapshot.finish().await;
    let failure_columns = database.failure_columns().await?;
    Ok(Loaded { point, subscriptions, lookups, failure_columns })
}

impl Engine {
    pub(super) fn start_reload(&mut self) {
        if !self.reload || self.reloading || !self.reload_backoff.is_over(self.now_millis()) {
            return;
        }
        self.reload = false;
        // While this is set no changes are taken in: none can come between the snapshot and its being taken over.
        self.reloading = true;
        let database = self.database.clone();
        self.spawn_until_stop(async move { Done::Reloaded(load(&database).await) });
    }

    pub(super) fn reloaded(&mut self, result: Result<Loaded, DatabaseError>) -> Result<(), BridgeError> {
        self.reloading = false;
        let problem = match result {
            Ok(mut loaded) => match loaded.take_lookups() {
                Ok(lookups) => {
                    self.reload_backoff.succeeded();
                    self.moved_schedules.extend(lookups.schedules_that_differ(&self.lookups));
                    return self.take_over_with(lookups, loaded, Told::Table);
                }
                // In the middle of an upgrade, for all that is known.
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        warn!(problem, "subscriptions and lookups could not be read; trying again");
        self.reload = true;
        self.reload_backoff.failed(self.now_millis());
        Ok(())
    }

    /// Takes over what was read; what the log tells up to its point is not applied again.
    pub(super) fn take_over(&mut self, mut loaded: Loaded, told: Told) -> Result<(), BridgeError> {
        self.take_over_with(loaded.take_lookups()?, loaded, told)
    }

    fn take_over_with(&mut self, lookups: Lookups, loaded: Loaded, told: Told) -> Result<(), BridgeError> {
        self.loaded = loaded.point;
        self.lookups = lookups;
        for watched in self.watched.values_mut() {
            watched.generation += 1;
        }
        self.found_failure_columns(loaded.failure_columns);
        let mut seen = HashSet::new();
        for row in &loaded.subscriptions {
            match Subscription::from_row(row) {
                Ok(subscription) => {
                    let num = subscription.num;
                    seen.insert(num);
                    self.subscription(subscription, told)?;
                    if self.subscribers.contains_key(&num) {
                        self.troubles.found(num, Subscription::failures_in(row));
                    }
                }
                Err(error) => warn!(%error, "a row of apisubscription cannot be read; it is left alone"),
            }
        }
        self.unserved.retain(|num, _| seen.contains(num));
        for num in self.subscribers.keys().copied().filter(|num| !seen.contains(num)).collect::<Vec<_>>() {
            self.forget_subscription(num);
        }
        for num in std::mem::take(&mut self.restored).into_keys() {
            self.store_removal(num);
        }
        self.trim = true;
        info!(subscriptions = self.subscribers.len(), "subscriptions and lookups loaded");
        Ok(())
    }
}
