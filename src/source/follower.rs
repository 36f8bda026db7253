//! What each event of the log means for the watched tables.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    change::{ChangeKind, Doubt, Message, Misread, PartialImage, Step, TableId, Transaction},
    changes::{ChangedRow, Changes, Part, Rest},
    collecting::{Collecting, bytes},
    database_error::DatabaseError,
    error::SourceError,
    filter::Filter,
    identity::Identity,
    layout::{KnownLayout, LayoutReader},
    log_identity::LogIdentity,
    read_counts::{ReadCounts, Tally},
    row_layout::Layout,
    statement::{Effect, Statement},
    tracked_layout::{Disproved, Found, TrackedLayouts},
    transaction::{Assembler, Broken, Progress},
};
use crate::binlog::{
    DecodeError, Event, EventBody, Header, Image, LogPoint, Position, Query, RowChange, Rows, RowsKind, TableMap,
};

/// A batch is sent when it holds this many transactions, or this many bytes, or when the server has no more at hand.
const BATCH_TRANSACTIONS: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;

/// Where little memory may be used a batch has no more than this part of what a transaction may take.
const BATCHES_IN_ROOM: usize = 16;

/// A batch this many times as large as others waits until nothing else does.
const LARGE: usize = 2;

/// Changes of one event for which memory is taken before they are read.
const MAX_RESERVED: usize = 1000;

/// Put into doubts that concern no single table.
const ANY_TABLE: &str = "any watched table";

/// What is followed; see [`super::ReaderConfig`].
pub(super) struct Wanted {
    pub(super) schema: String,
    pub(super) tables: Vec<String>,
    pub(super) keep_before: fn(&str) -> bool,
    pub(super) transaction_bytes: usize,
}

/// Turns events to messages.
pub(super) struct Follower<L> {
    filter: Filter,
    layouts: TrackedLayouts<L>,
    assembler: Assembler<Step>,
    collecting: Collecting,
    log: LogIdentity,
    /// By table.
    keep_before: Vec<bool>,
    sender: mpsc::Sender<Message>,
    stop: CancellationToken,
    batch: Vec<Transaction>,
    batch_bytes: usize,
    /// The most that a batch has, but for a large transaction. Bytes.
    batch_limit: usize,
    /// Where the event at hand ends.
    end: LogPoint,
    /// The server's clock in the last event that told it.
    clock: u32,
    /// By table: in the transaction that begins here a doubt has been told already, for one reason.
    doubted: Vec<Option<LogPoint>>,
    /// The log has been read further than the last message said.
    progressed: bool,
    /// Statement-format writes of other tables have been reported.
    warned: bool,
    tally: Tally,
    counts: Arc<ReadCounts>,
}

/// Why an event could not be dealt with.
#[derive(Debug)]
pub(super) enum Failure {
    /// Whoever started the reader wants it to stop.
    Stopped,
    /// The event's bytes are damaged; reading them again may help.
    Unreadable(String),
    Source(SourceError),
}

impl Failure {
    pub(super) fn into_error(self) -> SourceError {
        match self {
            Self::Stopped => SourceError::Closed,
            Self::Unreadable(reason) => SourceError::Dump { reason },
            Self::Source(error) => error,
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl<L: LayoutReader> Follower<L> {
    pub(super) fn new(
        wanted: Wanted,
        start: Position,
        (layouts, known): (L, &[KnownLayout]),
        sender: mpsc::Sender<Message>,
        stop: CancellationToken,
    ) -> Self {
        let Wanted { schema, tables, keep_before, transaction_bytes } = wanted;
        Self {
            layouts: TrackedLayouts::new(layouts, &tables, start.point(), known),
            keep_before: tables.iter().map(|table| keep_before(table)).collect(),
            doubted: vec![None; tables.len()],
            collecting: Collecting::new(transaction_bytes, tables.len()),
            filter: Filter::new(schema, tables),
            assembler: Assembler::new(start),
            batch_limit: BATCH_BYTES.min(transaction_bytes / BATCHES_IN_ROOM),
            log: LogIdentity::default(),
            sender,
            stop,
            batch: Vec::new(),
            batch_bytes: 0,
            end: LogPoint::default(),
            clock: 0,
            progressed: false,
            warned: false,
            tally: Tally::default(),
            counts: Arc::default(),
        }
    }

    /// Where reading goes on.
    pub(super) fn position(&self) -> &Position {
        self.assembler.position()
    }

    pub(super) fn boundary_point(&self) -> LogPoint {
        self.assembler.position().point()
    }

    /// Goes on with the log of which this is known.
    pub(super) fn of_log(self, log: LogIdentity) -> Self {
        Self { log, ..self }
    }

    /// Counts here.
    pub(super) fn counting(self, counts: Arc<ReadCounts>) -> Self {
        Self { counts, ..self }
    }

    /// What is known of the log that is being read.
    pub(super) fn log(&self) -> &LogIdentity {
        &self.log
    }

    /// Gets ready for a connection.
    pub(super) async fn prepare(&mut self) -> Result<(), Failure> {
        self.assembler.reconnect();
        self.collecting.ended(&mut self.assembler);
        self.filter.forget_maps();
        self.doubted.fill(None);
        Ok(self.layouts.load(&self.filter).await?)
    }

    pub(super) async fn connected(&mut self, identity: Identity) -> Result<(), Failure> {
        self.progressed = true;
        self.send(Message::Connected { identity }).await
    }

    pub(super) async fn disconnected(&mut self, reason: String) -> Result<(), Failure> {
        self.flush().await?;
        self.send(Message::Disconnected { reason }).await
    }

    /// Sends what is collected, and how far the log has been read.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        self.counts.take(&mut self.tally, self.clock);
        if !self.progressed && self.batch.is_empty() {
            return Ok(());
        }
        let learned = self.layouts.learned(&self.filter, self.boundary_point());
        if !learned.is_empty() {
            self.send(Message::Layouts(learned)).await?;
        }
        let transactions = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        self.progressed = false;
        let boundary = self.assembler.boundary();
        let is_large = bytes > LARGE * self.batch_limit;
        let places = if is_large { self.sender.max_capacity() } else { 1 };
        self.send_as(Message::Transactions { transactions, boundary }, places).await
    }

    /// Deals with one event, or with all that it holds.
    pub(super) async fn take(&mut self, event: &mut Event<'_>) -> Result<(), Failure> {
        let from = self.start_of(&event.header);
        // What the server says of itself on the way (heartbeats and the like) has no time.
        if event.header.timestamp > 0 {
            self.tally.events += 1;
            self.tally.bytes += u64::from(event.header.size);
            self.clock = event.header.timestamp;
        }
        self.end = LogPoint { offset: from.offset.saturating_add(u64::from(event.header.size)), ..from };
        let EventBody::TransactionPayload(payload) = &mut event.body else {
            return self.event(event, from).await;
        };
        loop {
            match payload.next_event() {
                Ok(Some(inner)) => self.event(&inner, from).await?,
                Ok(None) => return Ok(()),
                Err(error @ DecodeError::Unsupported { .. }) => {
                    // A payload holds all of its transaction, whose end is passed over with the rest.
                    let doubt = self.uncertain(None, from, error.to_string());
                    self.assembler.keep(doubt);
                    let ended = self.assembler.end();
                    return self.progress(ended, event.header.timestamp).await;
                }
                Err(error) => return Err(Failure::Unreadable(error.to_string())),
            }
        }
    }

    async fn event(&mut self, event: &Event<'_>, from: LogPoint) -> Result<(), Failure> {
        let progress = match &event.body {
            EventBody::TableMap(map) => {
                let progress = self.assembler.event(event);
                self.table_map(map, from).await?;
                progress
            }
            EventBody::Rows(rows) => {
                let progress = self.assembler.event(event);
                if let Err(doubt) = self.rows(rows, from) {
                    self.assembler.keep(doubt);
                }
                progress
            }
            EventBody::Query(query) => {
                let (statement, steps) = self.statement(query, from);
                let progress = self.assembler.statement(&event.header, &statement, steps);
                match (progress, statement) {
                    (Err(Broken(reason)), Statement::XaCommit(_) | Statement::XaRollback(_)) => {
                        let doubt = self.uncertain(None, from, reason.to_owned());
                        self.assembler.keep(doubt);
                        Ok(self.assembler.end())
                    }
                    (progress, _) => progress,
                }
            }
            EventBody::Incident => {
                let reason = "the server says that changes are missing from its log (incident event)";
                let doubt = self.uncertain(None, from, reason.to_owned());
                Ok(self.assembler.pass(u64::from(event.header.size), doubt))
            }
            EventBody::FormatDescription(_) => {
                self.filter.forget_maps();
                if let Some(file) = self.log.learn(from.file, event.header.timestamp) {
                    self.send(Message::LogFile(file)).await?;
                }
                self.assembler.event(event)
            }
            EventBody::Rotate { .. } => {
                self.filter.forget_maps();
                self.assembler.event(event)
            }
            _ => self.assembler.event(event),
        };
        match progress {
            Ok(progress) => self.progress(progress, event.header.timestamp).await,
            Err(Broken(reason)) => {
                let doubt = self.uncertain(None, from, reason.to_owned());
                self.assembler.keep(doubt);
                Ok(())
            }
        }
    }

    async fn progress(&mut self, progress: Progress<Step>, timestamp: u32) -> Result<(), Failure> {
        match progress {
            Progress::Inside => Ok(()),
            Progress::Boundary => {
                self.collecting.ended(&mut self.assembler);
                self.progressed = true;
                Ok(())
            }
            Progress::Committed(steps) => self.committed(steps, timestamp).await,
        }
    }

    async fn committed(&mut self, mut steps: Vec<Step>, timestamp: u32) -> Result<(), Failure> {
        self.progressed = true;
        self.collecting.ended(&mut self.assembler);
        steps.retain(|step| !matches!(step, Step::Keys(keys) if keys.is_empty()));
        self.batch_bytes += steps.iter().map(bytes).sum::<usize>();
        let committed = clock_time(timestamp);
        self.batch.push(Transaction {
            point: self.assembler.point(),
            gtid: self.assembler.last_gtid(),
            committed,
            steps,
        });
        if self.batch.len() >= BATCH_TRANSACTIONS || self.batch_bytes >= self.batch_limit {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sees to it that the rows behind a table map can be read, or are passed over.
    async fn table_map(&mut self, map: &TableMap<'_>, from: LogPoint) -> Result<(), Failure> {
        let Some(table) = self.filter.map(map) else { return Ok(()) };
        match self.layouts.of(table, &self.filter, map, from, self.clock).await? {
            Found::Layout(None) => {}
            Found::Layout(Some(until)) => self.send(Message::LayoutUnsure { table, until }).await?,
            Found::Doubt(reason) => {
                // Transactions may write a table by many statements, and a long stretch hold many transactions.
                let transaction = self.boundary_point();
                let told = self.doubted.get_mut(usize::from(table));
                if told.is_some_and(|told| told.replace(transaction) != Some(transaction)) {
                    let doubt = self.uncertain(Some(table), from, reason);
                    self.assembler.keep(doubt);
                }
            }
        }
        Ok(())
    }

    /// Collects the changes in a rows event.
    fn rows(&mut self, rows: &Rows<'_>, from: LogPoint) -> Result<(), Step> {
        let table = match self.filter.table(rows.table_id) {
            Some(Some(table)) => table,
            Some(None) => return Ok(()),
            // MySQL ends some statements with a rows event of this number that belongs to no table and holds no rows.
            None if rows.table_id == 0x00ff_ffff && rows.statement_end => return Ok(()),
            None => return Err(self.uncertain(None, from, "rows without a table map".to_owned())),
        };
        // Without a layout the table map has told the doubt.
        let Some(layout) = self.layouts.last(table).cloned() else { return Ok(()) };
        let damaged = |follower: &Self, error: DecodeError| follower.uncertain(Some(table), from, error.to_string());
        let changes = rows.iter(&layout.columns).map_err(|error| damaged(self, error))?;
        // One row may take more than there is: it is not copied first.
        let whole = self.collecting.has_room(&mut self.assembler, rows.images().len());
        let mut changed = Vec::new();
        for change in changes {
            let change = change.map_err(|error| damaged(self, error))?;
            if change.is_no_op() {
                self.tally.unchanged += 1;
                continue;
            }
            let images = whole.then(|| rows.images());
            let row = self.changed(table, &layout, change, images).map_err(|error| damaged(self, error))?;
            if changed.is_empty() {
                // The others are mostly as long as the first.
                let first = change.after.or(change.before).map_or(1, |image| image.bytes().len().max(1));
                changed.reserve((rows.images().len() / first).clamp(1, MAX_RESERVED));
            }
            changed.extend(row);
        }
        if !changed.is_empty() {
            let kind = match rows.kind {
                RowsKind::Write => ChangeKind::Insert,
                RowsKind::Update => ChangeKind::Update,
                RowsKind::Delete => ChangeKind::Delete,
            };
            self.tally.changes += changed.len() as u64;
            let lasting = !layout.transactional;
            let changes = Changes::new(table, kind, layout, rows.images(), changed);
            let too_many = self.collecting.add(&mut self.assembler, changes, lasting, self.clock);
            if let Some(since) = too_many {
                let mut doubt = self.doubt(Some(table), from, TOO_MANY.to_owned());
                doubt.since = clock_time(since);
                return Err(Step::Doubt(Box::new(doubt)));
            }
        }
        Ok(())
    }

    /// What is handed on of a row's change: without `images` its keys.
    fn changed(
        &self,
        table: TableId,
        layout: &Layout,
        change: RowChange<'_>,
        images: Option<&[u8]>,
    ) -> Result<Option<ChangedRow>, DecodeError> {
        let Some(image) = change.after.or(change.before) else { return Ok(None) };
        let before = change.before.filter(|_| change.after.is_some());
        let key = layout.key(image, before)?;
        let old_key = match before {
            Some(before) => Some(layout.key(before, Some(image))?).filter(|old| *old != key),
            None => None,
        };
        let Some(images) = images else {
            let rest = old_key.map(|old_key| Box::new(Rest { old_key: Some(old_key), ..Rest::default() }));
            return Ok(Some(ChangedRow { key, image: None, rest }));
        };
        let whole =
            |image: Image<'_>| image.is_whole(&layout.columns).then(|| Part::of(images, image.bytes())).flatten();
        let keep_before = old_key.is_some() || self.keep_before.get(usize::from(table)).is_some_and(|keep| *keep);
        let before = before.filter(|_| keep_before).and_then(whole);
        let image_part = whole(image);
        let held = || PartialImage { bytes: image.bytes().into(), present: image.present().into() };
        let partial = (image_part.is_none() && image.holds_values()).then(held);
        let has_more = old_key.is_some() || partial.is_some() || before.is_some();
        let rest = has_more.then(|| Box::new(Rest { old_key, partial, before }));
        Ok(Some(ChangedRow { key, image: image_part, rest }))
    }

    /// Reads a statement, and what it does to watched tables.
    fn statement(&mut self, query: &Query<'_>, from: LogPoint) -> (Statement, Vec<Step>) {
        let statement = Statement::read(query.statement);
        let mut steps = Vec::new();
        match &statement {
            Statement::Tables(tables) => {
                for (name, effect) in tables {
                    if let Some(table) = self.filter.named(query.schema, name) {
                        self.effect(table, *effect, from, &mut steps);
                    }
                }
            }
            Statement::DropSchema(schema) if self.filter.is_schema(schema.as_bytes()) => {
                for table in self.filter.ids() {
                    self.effect(table, Effect::Gone, from, &mut steps);
                }
            }
            Statement::Write(name) => match self.filter.named(query.schema, name) {
                Some(table) => steps.push(self.uncertain(Some(table), from, STATEMENT_FORMAT.to_owned())),
                None if !self.warned => {
                    self.warned = true;
                    tracing::warn!(
                        "a statement was logged instead of its rows, for a table that is not watched; what its triggers \
                         write is not seen. Set binlog_format=ROW, for open sessions too"
                    );
                }
                None => {}
            },
            Statement::WriteAny => steps.push(self.uncertain(None, from, STATEMENT_FORMAT.to_owned())),
            _ => {}
        }
        (statement, steps)
    }

    fn effect(&mut self, table: TableId, effect: Effect, from: LogPoint, steps: &mut Vec<Step>) {
        let anew = matches!(effect, Effect::Gone | Effect::Replaced);
        if effect != Effect::Cleared
            && let Some(Disproved { since, clock, keys_hold }) =
                self.layouts.changed(table, &self.filter, from..self.end, anew)
        {
            let reason = "its columns were changed behind rows that were read with the changed columns. With \
                          `binlog_row_metadata=FULL` in the server's configuration the log tells them itself";
            steps.push(Step::Doubt(Box::new(Doubt {
                table: Some(table),
                table_name: self.filter.name(table).to_owned(),
                from: since,
                to: self.end,
                since: clock_time(clock),
                misread: if keys_hold { Misread::Values } else { Misread::Keys },
                reason: reason.to_owned(),
            })));
        }
        match effect {
            Effect::Layout => {}
            Effect::Cleared | Effect::Gone => steps.push(Step::Cleared(table)),
            Effect::Replaced => {
                let reason = "rows came or went without being logged: a table was renamed into its place, or a partition \
                              or a table's file exchanged, dropped or emptied, or it was filled from a SELECT";
                steps.push(self.uncertain(Some(table), from, reason.to_owned()));
            }
        }
    }

    /// An event of `size` bytes that the decoder refuses: passed over if only its kind is not known.
    pub(super) async fn undecodable(&mut self, error: &DecodeError, size: usize) -> Result<(), Failure> {
        if !matches!(error, DecodeError::Unsupported { .. }) {
            return Err(Failure::Unreadable(error.to_string()));
        }
        let (from, size) = (self.assembler.point(), size as u64);
        self.end = LogPoint { offset: from.offset.saturating_add(size), ..from };
        let doubt = self.uncertain(None, from, error.to_string());
        let progress = self.assembler.pass(size, doubt);
        self.progress(progress, self.clock).await
    }

    /// What follows the last boundary cannot be read, however often it is tried, nor can it be passed over.
    pub(super) fn doubt_ahead(&self, reason: String) -> SourceError {
        SourceError::Doubt(self.doubt(None, self.boundary_point(), reason))
    }

    fn uncertain(&self, table: Option<TableId>, from: LogPoint, reason: String) -> Step {
        Step::Doubt(Box::new(self.doubt(table, from, reason)))
    }

    fn doubt(&self, table: Option<TableId>, from: LogPoint, reason: String) -> Doubt {
        let table_name = table.map_or(ANY_TABLE, |table| self.filter.name(table)).to_owned();
        let since = clock_time(self.clock);
        Doubt { table, table_name, from, to: self.end.max(from), since, misread: Misread::Nothing, reason }
    }

    /// Where an event begins.
    fn start_of(&self, header: &Header) -> LogPoint {
        let point = self.assembler.point();
        let begin = u64::from(header.end_position).checked_sub(u64::from(header.size));
        match begin {
            // Servers leave out events that we did not ask for, so it may begin behind the last one.
            Some(begin) if header.end_position != 0 && begin > point.offset && !header.is_artificial() => {
                LogPoint { offset: begin, ..point }
            }
            _ => point,
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        self.send_as(message, 1).await
    }

    /// Sends it once so many places are free.
    async fn send_as(&mut self, message: Message, places: usize) -> Result<(), Failure> {
        let reserved = tokio::select! {
            biased;
            reserved = self.sender.reserve_many(places) => reserved,
            () = self.stop.cancelled() => return Err(Failure::Stopped),
        };
        match reserved.map(|mut places| places.next()) {
            Ok(Some(place)) => {
                place.send(message);
                Ok(())
            }
            _ => Err(Failure::Source(SourceError::Closed)),
        }
    }
}

fn clock_time(clock: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(clock), 0).unwrap_or_default()
}

const TOO_MANY: &str =
    "one transaction changed more of its rows than there is room for. A larger memory.budget has more";

const STATEMENT_FORMAT: &str = "a statement that writes rows was logged instead of the rows. Set binlog_format=ROW on the \
                                server, and end the sessions that began before that";

impl Doubt {
    /// Whether it is about a statement that was logged instead of the rows that it wrote.
    pub(super) fn is_logged_statement(&self) -> bool {
        self.reason == STATEMENT_FORMAT
    }
}

impl SourceError {
    /// Whether a new connection may mend it.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            // A table that is marked as crashed, or is being changed, may be repaired or ready the next time.
            Self::Database(error) => error.is_retryable() || matches!(error, DatabaseError::Server { .. }),
            _ => false,
        }
    }
}
