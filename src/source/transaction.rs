//! Puts the events of a log together to transactions (rule R1), and knows at which positions reading may resume.
//!
//! What is collected does not matter here, so that whoever reads files can use it too.

use super::{
    change::{Boundary, Gtid},
    savepoints::Savepoints,
    statement::Statement,
    xa_id::XaKey,
};
use crate::binlog::{Event, EventBody, Gtids, Header, LogPoint, Position};

/// Collects what transactions do until their outcome is read.
#[derive(Debug)]
pub(crate) struct Assembler<T> {
    /// Where the stream is: the file's name and number, and the offset behind the last event.
    file: String,
    file_number: u64,
    offset: u64,
    /// The last place between two transactions.
    boundary: Position,
    boundary_point: LogPoint,
    /// The transaction that is being read.
    group: Option<Group<T>>,
    /// Of the last transaction that ended.
    last_gtid: Option<Gtid>,
    /// XA transactions that are prepared and have no outcome yet, in the log's order.
    held: Vec<Held<T>>,
}

#[derive(Debug)]
struct Group<T> {
    gtid: Option<Gtid>,
    /// Nothing but its GTID has been read, and the next statement is all of it unless that is a BEGIN.
    announced: bool,
    items: Vec<T>,
    /// Indices into `items` of what a ROLLBACK does not undo, ascending.
    lasting: Vec<usize>,
    /// Each behind a number of items.
    savepoints: Savepoints,
    xa: Option<XaKey>,
}

#[derive(Debug)]
struct Held<T> {
    xid: XaKey,
    /// The boundary before it.
    before: Position,
    items: Vec<T>,
    lasting: Vec<usize>,
}

/// What an event brought about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress<T> {
    /// Nothing yet.
    Inside,
    /// The log has been read up to a boundary.
    Boundary,
    /// And a transaction that did these things is committed.
    Committed(Vec<T>),
}

/// What a log cannot contain, unless it was not read from a transaction's start; the text says what it was. What was
/// collected before stays in the transaction that is being read, so that whoever wants to can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl<T> Assembler<T> {
    /// Begins at a boundary.
    pub(crate) fn new(start: Position) -> Self {
        let boundary_point = start.point();
        Self {
            file: start.file.clone(),
            file_number: boundary_point.file,
            offset: start.offset,
            boundary: start,
            boundary_point,
            group: None,
            last_gtid: None,
            held: Vec::new(),
        }
    }

    /// Begins again at the last boundary, since the connection was lost: what was read behind it comes again.
    pub(crate) fn reconnect(&mut self) {
        self.group = None;
        self.file.clone_from(&self.boundary.file);
        self.file_number = self.boundary_point.file;
        self.offset = self.boundary.offset;
    }

    /// How far the log has been read, and where reading must begin after a restart.
    pub(crate) fn boundary(&self) -> Boundary {
        let resume = self.held.first().map_or(&self.boundary, |held| &held.before);
        Boundary { position: self.boundary.clone(), resume: resume.clone() }
    }

    /// The last boundary's position.
    pub(crate) fn position(&self) -> &Position {
        &self.boundary
    }

    /// The GTID of the last transaction that ended, if it has one.
    pub(crate) fn last_gtid(&self) -> Option<Gtid> {
        self.last_gtid
    }

    /// Behind the last event.
    pub(crate) fn point(&self) -> LogPoint {
        LogPoint { file: self.file_number, offset: self.offset }
    }

    /// Adds what the transaction that is being read did; `lasting`: a ROLLBACK does not undo it.
    pub(crate) fn add(&mut self, item: T, lasting: bool) {
        let group = self.group.get_or_insert_with(|| Group::new(None, false));
        group.announced = false;
        if group.items.is_empty() {
            // Most transactions change one row.
            group.items.reserve_exact(1);
        }
        if lasting {
            group.lasting.push(group.items.len());
        }
        group.items.push(item);
    }

    /// What was added last, if nothing but a ROLLBACK of all that was added may undo it: no savepoint stands behind it.
    /// `lasting`: if not even that undoes it.
    pub(crate) fn last_mut(&mut self, lasting: bool) -> Option<&mut T> {
        let group = self.group.as_mut()?;
        let count = group.items.len();
        let is_lasting = group.lasting.last().is_some_and(|last| last + 1 == count);
        let may_change = is_lasting == lasting && group.savepoints.last().is_none_or(|done| done < count);
        group.items.last_mut().filter(|_| may_change)
    }

    /// All that was added and has no outcome yet.
    pub(crate) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let held = self.held.iter_mut().flat_map(|held| &mut held.items);
        held.chain(self.group.iter_mut().flat_map(|group| &mut group.items))
    }

    /// All that was added to the transaction that is being read.
    pub(crate) fn present_items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.group.iter_mut().flat_map(|group| &mut group.items)
    }

    /// Adds what no ROLLBACK undoes and what leaves the frame of transactions as it is.
    pub(crate) fn keep(&mut self, item: T) {
        let group = self.group.get_or_insert_with(|| Group::new(None, false));
        group.lasting.push(group.items.len());
        group.items.push(item);
    }

    /// Passes over an event of `size` bytes that cannot be read, in or between transactions, as if it were `item`.
    pub(crate) fn pass(&mut self, size: u64, item: T) -> Progress<T> {
        self.offset = self.offset.saturating_add(size);
        let inside = self.group.is_some();
        self.keep(item);
        if inside { Progress::Inside } else { self.commit() }
    }

    /// Ends the transaction that is being read, although its end cannot be read: what was collected counts.
    pub(crate) fn end(&mut self) -> Progress<T> {
        self.commit()
    }

    /// Takes note of an event that is no statement: its position, and its part in the frame of transactions.
    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<Progress<T>, Broken> {
        match &event.body {
            EventBody::Rotate { file, position } => return Ok(self.rotate(event, file, *position)),
            EventBody::Heartbeat { file, position } => {
                let point = LogPoint::new(&String::from_utf8_lossy(file), *position);
                if self.group.is_none()
                    && let Some(point) = point
                    && point > self.point()
                {
                    self.set_file(file);
                    self.offset = point.offset;
                }
                return Ok(self.between());
            }
            _ => self.advance(&event.header),
        }
        match &event.body {
            EventBody::MysqlGtid(gtid) => {
                if gtid.is_none() {
                    // Without GTIDs, positions are file and offset.
                    self.boundary.gtids = None;
                }
                self.open(gtid.map(Gtid::Mysql), true)
            }
            EventBody::MariadbGtid(event) => {
                self.open(Some(Gtid::Mariadb(event.gtid)), event.standalone)?;
                if let (Some(group), Some(xid)) = (&mut self.group, &event.prepared_xa) {
                    group.xa = Some(XaKey::new(xid.format, xid.global, xid.branch));
                }
                Ok(Progress::Inside)
            }
            EventBody::Xid(_) => Ok(self.commit()),
            EventBody::XaPrepare { one_phase: true, .. } => Ok(self.commit()),
            EventBody::XaPrepare { one_phase: false, xid } => {
                let xid = XaKey::new(xid.format, xid.global, xid.branch);
                Ok(self.prepare(xid))
            }
            EventBody::PreviousGtids(set) if !event.is_artificial() => {
                // The set is complete, so positions may have GTIDs from here on.
                if self.boundary.gtids.is_none() && !set.is_empty() {
                    self.boundary.gtids = Some(Gtids::Mysql(set.clone()));
                }
                Ok(self.cut_off())
            }
            EventBody::MariadbGtidList(list) if !event.is_artificial() => {
                if self.boundary.gtids.is_none() {
                    self.boundary.gtids = Some(Gtids::Mariadb(list.clone()));
                }
                Ok(self.cut_off())
            }
            EventBody::FormatDescription(_) | EventBody::Stop if !event.is_artificial() => Ok(self.cut_off()),
            _ => Ok(self.between()),
        }
    }

    /// Takes note of a statement; `items` is what it does to tables.
    pub(crate) fn statement(
        &mut self,
        header: &Header,
        statement: &Statement,
        items: Vec<T>,
    ) -> Result<Progress<T>, Broken> {
        self.advance(header);
        match statement {
            Statement::Begin => match &mut self.group {
                Some(group) if group.announced || (group.items.is_empty() && group.savepoints.is_empty()) => {
                    group.announced = false;
                    Ok(Progress::Inside)
                }
                Some(_) => Err(Broken("a transaction begins inside another")),
                None => self.open(None, false),
            },
            Statement::Commit => Ok(self.commit()),
            Statement::Rollback => {
                if let Some(group) = &mut self.group {
                    group.undo(0);
                }
                Ok(self.commit())
            }
            Statement::Savepoint(name) => {
                if let Some(group) = &mut self.group {
                    group.announced = false;
                    group.savepoints.set(name.clone(), group.items.len());
                }
                Ok(self.between())
            }
            Statement::RollbackTo(name) => {
                if let Some(group) = &mut self.group {
                    let Some(length) = group.savepoints.back_to(name) else {
                        return Err(Broken("a rollback to a savepoint that the transaction does not have"));
                    };
                    group.undo(length);
                }
                Ok(self.between())
            }
            Statement::XaStart(Some(xid)) => {
                let group = self.group.get_or_insert_with(|| Group::new(None, false));
                group.announced = false;
                group.xa = Some(xid.clone());
                Ok(Progress::Inside)
            }
            Statement::XaCommit(Some(xid)) => self.outcome(xid, true),
            Statement::XaRollback(Some(xid)) => self.outcome(xid, false),
            Statement::XaStart(None) | Statement::XaCommit(None) | Statement::XaRollback(None) => {
                Err(Broken("an XA statement whose identifier cannot be read"))
            }
            Statement::Tables(_)
            | Statement::DropSchema(_)
            | Statement::Write(_)
            | Statement::WriteAny
            | Statement::Other => match &mut self.group {
                Some(group) if !group.announced => {
                    for item in items {
                        group.lasting.push(group.items.len());
                        group.items.push(item);
                    }
                    Ok(Progress::Inside)
                }
                Some(group) => {
                    group.items.extend(items);
                    Ok(self.commit())
                }
                None if items.is_empty() => Ok(self.between()),
                None => {
                    self.executed(None);
                    self.set_boundary();
                    Ok(Progress::Committed(items))
                }
            },
        }
    }

    fn open(&mut self, gtid: Option<Gtid>, announced: bool) -> Result<Progress<T>, Broken> {
        let mut opened = Group::new(gtid, announced);
        match self.group.take() {
            Some(before) if !before.items.is_empty() => {
                (opened.items, opened.lasting) = (before.items, before.lasting);
                self.group = Some(opened);
                Err(Broken("a transaction begins inside another"))
            }
            _ => {
                self.group = Some(opened);
                Ok(Progress::Inside)
            }
        }
    }

    fn commit(&mut self) -> Progress<T> {
        let Some(group) = self.group.take() else { return self.between() };
        self.executed(group.gtid);
        self.set_boundary();
        if group.items.is_empty() { Progress::Boundary } else { Progress::Committed(group.items) }
    }

    fn prepare(&mut self, xid: XaKey) -> Progress<T> {
        let before = self.boundary.clone();
        let group = self.group.take().unwrap_or_else(|| Group::new(None, false));
        self.executed(group.gtid);
        self.set_boundary();
        self.held.push(Held { xid, before, items: group.items, lasting: group.lasting });
        Progress::Boundary
    }

    fn outcome(&mut self, xid: &XaKey, committed: bool) -> Result<Progress<T>, Broken> {
        let group = self.group.get_or_insert_with(|| Group::new(None, false));
        match self.held.iter().position(|held| held.xid == *xid) {
            Some(index) => {
                let held = self.held.remove(index);
                (group.items, group.lasting) = (held.items, held.lasting);
            }
            // Prepared and ended in one go, as old servers and `ONE PHASE` log it.
            None if group.xa.as_ref() == Some(xid) || !group.items.is_empty() => {}
            None if committed => {
                return Err(Broken(
                    "XA COMMIT of a transaction that was prepared before the position at which reading began",
                ));
            }
            None => {}
        }
        if !committed {
            group.undo(0);
        }
        Ok(self.commit())
    }

    /// A file ends or begins. The server died inside a transaction whose end is missing: it rolled back what can be.
    fn cut_off(&mut self) -> Progress<T> {
        match self.group.take() {
            Some(mut group) => {
                group.undo(0);
                self.executed(None);
                self.set_boundary();
                if group.items.is_empty() { Progress::Boundary } else { Progress::Committed(group.items) }
            }
            None => self.between(),
        }
    }

    fn rotate(&mut self, event: &Event<'_>, file: &[u8], position: u64) -> Progress<T> {
        // The server sends one it made up before each file, and the file's own one stands at its end.
        let progress = if event.is_artificial() { Progress::Inside } else { self.cut_off() };
        if event.is_artificial() && self.group.is_some() {
            return progress;
        }
        self.set_file(file);
        self.offset = position;
        match progress {
            Progress::Committed(items) => {
                self.set_boundary();
                Progress::Committed(items)
            }
            _ => self.between(),
        }
    }

    /// An event outside of transactions moves the boundary; inside one it does not.
    fn between(&mut self) -> Progress<T> {
        if self.group.is_some() {
            return Progress::Inside;
        }
        self.set_boundary();
        Progress::Boundary
    }

    fn executed(&mut self, gtid: Option<Gtid>) {
        self.last_gtid = gtid;
        match (&mut self.boundary.gtids, gtid) {
            (Some(Gtids::Mysql(set)), Some(Gtid::Mysql(gtid))) => set.add(gtid),
            (Some(Gtids::Mariadb(list)), Some(Gtid::Mariadb(gtid))) => list.add(gtid),
            _ => {}
        }
    }

    /// Positions never go back: where reading begins by GTID, the server first names its file's start.
    fn set_boundary(&mut self) {
        let point = self.point();
        if point < self.boundary_point {
            return;
        }
        if self.boundary_point.file != point.file {
            self.boundary.file.clone_from(&self.file);
        }
        self.boundary.offset = point.offset;
        self.boundary_point = point;
    }

    fn set_file(&mut self, name: &[u8]) {
        if self.file.as_bytes() != name {
            self.file = String::from_utf8_lossy(name).into_owned();
            self.file_number = LogPoint::new(&self.file, 0).map_or(0, |point| point.file);
        }
    }

    /// Moves behind an event. Headers hold the lower 32 bits of the position, and on MariaDB 11.4 and later 0 inside
    /// transactions.
    fn advance(&mut self, header: &Header) {
        if header.is_artificial() {
            return;
        }
        if header.end_position == 0 {
            if self.group.is_some() {
                self.offset = self.offset.saturating_add(u64::from(header.size));
            }
            return;
        }
        let mut end = (self.offset & !0xffff_ffff) | u64::from(header.end_position);
        // An event cannot be longer than a few GB less than a wrap; anything else behind us is a repeated start.
        if end < self.offset && self.offset - end > 0xc000_0000 {
            end = end.saturating_add(1 << 32);
        }
        if end > self.offset {
            self.offset = end;
        }
    }
}

impl<T> Group<T> {
    fn new(gtid: Option<Gtid>, announced: bool) -> Self {
        Self { gtid, announced, items: Vec::new(), lasting: Vec::new(), savepoints: Savepoints::default(), xa: None }
    }

    /// Undoes what was done behind the first `length` items, as far as it can be undone. Looks at nothing before them.
    fn undo(&mut self, length: usize) {
        let undone = self.items.split_off(length.min(self.items.len()));
        let lasting = self.lasting.split_off(self.lasting.partition_point(|index| *index < length));
        for (index, item) in (length..).zip(undone) {
            if lasting.binary_search(&index).is_ok() {
                self.lasting.push(self.items.len());
                self.items.push(item);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
