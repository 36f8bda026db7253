//! Finds the rows that were changed and did not pass through the server's log (rule R10).
//!
//! The rows that are stamped since the last audit are looked up in their tables, and the log that was written since then
//! is read a second time: what it tells is taken off the list, and what is left was written past it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    binlog::{LogPoint, Position},
    opendental::{WatchId, WatchTable},
    row::RowKey,
    source::{
        Change, ChangeKind, Database, DatabaseError, Identity, Message, Reader, ReaderConfig, SourceError, Step,
        TableId, TimeZone, stamp,
    },
    window::Instant,
};

/// Rows that are looked for at once, of all tables: some 60 MB.
const MOST_ROWS: usize = 1_000_000;

/// Batches between the reader and the search.
const MESSAGES: usize = 8;

/// A second has passed by any clock when this has passed by ours.
const A_SECOND: Duration = Duration::from_millis(1_500);

/// Up to where rows were compared with the log: what is stamped later is in the log behind the position, if it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AuditMark {
    position: Position,
    /// The server's clock, looked at after the position.
    instant: Instant,
}

impl AuditMark {
    /// The server's clock when that audit began.
    pub(super) fn instant(&self) -> Instant {
        self.instant
    }
}

/// What is searched, and for whom.
pub(super) struct Search {
    pub(super) database: Database,
    /// For a second connection to the log; its tables are filled in here.
    pub(super) reader: ReaderConfig,
    pub(super) identity: Identity,
    pub(super) zone: Arc<TimeZone>,
    pub(super) tables: Vec<(WatchId, Arc<WatchTable>)>,
    /// `None`: there was no audit before; this one only begins.
    pub(super) since: Option<AuditMark>,
}

/// What a search led to.
#[derive(Debug)]
pub(super) struct Unlogged {
    /// Where the next audit begins.
    pub(super) mark: AuditMark,
    /// The rows that the log does not tell, by watch table.
    pub(super) rows: Vec<(WatchId, Vec<RowKey>)>,
    /// How many rows were compared with the log.
    pub(super) compared: usize,
    /// How long the tables were scanned.
    pub(super) scanning: Duration,
    /// Tables that could not be compared.
    pub(super) left_out: Vec<String>,
}

/// Why no search was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SearchError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log since the last audit is not there.
    #[error("the server's log since the last audit is not there any more")]
    LogLost,
    #[error("the second connection to the log ended")]
    Ended,
}

impl SearchError {
    /// Whether trying again is of no use: the next audit begins anew.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::LogLost | Self::Source(_))
    }
}

/// The rows of one watch table that are still looked for, each with its stamp in microseconds UTC.
struct Suspects {
    watch: WatchId,
    table: Arc<WatchTable>,
    rows: HashMap<RowKey, i64>,
}

impl Search {
    pub(super) async fn run(self) -> Result<Unlogged, SearchError> {
        // In this order: whatever is stamped behind this second is logged behind this position.
        let position = self.database.current_position().await?;
        let instant = self.database.barrier().await?.now.timestamp();
        let mark = AuditMark { position, instant };
        let mut found =
            Unlogged { mark, rows: Vec::new(), compared: 0, scanning: Duration::ZERO, left_out: Vec::new() };
        let Some(since) = self.since.clone() else { return Ok(found) };
        if instant <= since.instant {
            // The server's clock was set back: what stamps mean since then cannot be told.
            return Ok(found);
        }
        // Whatever will be stamped with this second has been by then.
        tokio::time::sleep(A_SECOND).await;
        let began = std::time::Instant::now();
        let mut suspects = self.suspects(&since, &mut found).await?;
        found.scanning = began.elapsed();
        // What a SELECT has shown is in the log.
        let end = self.database.barrier().await?.point;
        if end < since.position.point() {
            return Err(SearchError::LogLost);
        }
        if suspects.iter().any(|suspects| !suspects.rows.is_empty()) {
            self.take_off_logged(since.position, end, &mut suspects, &mut found).await?;
        }
        let left = suspects.into_iter().filter(|suspects| !suspects.rows.is_empty());
        found.rows = left.map(|suspects| (suspects.watch, suspects.rows.into_keys().collect())).collect();
        Ok(found)
    }

    /// The rows that are stamped behind the last audit and not behind this one.
    async fn suspects(&self, since: &AuditMark, found: &mut Unlogged) -> Result<Vec<Suspects>, SearchError> {
        let moment = |instant: Instant| DateTime::from_timestamp(instant.saturating_add(1), 0).unwrap_or_default();
        let (from, to) = (moment(since.instant), moment(found.mark.instant));
        let mut all = Vec::with_capacity(self.tables.len());
        for (watch, table) in &self.tables {
            let Some(stamp) = table.stamp_column() else { continue };
            let most = MOST_ROWS.saturating_sub(found.compared);
            match self.database.stamped(table.table(), table.key_columns(), stamp, from..to, most).await? {
                Some(rows) => {
                    found.compared += rows.len();
                    let rows = rows.into_iter().collect();
                    all.push(Suspects { watch: *watch, table: table.clone(), rows });
                }
                None => found.left_out.push(table.table().to_owned()),
            }
        }
        Ok(all)
    }

    /// Reads the log from the last audit to `end`.
    async fn take_off_logged(
        &self,
        from: Position,
        end: LogPoint,
        suspects: &mut Vec<Suspects>,
        found: &mut Unlogged,
    ) -> Result<(), SearchError> {
        let mut names: Vec<String> = suspects.iter().map(|suspects| suspects.table.table().to_owned()).collect();
        names.dedup();
        let config = ReaderConfig { tables: names.clone(), ..self.reader.clone() };
        let (sender, mut messages) = mpsc::channel(MESSAGES);
        let stop = CancellationToken::new();
        let _stopped_with_us = stop.clone().drop_guard();
        let reader = tokio::spawn(Reader::new(config, from, self.database.clone(), sender, stop).run());
        while let Some(message) = messages.recv().await {
            match message {
                Message::Transactions { transactions, boundary } => {
                    for step in transactions.into_iter().flat_map(|transaction| transaction.steps) {
                        self.take_off(step, &names, suspects, found);
                    }
                    if boundary.position.point() >= end {
                        return Ok(());
                    }
                }
                Message::Connected { identity } if identity != self.identity => return Err(SearchError::LogLost),
                Message::Disconnected { reason } => debug!(reason, "the audit's connection to the log is lost"),
                _ => {}
            }
        }
        match reader.await {
            Ok(Err(SourceError::Purged { .. })) => Err(SearchError::LogLost),
            Ok(Err(error)) => Err(error.into()),
            _ => Err(SearchError::Ended),
        }
    }

    fn take_off(&self, step: Step, names: &[String], suspects: &mut Vec<Suspects>, found: &mut Unlogged) {
        match step {
            Step::Changes(changes) => self.take_off_rows(changes.table(), changes, names, suspects),
            Step::Keys(keys) => self.take_off_rows(keys.table(), keys, names, suspects),
            Step::Cleared(_) => {}
            // It has been caught up by time stamp.
            Step::Doubt(doubt) => {
                let name = doubt.table.map(|table| names.get(usize::from(table)));
                suspects.retain(|suspects| {
                    let concerned = name.is_none_or(|name| name.is_some_and(|name| *name == suspects.name()));
                    if concerned {
                        found.left_out.push(suspects.name().to_owned());
                    }
                    !concerned
                });
            }
        }
    }

    fn take_off_rows(
        &self,
        table: TableId,
        changes: impl IntoIterator<Item = Change>,
        names: &[String],
        suspects: &mut [Suspects],
    ) {
        let name = names.get(usize::from(table));
        for change in changes {
            for suspects in suspects.iter_mut().filter(|suspects| name.is_some_and(|name| name == suspects.name())) {
                suspects.take_off(&change, &self.zone);
            }
        }
    }
}

impl Suspects {
    fn name(&self) -> &str {
        self.table.table()
    }

    /// Takes a row off that the log tells as it is, or later.
    fn take_off(&mut self, change: &Change, zone: &TimeZone) {
        let Some(stamped) = self.rows.get(&change.key) else { return };
        let logged = match (&change.image, change.kind) {
            (Some(image), ChangeKind::Insert | ChangeKind::Update) => {
                let mut names = change.layout.names.iter();
                let stamp_column = self.table.stamp_column().unwrap_or_default();
                let column = names.position(|name| name.eq_ignore_ascii_case(stamp_column));
                column.and_then(|column| stamp(image, &change.layout, column, zone).ok().flatten())
            }
            _ => None,
        };
        // What the image does not tell is given the benefit of the doubt.
        if logged.is_none_or(|logged| logged >= *stamped) {
            self.rows.remove(&change.key);
        }
    }
}
