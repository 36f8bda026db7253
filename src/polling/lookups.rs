//! The names and lists that events show beside numbers, read as they are needed.

use std::collections::HashSet;

use super::error::ServeError;
use crate::{
    opendental::{LookupTable, Lookups, WatchTable},
    source::Database,
};

/// What one round has read of the lookup tables: each at most once, and none that no event of the round shows.
#[derive(Default)]
pub(super) struct RoundLookups {
    lookups: Lookups,
    read: HashSet<LookupTable>,
}

impl RoundLookups {
    /// The lookups, with all that events of `watch` show.
    pub(super) async fn of(&mut self, watch: &WatchTable, database: &Database) -> Result<&Lookups, ServeError> {
        for table in LookupTable::ALL {
            if !watch.looks_up(table) || self.read.contains(&table) {
                continue;
            }
            for row in database.all_rows(table.table(), table.columns()).await? {
                self.lookups.upsert(table, &row)?;
            }
            self.read.insert(table);
        }
        Ok(&self.lookups)
    }
}
