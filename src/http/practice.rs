//! The practice's database as the routes see it: there once the bridge has connected to it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{opendental::WatchTables, source::Database};

/// Where the bridge puts the practice's database for the routes. Clones share one place.
#[derive(Clone)]
pub struct Practice {
    connected: Arc<watch::Sender<Option<Connected>>>,
}

/// The practice's database and what can be watched in it.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) database: Database,
    pub(crate) tables: Arc<WatchTables>,
}

impl Practice {
    /// Nothing is connected yet.
    pub fn new() -> Self {
        Self { connected: Arc::new(watch::Sender::new(None)) }
    }

    /// From now on `database` is asked; it may not be reachable at each moment.
    pub fn connected(&self, database: Database, tables: Arc<WatchTables>) {
        self.connected.send_replace(Some(Connected { database, tables }));
    }

    /// What the bridge is connected to; `None`: it has not been since the start.
    pub(crate) fn get(&self) -> Option<Connected> {
        self.connected.borrow().clone()
    }
}

impl Default for Practice {
    fn default() -> Self {
        Self::new()
    }
}
