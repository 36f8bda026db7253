//! What subscribers were told.

use std::collections::HashMap;

use serde_json::Value;

use super::watched::{State, WatchedTable};

/// The last state of every row that each subscription was told, and how often it was told what it knew.
#[derive(Default)]
pub(crate) struct Told {
    rows: HashMap<(i64, i64), State>,
    /// Elements that told nothing new.
    pub(crate) repeats: usize,
    /// All elements.
    pub(crate) elements: usize,
}

impl Told {
    /// Takes note of an event's elements, in the order of arrival.
    pub(crate) fn learn(&mut self, subscription: i64, table: &WatchedTable, elements: &[Value]) {
        for element in elements {
            let (key, state) = table.row(element);
            let before = self.rows.insert((subscription, key), state.clone());
            self.repeats += usize::from(before == Some(state));
            self.elements += 1;
        }
    }

    /// The state of a row that a subscription was last told.
    pub(crate) fn last(&self, subscription: i64, key: i64) -> Option<&State> {
        self.rows.get(&(subscription, key))
    }

    /// The keys of those `rows` of which the subscription was last told another state, or nothing.
    pub(crate) fn lacks(&self, subscription: i64, rows: &HashMap<i64, State>) -> Vec<i64> {
        let is_known = |(key, state): &(&i64, &State)| self.rows.get(&(subscription, **key)) == Some(*state);
        let mut lacking: Vec<i64> = rows.iter().filter(|row| !is_known(row)).map(|(key, _)| *key).collect();
        lacking.sort_unstable();
        lacking
    }
}
