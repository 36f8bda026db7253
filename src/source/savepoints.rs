//! The savepoints of a transaction.

use std::collections::HashMap;

/// Finds a savepoint at once, since some applications set one for each row that they write.
#[derive(Debug, Default)]
pub(super) struct Savepoints {
    /// In the order in which they were set, each with what had been done before it; `None` where one was set again later.
    all: Vec<Option<(String, usize)>>,
    /// Where each name stands in `all`.
    places: HashMap<String, usize>,
}

impl Savepoints {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Sets a savepoint behind so many things that the transaction did. One of this name that was set before is gone.
    pub(super) fn set(&mut self, name: String, done: usize) {
        if let Some(place) = self.places.get(&name).and_then(|place| self.all.get_mut(*place)) {
            *place = None;
        }
        if self.all.len() > 2 * self.places.len() + 8 {
            self.close_gaps();
        }
        self.places.insert(name.clone(), self.all.len());
        self.all.push(Some((name, done)));
    }

    /// How much had been done before the one that was set last.
    pub(super) fn last(&self) -> Option<usize> {
        self.all.iter().rev().flatten().next().map(|(_, done)| *done)
    }

    /// Goes back to a savepoint, which stays, while those set behind it are gone. How much had been done before it;
    /// `None` if there is none of this name.
    pub(super) fn back_to(&mut self, name: &str) -> Option<usize> {
        let place = *self.places.get(name)?;
        for (gone, _) in self.all.drain(place + 1..).flatten() {
            self.places.remove(&gone);
        }
        self.all.last()?.as_ref().map(|(_, done)| *done)
    }

    fn close_gaps(&mut self) {
        self.all.retain(Option::is_some);
        self.places.clear();
        for (place, (name, _)) in self.all.iter().flatten().enumerate() {
            self.places.insert(name.clone(), place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_savepoints_are_as_a_list_of_them_would_be() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let (mut savepoints, mut list) = (Savepoints::default(), Vec::<(String, usize)>::new());
            for done in 0..100 {
                let name = random.u8(0..9).to_string();
                if random.u8(0..4) > 0 {
                    list.retain(|(known, _)| *known != name);
                    list.push((name.clone(), done));
                    savepoints.set(name, done);
                    assert!(savepoints.all.len() <= 2 * savepoints.places.len() + 10);
                } else {
                    let place = list.iter().position(|(known, _)| *known == name);
                    assert_eq!(savepoints.back_to(&name), place.map(|place| list[place].1));
                    list.truncate(place.map_or(list.len(), |place| place + 1));
                }
                assert_eq!(savepoints.is_empty(), list.is_empty());
            }
        }
    }
}
