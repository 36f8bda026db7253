//! What the subscribers took, as receivers keep it that know a repeated event by its `webhook-id`.

use std::collections::{BTreeSet, HashMap, HashSet};

use opendental_cdc::sandbox::receiver::ReceivedEvent;

use crate::{
    office::Event,
    workload::{
        Told,
        watched::{self, State, WatchedTable},
    },
};

/// What a subscription is to.
#[derive(Clone, Copy)]
pub(super) enum Watches {
    Changes(&'static WatchedTable),
    Deletions(&'static WatchedTable),
}

impl Watches {
    /// `apisubscription.WatchTable`.
    pub(super) fn name(self) -> String {
        match self {
            Self::Changes(table) => table.watch.to_owned(),
            Self::Deletions(table) => format!("{}Deleted", table.watch),
        }
    }

    pub(super) fn table(self) -> &'static WatchedTable {
        match self {
            Self::Changes(table) | Self::Deletions(table) => table,
        }
    }
}

/// All subscriptions; a subscription's number is its place in here, from 1 on.
pub(super) fn subscriptions() -> Vec<Watches> {
    let named = |names: &[&str]| {
        let tables = watched::ALL.into_iter().filter(|table| names.contains(&table.watch)).collect::<Vec<_>>();
        tables.into_iter()
    };
    // Two have a subscription more, so that cursors and endpoints differ.
    let changes = watched::ALL.into_iter().chain(named(&["Appointment", "Patient"])).map(Watches::Changes);
    changes.chain(named(&["PatField", "Schedule"]).map(Watches::Deletions)).collect()
}

#[derive(Default)]
pub(super) struct Books {
    told: Told,
    deleted: HashMap<i64, HashSet<i64>>,
    ids: HashSet<String>,
    /// Events that were taken, and those of them that had been before.
    pub(super) events: usize,
    pub(super) repeated_events: usize,
    /// Elements of all of them.
    pub(super) elements: usize,
}

impl Books {
    /// An event that its receiver takes, whether the sender hears of it or not.
    pub(super) fn take(&mut self, received: &ReceivedEvent) {
        let event = Event::new(received.clone());
        self.events += 1;
        self.elements += event.elements.len();
        if !self.ids.insert(event.id()) {
            self.repeated_events += 1;
            return;
        }
        let num = event.subscription();
        match subscriptions()[usize::try_from(num).unwrap() - 1] {
            Watches::Changes(table) => self.told.learn(num, table, &event.elements),
            Watches::Deletions(table) => {
                let keys = event.field(table.key).into_iter().map(|key| key.parse::<i64>().unwrap());
                self.deleted.entry(num).or_default().extend(keys);
            }
        }
    }

    /// Elements of new events that told nothing new.
    pub(super) fn repeats(&self) -> usize {
        self.told.repeats
    }

    /// The keys of those `rows` that the subscription does not know as they are.
    pub(super) fn lacks(&self, num: i64, rows: &HashMap<i64, State>) -> Vec<i64> {
        self.told.lacks(num, rows)
    }

    /// Those `keys` of deleted rows of which the subscription was not told.
    pub(super) fn lacks_deletions(&self, num: i64, keys: &BTreeSet<i64>) -> Vec<i64> {
        let known = self.deleted.get(&num);
        keys.iter().copied().filter(|key| known.is_none_or(|known| !known.contains(key))).collect()
    }

    /// What the subscription was last told of a row.
    pub(super) fn last(&self, num: i64, key: i64) -> Option<&State> {
        self.told.last(num, key)
    }
}
