//! Bounds what transactions take whose end has not been read yet.

use super::{
    change::{ChangeKind, Step, TableId},
    changed_keys::ChangedKeys,
    changes::Changes,
    transaction::Assembler,
};

/// What a step costs that tells of no rows.
const STEP_BYTES: usize = 200;

/// How many times as much as whole changes may take the keys may take that are left of them.
const KEYS: usize = 4;

/// Watches over the memory that the changes take which are collected in an [`Assembler`].
#[derive(Debug)]
pub(super) struct Collecting {
    /// Beyond so many bytes only keys are kept.
    room: usize,
    bytes: usize,
    /// Of the transaction that is being read only keys are kept.
    only_keys: bool,
    /// By table: the rows that this transaction inserted or updated are too many to be kept.
    too_many: Vec<bool>,
    /// The server's clock at the transaction's first change.
    since: Option<u32>,
}

impl Collecting {
    pub(super) fn new(room: usize, tables: usize) -> Self {
        Self { room, bytes: 0, only_keys: false, too_many: vec![false; tables], since: None }
    }

    /// Whether there is room for so many bytes of images; else only keys are kept from here on.
    pub(super) fn has_room(&mut self, assembler: &mut Assembler<Step>, images: usize) -> bool {
        if !self.only_keys && self.bytes.saturating_add(images) > self.room {
            self.keep_only_keys(assembler);
        }
        !self.only_keys
    }

    /// Adds changes that were made at `clock`. If that is what makes a table's changes too many, they are dropped, but
    /// for deletions: the answer then is the server's clock when they began.
    pub(super) fn add(
        &mut self,
        assembler: &mut Assembler<Step>,
        changes: Changes,
        lasting: bool,
        clock: u32,
    ) -> Option<u32> {
        let since = *self.since.get_or_insert(clock);
        let (table, is_deletion) = (changes.table(), changes.kind() == ChangeKind::Delete);
        if !is_deletion && self.too_many.get(usize::from(table)).is_some_and(|too_many| *too_many) {
            return None;
        }
        if !self.only_keys {
            self.bytes += changes.bytes();
            assembler.add(Step::Changes(changes), lasting);
            if self.bytes > self.room {
                self.keep_only_keys(assembler);
            }
            return None;
        }
        match assembler.last_mut(lasting) {
            Some(Step::Keys(keys)) if keys.takes(&changes) => {
                let before = keys.bytes();
                keys.add(&changes);
                self.bytes += keys.bytes() - before;
            }
            _ => {
                let keys = ChangedKeys::of(&changes);
                self.bytes += keys.bytes();
                assembler.add(Step::Keys(keys), lasting);
            }
        }
        let is_too_much = !is_deletion && self.bytes / KEYS > self.room;
        is_too_much.then(|| {
            self.drop_rows(assembler, table);
            since
        })
    }

    /// The transaction has ended, or begins again.
    pub(super) fn ended(&mut self, assembler: &mut Assembler<Step>) {
        // What is left belongs to XA transactions that are prepared.
        self.bytes = assembler.items_mut().map(|step| bytes(step)).sum();
        self.since = None;
        if std::mem::take(&mut self.only_keys) {
            self.too_many.fill(false);
        }
    }

    fn keep_only_keys(&mut self, assembler: &mut Assembler<Step>) {
        self.only_keys = true;
        self.bytes = 0;
        for step in assembler.items_mut() {
            if let Step::Changes(changes) = step {
                *step = Step::Keys(ChangedKeys::of(changes));
            }
            self.bytes += bytes(step);
        }
    }

    /// Empties the table's steps. They stay where they are: savepoints count them. What is prepared is left alone: it counts
    /// at a commit of its own, of which the doubt about this transaction tells nothing.
    fn drop_rows(&mut self, assembler: &mut Assembler<Step>, table: TableId) {
        if let Some(too_many) = self.too_many.get_mut(usize::from(table)) {
            *too_many = true;
        }
        for step in assembler.present_items_mut() {
            match step {
                Step::Keys(keys) if keys.table() == table && keys.kind() != ChangeKind::Delete => keys.clear(),
                _ => {}
            }
        }
        self.bytes = assembler.items_mut().map(|step| bytes(step)).sum();
    }
}

/// About how many bytes of memory a step takes.
pub(super) fn bytes(step: &Step) -> usize {
    match step {
        Step::Changes(changes) => changes.bytes(),
        Step::Keys(keys) => keys.bytes(),
        Step::Cleared(_) | Step::Doubt(_) => STEP_BYTES,
    }
}
