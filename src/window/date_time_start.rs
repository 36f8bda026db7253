//! What a value found in `apisubscription.DateTimeStart` means (rule W7).

use std::collections::VecDeque;

/// How DateTimeStart moved from the value last seen to the one found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It did not, or we wrote it ourselves.
    None,
    /// Backwards: send again from there.
    Back,
    /// Forwards, up to the server's now: another sender.
    Forward,
    /// Beyond the server's now: a pause until then.
    Future,
}

impl Move {
    /// What it means that `found` stands where `last_seen` was, at `now`: all in the server's local time, as
    /// `YYYY-MM-DD HH:MM:SS`, which compares as text.
    pub fn judge(last_seen: &str, found: &str, now: &str) -> Self {
        if found == last_seen {
            Self::None
        } else if found > now {
            Self::Future
        } else if found < last_seen {
            Self::Back
        } else {
            Self::Forward
        }
    }
}

/// The values that we wrote to one subscription's DateTimeStart and have not yet read back from the log.
///
/// Our own write-back is itself a change in the log and must not be taken for somebody else's.
#[derive(Clone, Debug, Default)]
pub struct OwnWrites {
    values: VecDeque<String>,
}

impl OwnWrites {
    // Each write is read back within moments; while the log is far behind, the oldest are of no more use.
    const KEPT: usize = 64;

    /// Remembers that `value` is about to be written.
    pub fn expect(&mut self, value: &str) {
        if self.values.back().is_some_and(|last| last == value) {
            return;
        }
        if self.values.len() == Self::KEPT {
            self.values.pop_front();
        }
        self.values.push_back(value.to_owned());
    }

    /// Whether `value`, read from the log, is one of ours. Those before it cannot come any more.
    pub fn recognise(&mut self, value: &str) -> bool {
        match self.values.iter().position(|own| own == value) {
            Some(index) => {
                self.values.drain(..=index);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23 12:00:00";

    #[test]
    fn w7_a_value_found_is_judged_by_the_value_last_seen_and_by_now() {
        let seen = "2026-11-23 11:59:50";
        assert_eq!(Move::judge(seen, seen, NOW), Move::None);
        assert_eq!(Move::judge(seen, "2026-11-23 11:59:49", NOW), Move::Back);
        assert_eq!(Move::judge(seen, "2026-11-23 11:59:55", NOW), Move::Forward);
        assert_eq!(Move::judge(seen, NOW, NOW), Move::Forward);
        assert_eq!(Move::judge(seen, "2026-11-23 12:00:01", NOW), Move::Future);
        // A pause that is shortened is still a pause.
        assert_eq!(Move::judge("2026-12-24 00:00:00", "2026-12-01 00:00:00", NOW), Move::Future);
        assert_eq!(Move::judge("2026-12-24 00:00:00", "2026-11-01 00:00:00", NOW), Move::Back);
    }

    #[test]
    fn w7_our_own_write_backs_are_recognised_in_the_log_however_late_they_come() {
        let mut own = OwnWrites::default();
        own.expect("2026-11-23 12:00:00");
        own.expect("2026-11-23 12:00:01");
        own.expect("2026-11-23 12:00:02");
        assert!(own.recognise("2026-11-23 12:00:01"));
        assert!(!own.recognise("2026-11-23 12:00:00"));
        assert!(own.recognise("2026-11-23 12:00:02"));
        assert!(!own.recognise("2026-11-23 12:00:02"));
    }
}
