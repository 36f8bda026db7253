//! One subscription's DateTimeStart: what the log shows, what we write, and what a value found there means (rule W7).

use std::collections::VecDeque;

use super::{Instant, Move, Now};

/// Another sender writes, once its events are taken, when it began to search for them: as long after that as a search
/// and a slow endpoint may take.
const LATE_SECONDS: i64 = 120;

/// The DateTimeStart of one subscription.
///
/// The log alone tells who changed it and in which order; the answers to our own UPDATEs come before or after the
/// log shows them, or never. So moves are judged by what the log shows, and answers only tell over which value the
/// next UPDATE is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTimeStart {
    /// The last value that the log showed, or the table when it was loaded.
    seen: String,
    /// The server's clock when it did; `None`: before a restart.
    seen_at: Option<Instant>,
    /// Our UPDATEs that the log has not shown yet, the oldest first.
    writes: VecDeque<Write>,
    /// T of the last window, until it is known to stand in the row.
    pending: Option<String>,
    /// What our last UPDATE met in the row, as long as the log has not shown it, and when.
    met: Option<(String, Instant)>,
    /// What another sender wrote last, if it can be one's that goes on.
    others: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Write {
    value: String,
    /// The server said that it was done.
    done: bool,
}

/// What to do about an UPDATE that met another value than it was written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Write it again, over the value met.
    WriteAgain,
    /// The log is about to show who wrote it.
    Wait,
    /// The log does not show it: it was written past the log, and has moved like this.
    Moved(Move),
}

impl DateTimeStart {
    // Each UPDATE is shown within moments. Windows close only as the log is read, so a few are under way at most.
    const KEPT: usize = 64;

    /// Shown as `seen`; `pending` is what we were about to write before a restart.
    pub fn new(seen: String, pending: Option<String>) -> Self {
        Self { seen, seen_at: None, writes: VecDeque::new(), pending, met: None, others: None }
    }

    /// What stands in the row, as far as we know.
    pub fn present(&self) -> &str {
        self.writes.iter().rev().find(|write| write.done).map_or(&self.seen, |write| &write.value)
    }

    /// What is to be written.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_deref()
    }

    /// From now on `value` is to be written.
    pub fn want(&mut self, value: String) {
        self.pending = Some(value);
    }

    /// Nothing is to be written.
    pub fn want_nothing(&mut self) {
        self.pending = None;
    }

    /// The server's clock was set back: what was met is not newer than what is to be written any more.
    pub fn clock_set_back(&mut self) {
        self.met = None;
    }

    /// An UPDATE to `value` begins; returns the value over which it is to be written. `None`: it is not wanted any
    /// more, or another sender has come further meanwhile, who would take it for a move back.
    pub fn begin(&mut self, value: &str, now: Now<'_>) -> Option<String> {
        if self.pending.as_deref() != Some(value) {
            return None;
        }
        let (there, ours) = (now.reading(self.present()), now.reading(value));
        if there.is_some_and(|there| ours.is_some_and(|ours| ours <= there && there <= now.latest())) {
            self.pending = None;
            return None;
        }
        if self.writes.back().is_none_or(|last| last.value != value) {
            if self.writes.len() == Self::KEPT {
                self.writes.pop_front();
            }
            self.writes.push_back(Write { value: value.to_owned(), done: false });
        }
        Some(self.present().to_owned())
    }

    /// The UPDATE to `value` was done.
    pub fn done(&mut self, value: &str) {
        self.met = None;
        if self.pending.as_deref() == Some(value) {
            self.pending = None;
        }
        // If it is not there any more, the log has shown it, and perhaps others after it.
        if let Some(write) = self.writes.iter_mut().rev().find(|write| write.value == value) {
            write.done = true;
        }
    }

    /// The UPDATE to `value` was not done, since the row held `found`.
    pub fn met(&mut self, value: &str, found: &str, now: Now<'_>) -> Met {
        self.writes.retain(|write| write.done || write.value != value);
        if found == self.seen {
            // Whatever we wrote has been overwritten since.
            self.writes.clear();
        } else if let Some(write) = self.writes.iter_mut().find(|write| write.value == found) {
            // An UPDATE of ours whose answer was lost.
            write.done = true;
        } else {
            let since = match self.met.take() {
                // T's barrier was asked later than it was met, and the log has been read up to that barrier.
                Some((met, since)) if met == found && now.reading(value).is_some_and(|barrier| since < barrier) => {
                    self.writes.clear();
                    return Met::Moved(self.shown(found, now));
                }
                Some((met, since)) if met == found => since,
                _ => now.instant,
            };
            self.met = Some((found.to_owned(), since));
            return Met::Wait;
        }
        self.met = None;
        Met::WriteAgain
    }

    /// The log shows `value`.
    pub fn shown(&mut self, value: &str, now: Now<'_>) -> Move {
        self.met = None;
        let ours = self.writes.iter().position(|write| write.value == value);
        if let Some(index) = ours {
            // Those before it cannot come any more.
            self.writes.drain(..=index);
        }
        self.take(value, ours.is_some(), now)
    }

    /// The table, read as a whole, holds `value`: the log may yet show it, and values before it.
    pub fn loaded(&mut self, value: &str, now: Now<'_>) -> Move {
        let ours = self.writes.iter().any(|write| write.value == value);
        self.take(value, ours, now)
    }

    fn take(&mut self, value: &str, ours: bool, now: Now<'_>) -> Move {
        let written = self.pending.as_deref() == Some(value);
        if written {
            self.pending = None;
        }
        let seen_at = self.seen_at.unwrap_or(now.instant);
        let moved = if ours || written { Move::None } else { Move::judge(&self.seen, seen_at, value, now) };
        let moved = match moved {
            Move::Back(there) if self.others.is_some_and(|before| before < there) && is_late(there, now) => {
                Move::Forward
            }
            moved => moved,
        };
        if matches!(moved, Move::Forward | Move::Back(_)) {
            self.others = now.reading(value).filter(|there| is_late(*there, now));
        }
        value.clone_into(&mut self.seen);
        self.seen_at = Some(now.instant);
        moved
    }
}

/// Whether a sender that takes its time may have begun its search at `there` and write it `now`: behind what we have
/// written since, and yet no wish to have anything again.
fn is_late(there: Instant, now: Now<'_>) -> bool {
    there >= now.instant.saturating_sub(LATE_SECONDS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    use crate::source::TimeZone;

    /// 2026-11-23 12:00:00.
    const NOW: Now<'_> = Now { instant: 1_795_435_200, zone: &TimeZone::UTC };

    fn now_at(second: u32) -> Now<'static> {
        Now { instant: NOW.instant - 60 + i64::from(second), ..NOW }
    }

    fn at(second: u32) -> String {
        format!("2026-11-23 11:59:{second:02}")
    }

    fn back(value: &str) -> Move {
        Move::Back(NOW.zone.instant(value).unwrap())
    }

    /// Last seen at :00; UPDATEs to :01 and so on are wanted and begun.
    fn writing(seconds: &[u32]) -> DateTimeStart {
        let mut start = DateTimeStart::new(at(0), None);
        for second in seconds {
            start.want(at(*second));
            start.begin(&at(*second), NOW).unwrap();
        }
        start
    }

    #[test]
    fn w7_our_own_write_is_no_move_whether_the_log_or_the_answer_comes_first() {
        let mut start = writing(&[1]);
        start.done(&at(1));
        assert_eq!((start.present(), start.pending()), (at(1).as_str(), None));
        assert_eq!(start.shown(&at(1), NOW), Move::None);
        assert_eq!(start.present(), at(1));

        let mut start = writing(&[1]);
        assert_eq!(start.shown(&at(1), NOW), Move::None);
        start.done(&at(1));
        assert_eq!((start.present(), start.pending()), (at(1).as_str(), None));
        // The log shows it only once.
        assert_eq!(start.shown(&at(5), NOW), Move::Forward);
        assert_eq!(start.shown(&at(1), NOW), back(&at(1)));
    }

    #[test]
    fn w7_another_column_changed_before_our_write_is_no_move_back() {
        let mut start = writing(&[1]);
        start.done(&at(1));
        assert_eq!(start.shown(&at(0), NOW), Move::None, "an edit of the row as it was before our UPDATE");
        assert_eq!(start.present(), at(1));
        assert_eq!(start.shown(&at(1), NOW), Move::None);
    }

    #[test]
    fn w7_a_rewind_right_after_our_write_counts_once_though_the_answer_comes_last() {
        let mut start = writing(&[30]);
        assert_eq!(start.shown(&at(30), NOW), Move::None);
        assert_eq!(start.shown(&at(10), NOW), back(&at(10)));
        start.done(&at(30));
        assert_eq!(start.present(), at(10), "the next UPDATE is written over what stands there");
        start.want(at(40));
        assert_eq!(start.begin(&at(40), NOW), Some(at(10)));
    }

    #[test]
    fn w7_a_rewind_before_our_write_counts_once_and_so_does_the_same_one_later() {
        // The log first, then the answer.
        let mut start = writing(&[30]);
        assert_eq!(start.shown("2026-01-01 00:00:00", NOW), back("2026-01-01 00:00:00"));
        assert_eq!(start.met(&at(30), "2026-01-01 00:00:00", NOW), Met::WriteAgain);
        // The answer first, then the log.
        start.want(at(40));
        start.begin(&at(40), NOW).unwrap();
        start.done(&at(40));
        assert_eq!(start.shown(&at(40), NOW), Move::None);
        start.want(at(50));
        start.begin(&at(50), NOW).unwrap();
        assert_eq!(start.met(&at(50), "2026-01-01 00:00:00", NOW), Met::Wait);
        assert_eq!(start.shown("2026-01-01 00:00:00", NOW), back("2026-01-01 00:00:00"));
        assert_eq!(start.present(), "2026-01-01 00:00:00");
    }

    #[test]
    fn w7_a_lost_answer_is_made_up_for() {
        // :01 was written, its answer lost, and the next UPDATE meets it before the log shows it.
        let mut start = writing(&[1, 2]);
        assert_eq!(start.met(&at(2), &at(1), NOW), Met::WriteAgain);
        assert_eq!(start.begin(&at(2), NOW), Some(at(1)));
        start.done(&at(2));
        assert_eq!(start.shown(&at(1), NOW), Move::None);
        assert_eq!(start.shown(&at(2), NOW), Move::None);
        // The same, but the log shows it first.
        let mut start = writing(&[1, 2]);
        assert_eq!(start.shown(&at(1), NOW), Move::None);
        assert_eq!(start.present(), at(1));
        assert_eq!(start.met(&at(2), &at(1), NOW), Met::WriteAgain);
        assert_eq!(start.begin(&at(2), NOW), Some(at(1)));
    }

    #[test]
    fn w7_a_value_that_the_log_never_shows_is_taken_when_it_is_met_again() {
        let mut start = writing(&[30]);
        assert_eq!(start.met(&at(30), &at(10), now_at(32)), Met::Wait);
        start.want(at(32));
        start.begin(&at(32), NOW).unwrap();
        assert_eq!(start.met(&at(32), &at(10), now_at(33)), Met::Wait, "its barrier may have been asked before");
        start.want(at(33));
        start.begin(&at(33), NOW).unwrap();
        assert_eq!(start.met(&at(33), &at(10), NOW), Met::Moved(Move::Forward));
        assert_eq!(start.begin(&at(33), NOW), Some(at(10)));
    }

    #[test]
    fn w7_what_was_pending_before_a_restart_is_ours() {
        let mut start = DateTimeStart::new(at(0), Some(at(1)));
        assert_eq!(start.loaded(&at(1), NOW), Move::None);
        assert_eq!((start.present(), start.pending()), (at(1).as_str(), None));
        let mut start = DateTimeStart::new(at(10), Some(at(11)));
        assert_eq!(start.loaded(&at(5), NOW), back(&at(5)));
        let mut start = DateTimeStart::new(at(10), Some(at(11)));
        assert_eq!(start.loaded(&at(10), NOW), Move::None);
        assert_eq!(start.begin(&at(11), NOW), Some(at(10)));
    }

    #[test]
    fn w7_what_another_sender_has_written_since_is_not_moved_back() {
        let mut start = writing(&[10]);
        assert_eq!(start.met(&at(10), &at(12), NOW), Met::Wait);
        assert_eq!(start.shown(&at(12), NOW), Move::Forward);
        assert_eq!((start.begin(&at(10), NOW), start.pending()), (None, None));
        start.want(at(14));
        assert_eq!(start.begin(&at(14), NOW), Some(at(12)));
        // What stands ahead of the server's clock was written before that was set back.
        let mut start = DateTimeStart::new("2026-11-24 12:00:00".to_owned(), None);
        start.want(at(10));
        assert_eq!(start.begin(&at(10), NOW).as_deref(), Some("2026-11-24 12:00:00"));
    }

    #[test]
    fn w7_a_sender_that_writes_late_when_it_began_is_no_wish_for_more_once_it_is_known() {
        let mut start = writing(&[]);
        assert_eq!(start.shown(&at(20), now_at(21)), Move::Forward, "another sender");
        start.want(at(30));
        start.begin(&at(30), now_at(30)).unwrap();
        start.done(&at(30));
        assert_eq!(start.shown(&at(30), now_at(30)), Move::None);
        assert_eq!(start.shown(&at(25), now_at(31)), Move::Forward, "it began before us");
        assert_eq!(start.present(), at(25), "the next UPDATE is written over what stands there");
        assert_eq!(start.shown(&at(24), now_at(32)), back(&at(24)), "no sender goes back");
        // Somebody wants the last hour again.
        let hour = "2026-11-23 11:00:00";
        assert_eq!(start.shown(hour, now_at(40)), back(hour));
        assert_eq!(start.shown(&at(41), now_at(42)), Move::Forward);
        assert_eq!(start.shown(hour, now_at(43)), back(hour));
        // Nobody else is known to write: a few seconds back are a wish too.
        let mut start = writing(&[]);
        start.shown(hour, now_at(40));
        start.want(at(45));
        start.begin(&at(45), now_at(45)).unwrap();
        assert_eq!(start.shown(&at(45), now_at(45)), Move::None);
        assert_eq!(start.shown(&at(44), now_at(50)), back(&at(44)));
    }

    #[test]
    fn w8_a_reload_that_saw_our_later_write_moves_nothing() {
        let mut start = writing(&[1, 2]);
        start.done(&at(1));
        start.done(&at(2));
        assert_eq!(start.loaded(&at(2), NOW), Move::None);
        assert_eq!(start.shown(&at(1), NOW), Move::None);
        assert_eq!(start.shown(&at(2), NOW), Move::None);
        assert_eq!(start.present(), at(2));
    }

    proptest::proptest! {
        /// A row, its log and two writers: however answers and the log interleave, no move is judged but those that
        /// the other writer made, each once, and in the end we write over what stands there.
        #[test]
        fn w7_whatever_the_interleaving_only_the_others_moves_count(
            steps in proptest::collection::vec(0u8..8, 0..200)
        ) {
            let now = |clock: u32| Now { instant: NOW.instant + i64::from(clock), ..NOW };
            let text = |clock: u32| TimeZone::UTC.local_text(now(clock).instant);
            // What is met again is judged only once the log has been read further than here.
            let later = now(1_000_000);
            let mut row = text(0);
            let (mut log, mut answers) = (VecDeque::<(String, bool)>::new(), VecDeque::<(String, Option<String>)>::new());
            let mut start = DateTimeStart::new(row.clone(), None);
            let (mut clock, mut theirs, mut judged, mut last) = (0_u32, 0, 0, row.clone());
            for step in steps {
                clock += 1;
                match step {
                    // Our UPDATE reaches the server; one is under way at a time.
                    0..=2 if answers.is_empty() => {
                        let value = text(clock);
                        start.want(value.clone());
                        let over = start.begin(&value, now(clock + 1)).unwrap();
                        if over == row {
                            row.clone_from(&value);
                            log.push_back((value.clone(), false));
                            answers.push_back((value, None));
                        } else {
                            answers.push_back((value, Some(row.clone())));
                        }
                    }
                    // Somebody moves it forward a little, or edits another column.
                    3 => {
                        row = text(clock);
                        log.push_back((row.clone(), true));
                    }
                    4 => log.push_back((row.clone(), false)),
                    5 => if let Some((value, found)) = answers.pop_front() {
                        match found {
                            None => start.done(&value),
                            Some(found) => { start.met(&value, &found, later); }
                        }
                    },
                    _ => if let Some((value, their)) = log.pop_front() {
                        theirs += i32::from(their);
                        let moved = start.shown(&value, now(clock + 1));
                        proptest::prop_assert!(!matches!(moved, Move::Back(_)));
                        judged += i32::from(moved == Move::Forward);
                        last = value;
                    },
                }
                proptest::prop_assert_eq!(judged, theirs);
            }
            // Once everything is told, the next UPDATE finds what it expects, or the one after it does.
            while let Some((value, _)) = log.pop_front() {
                start.shown(&value, now(clock + 1));
                last = value;
            }
            for (value, found) in answers {
                match found {
                    None => start.done(&value),
                    Some(found) => { start.met(&value, &found, later); }
                }
            }
            proptest::prop_assert_eq!(&row, &last);
            if start.present() != row {
                start.want(text(clock + 1));
                start.begin(&text(clock + 1), now(clock + 1)).unwrap();
                proptest::prop_assert_eq!(start.met(&text(clock + 1), &row, later), Met::WriteAgain);
            }
            proptest::prop_assert_eq!(start.present(), row);
        }
    }
}
