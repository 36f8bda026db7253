//! The newest file of the server's log, read to its end to see that it can be, and what is in it that should not.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    change::{Message, Step},
    database::Database,
    error::SourceError,
    reader::{Reader, ReaderConfig},
};
use crate::{
    binlog::{LogPoint, Position},
    config::MysqlConfig,
};

/// Bytes before the first event of a file.
const FIRST: u64 = 4;

/// Batches between the reader and us.
const MESSAGES: usize = 8;

/// Of a transaction nothing but its doubts is of interest.
const TRANSACTION_BYTES: usize = 1_000_000;

/// What the newest file of the log held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSample {
    /// Its name.
    pub file: String,
    /// How far it reached.
    pub bytes: u64,
    /// Whether it was read from its beginning; else only from its end on.
    pub whole: bool,
    /// Watched tables that were written by logged statements, and the commit of the last such statement.
    pub statements: BTreeMap<String, DateTime<Utc>>,
}

impl Database {
    /// Reads the newest file, if it has no more than `most` bytes, else from its end on. `tables` are the watched ones,
    /// `seed` makes our id among the replicas: it must be another than the bridge's, which would else be thrown out.
    ///
    /// # Errors
    /// The log cannot be read, or not within `patience`.
    pub async fn sample_log(
        &self,
        mysql: &MysqlConfig,
        tables: Vec<String>,
        seed: String,
        most: u64,
        patience: Duration,
    ) -> Result<LogSample, SourceError> {
        let end = self.current_position().await?;
        let whole = end.offset <= most;
        let start = if whole { Position { offset: FIRST, gtids: None, ..end.clone() } } else { end.clone() };
        let mut sample = LogSample { file: end.file.clone(), bytes: end.offset, whole, statements: BTreeMap::new() };
        let mysql = MysqlConfig { server_id: 0, heartbeat_seconds: 1, ..mysql.clone() };
        let config = ReaderConfig {
            mysql,
            tables,
            keep_before: |_| false,
            transaction_bytes: TRANSACTION_BYTES,
            seed,
            reconnect_max: patience,
        };
        let (sender, messages) = mpsc::channel(MESSAGES);
        let stop = CancellationToken::new();
        let _stopped_with_us = stop.clone().drop_guard();
        let reader = tokio::spawn(Reader::new(config, start, self.clone(), sender, stop).run());
        let lost = |reason: String| SourceError::Connection { server: self.server().to_owned(), reason };
        match timeout(patience, read(messages, end.point(), &mut sample)).await {
            Ok(Ok(true)) => Ok(sample),
            Ok(Ok(false)) => match reader.await {
                Ok(Err(error)) => Err(error),
                _ => Err(lost("its log ended".to_owned())),
            },
            Ok(Err(reason)) => Err(lost(reason)),
            Err(_) => Err(lost(format!("its log was not read to the end within {} s", patience.as_secs()))),
        }
    }
}

/// Takes in what is read up to `end`; `false` if the reader ended, an error if it lost its connection.
async fn read(mut messages: mpsc::Receiver<Message>, end: LogPoint, sample: &mut LogSample) -> Result<bool, String> {
    while let Some(message) = messages.recv().await {
        match message {
            Message::Transactions { transactions, boundary } => {
                for transaction in &transactions {
                    for step in &transaction.steps {
                        let Step::Doubt(doubt) = step else { continue };
                        if doubt.is_logged_statement() {
                            sample.statements.insert(doubt.table_name.clone(), transaction.committed);
                        }
                    }
                }
                if boundary.position.point() >= end {
                    return Ok(true);
                }
            }
            Message::Disconnected { reason } => return Err(reason),
            _ => {}
        }
    }
    Ok(false)
}
