//! Windows against a naive model: whatever happens to rows, endpoints and the process, every change arrives.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;

use super::{ChangeLog, Cursor, Element, Mark, Plan, Window, elements, plan};
use crate::{
    binlog::{LogPoint, Position},
    row::RowKey,
};

const MAX: usize = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction changes these rows, each with this stamp; keys repeat.
    Change(Vec<(i64, i64)>),
    Delete(i64),
    Clear,
    /// The subscription's window closes, if none is open.
    Close,
    /// The event under way is tried.
    Attempt(Answer),
    /// The process dies; the log is read anew from the cursor as far as it had been read.
    Restart,
    /// The endpoint changed: the window starts again.
    StartAgain,
    Trim,
    /// Memory is short.
    Pack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Taken,
    Refused,
    /// The subscriber took it, but its answer was lost.
    Lost,
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop::collection::vec((0..8_i64, 0..5_i64), 1..5).prop_map(Step::Change);
    prop_oneof![
        8 => change,
        2 => (0..8_i64).prop_map(Step::Delete),
        1 => Just(Step::Clear),
        4 => Just(Step::Close),
        8 => prop_oneof![Just(Answer::Taken), Just(Answer::Refused), Just(Answer::Lost)].prop_map(Step::Attempt),
        2 => Just(Step::Restart),
        1 => Just(Step::StartAgain),
        2 => Just(Step::Trim),
        2 => Just(Step::Pack),
    ]
}

/// What was committed at one point of the log: per row its stamp and version, or its deletion.
type Commit = Vec<(i64, Option<(i64, u64)>)>;

struct World {
    commits: Vec<Commit>,
    version: u64,
    /// Row to (stamp, version).
    table: BTreeMap<i64, (i64, u64)>,
    log: ChangeLog,
    /// Stamp and version that each row's last change brought.
    images: BTreeMap<i64, (i64, u64)>,
    cursor: LogPoint,
    window: Option<Window>,
    windows: u64,
    /// What the subscriber holds.
    received: BTreeMap<i64, u64>,
    /// The ids that it took, which it drops when they are repeated.
    taken: BTreeSet<Id>,
}

type Id = (u64, LogPoint, LogPoint, Option<Mark>, Option<Mark>);

fn point(commits: usize) -> LogPoint {
    LogPoint { file: 1, offset: commits as u64 * 100 }
}

fn int(key: &RowKey) -> i64 {
    match key {
        RowKey::Int(key) => *key,
        other => panic!("{other:?}"),
    }
}

impl World {
    fn new() -> Self {
        Self {
            commits: Vec::new(),
            version: 0,
            table: BTreeMap::new(),
            log: ChangeLog::default(),
            images: BTreeMap::new(),
            cursor: point(0),
            window: None,
            windows: 0,
            received: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    fn read(&self) -> LogPoint {
        point(self.commits.len())
    }

    fn commit(&mut self, commit: Commit) {
        self.commits.push(commit.clone());
        let at = self.read();
        for (key, row) in &commit {
            match row {
                Some(row) => drop(self.table.insert(*key, *row)),
                None => drop(self.table.remove(key)),
            }
        }
        self.record(&commit, at);
    }

    fn record(&mut self, commit: &Commit, at: LogPoint) {
        for (key, row) in commit {
            match row {
                Some(row) => {
                    self.images.insert(*key, *row);
                    self.log.record(RowKey::Int(*key), at, row.0, None);
                }
                None => self.log.remove(&RowKey::Int(*key)),
            }
        }
    }

    fn plan(&self, from: LogPoint, to: LogPoint) -> Arc<Plan> {
        Arc::new(plan(&self.log, from, to, None, |entry| entry.committed))
    }

    fn pack(&mut self) {
        let window = self.window.as_ref();
        let mut cuts = vec![self.cursor];
        cuts.extend(window.iter().flat_map(|window| [window.from, window.to.point]));
        cuts.sort_unstable();
        let before = self.contents(&cuts);
        self.log.pack(&cuts, |entry| entry.committed);
        assert_eq!(self.contents(&cuts), before, "packing changes nothing");
    }

    /// What the log holds between these points, and behind them.
    fn contents(&self, cuts: &[LogPoint]) -> Vec<BTreeSet<(i64, i64)>> {
        let starts = std::iter::once(LogPoint::default()).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([LogPoint { file: 9, offset: 0 }]);
        let rows = starts.zip(ends).map(|(from, to)| {
            let slots = self.log.range(from, to).map(|(key, entry)| (int(key), entry.committed));
            let rows: BTreeSet<_> = slots.chain(self.log.packed(from, to).map(|(key, at)| (int(&key), at))).collect();
            assert_eq!(self.log.any(from, to), !rows.is_empty());
            for (key, _) in &rows {
                let point = self.log.point_of(&RowKey::Int(*key));
                assert!(point.is_some_and(|point| point > from && point <= to));
            }
            rows
        });
        rows.collect()
    }

    fn close(&mut self) {
        if self.window.is_some() {
            return;
        }
        let (from, to) = (self.cursor, self.read());
        self.windows += 1;
        let resume = Position { file: "b.000001".to_owned(), offset: to.offset, gtids: None };
        self.window = Some(Window {
            number: self.windows,
            from,
            to: Cursor { point: to, resume },
            instant: 0,
            local: String::new(),
            caught_up_from: None,
            progress: None,
            event_end: None,
            plan: Some(self.plan(from, to)),
            elsewhere: false,
            more_behind: None,
        });
        self.next_event();
    }

    /// As the bridge does: the range of the next event is fixed, or the window ends.
    fn next_event(&mut self) {
        let Some(window) = &mut self.window else { return };
        window.event_end = None;
        match elements(window, &self.log, MAX).last().map(Element::mark) {
            Some(last) => window.event_end = Some(last.clone()),
            None => {
                self.cursor = window.to.point;
                self.window = None;
            }
        }
    }

    fn attempt(&mut self, answer: Answer) -> Result<(), TestCaseError> {
        let Some(window) = &self.window else { return Ok(()) };
        let rows = elements(window, &self.log, MAX);
        prop_assert!(rows.len() <= MAX, "{} rows in an event", rows.len());
        let marks: Vec<&Mark> = rows.iter().map(Element::mark).collect();
        prop_assert!(marks.is_sorted(), "W4");
        prop_assert!(marks.iter().all(|mark| window.progress.as_ref() < Some(*mark)), "sent again inside a window");
        prop_assert!(marks.iter().all(|mark| Some(*mark) <= window.event_end.as_ref()), "W6: beyond the event's range");
        let id: Id = (window.number, window.from, window.to.point, window.progress.clone(), window.event_end.clone());
        if answer != Answer::Refused && !rows.is_empty() && self.taken.insert(id) {
            // A subscriber drops what repeats an id that it has taken before.
            for mark in &marks {
                let key = int(&mark.1);
                let (stamp, version) = self.images[&key];
                prop_assert_eq!(stamp, mark.0);
                self.received.insert(key, version);
            }
        }
        if answer == Answer::Taken || rows.is_empty() {
            let window = self.window.as_mut().unwrap();
            window.progress = window.event_end.take();
            self.next_event();
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.log = ChangeLog::default();
        self.images.clear();
        let first = usize::try_from(self.cursor.offset / 100).unwrap();
        for index in first..self.commits.len() {
            let commit = self.commits[index].clone();
            if commit.is_empty() {
                self.log.clear();
            }
            self.record(&commit, point(index + 1));
        }
        if let Some(window) = &self.window {
            let plan = self.plan(window.from, window.to.point);
            self.window.as_mut().unwrap().plan = Some(plan);
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Change(rows) => {
                let commit = rows.iter().map(|(key, stamp)| {
                    self.version += 1;
                    (*key, Some((*stamp, self.version)))
                });
                let commit = commit.collect();
                self.commit(commit);
            }
            Step::Delete(key) => self.commit(vec![(*key, None)]),
            Step::Clear => {
                self.commit(Vec::new());
                self.table.clear();
                self.log.clear();
            }
            Step::Close => self.close(),
            Step::Attempt(answer) => self.attempt(*answer)?,
            Step::Restart => self.restart(),
            Step::StartAgain => self.window = None,
            Step::Trim => self.log.trim(self.cursor),
            Step::Pack => self.pack(),
        }
        Ok(())
    }

    /// The endpoint takes everything that is left.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..2 {
            self.close();
            while self.window.is_some() {
                self.attempt(Answer::Taken)?;
            }
        }
        self.log.trim(self.cursor);
        prop_assert!(self.log.is_empty(), "memory that nobody needs");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn w6_every_row_arrives_in_its_last_state_whatever_happens(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step)?;
        }
        world.drain()?;
        for (key, (_, version)) in &world.table {
            prop_assert_eq!(world.received.get(key), Some(version), "row {}", key);
        }
    }
}
