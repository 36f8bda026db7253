//! Who is selected where.

use std::collections::HashMap;

use crate::opendental::PatientSelected;

/// Workstations that are remembered. Beyond it all are forgotten, so that callers who make names up take no memory;
/// then a patient who is selected again is sent again.
const MOST_WORKSTATIONS: usize = 10_000;

/// The patient selected last on each workstation.
#[derive(Debug, Default)]
pub(super) struct Selections {
    last: HashMap<String, Selection>,
    /// Counts selections.
    made: u64,
}

#[derive(Debug)]
struct Selection {
    pat_num: i64,
    serial: u64,
}

impl Selections {
    /// Takes note of a selection; returns its number, or `None` if it is no event: the patient is selected there already,
    /// or the selection was cleared, after which the same patient is no event either.
    pub(super) fn select(&mut self, selected: &PatientSelected) -> Option<u64> {
        let workstation = key(selected);
        let known = self.last.get(&workstation).map(|selection| selection.pat_num);
        if selected.pat_num == 0 || known == Some(selected.pat_num) {
            return None;
        }
        if known.is_none() && self.last.len() >= MOST_WORKSTATIONS {
            self.last.clear();
        }
        self.made += 1;
        self.last.insert(workstation, Selection { pat_num: selected.pat_num, serial: self.made });
        Some(self.made)
    }

    /// Whether nothing was selected there since.
    pub(super) fn is_last(&self, selected: &PatientSelected, serial: u64) -> bool {
        self.last.get(&key(selected)).is_some_and(|last| last.serial == serial)
    }

    /// It did not become an event: the same selection is one when it is made again.
    pub(super) fn forget(&mut self, selected: &PatientSelected, serial: u64) {
        if self.is_last(selected, serial) {
            self.last.remove(&key(selected));
        }
    }
}

fn key(selected: &PatientSelected) -> String {
    selected.workstation.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(workstation: &str, pat_num: i64) -> PatientSelected {
        PatientSelected { pat_num, workstation: workstation.to_owned() }
    }

    #[test]
    fn the_same_patient_is_no_event_again_until_another_was_selected_there() {
        let mut selections = Selections::default();
        let mut is_event = |workstation, pat_num| selections.select(&on(workstation, pat_num)).is_some();
        assert!(is_event("A", 1) && !is_event("A", 1) && !is_event(" a ", 1), "case does not count");
        assert!(!is_event("A", 0) && !is_event("A", 1), "cleared and selected again");
        assert!(is_event("B", 1), "elsewhere");
        assert!(is_event("A", 2) && is_event("A", 1));
    }

    #[test]
    fn what_failed_can_be_selected_again_unless_another_was_selected_since() {
        let mut selections = Selections::default();
        let first = selections.select(&on("A", 1)).unwrap_or_default();
        assert!(selections.is_last(&on("A", 1), first));
        selections.forget(&on("A", 1), first);
        let second = selections.select(&on("A", 1)).unwrap_or_default();
        assert!(second > first);
        assert!(selections.select(&on("A", 2)).is_some() && !selections.is_last(&on("A", 1), second));
        selections.forget(&on("A", 1), second);
        assert_eq!(selections.select(&on("A", 2)), None, "the later one stays");
    }

    #[test]
    fn made_up_workstations_take_no_memory_beyond_all_measure() {
        let mut selections = Selections::default();
        (0..3 * MOST_WORKSTATIONS).for_each(|number| {
            selections.select(&on(&number.to_string(), 1));
        });
        assert!(selections.last.len() <= MOST_WORKSTATIONS);
    }
}
