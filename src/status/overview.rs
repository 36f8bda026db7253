//! The whole of what a bridge tells of itself.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Counts, Notice, SubscriptionStatus};

/// What a bridge was doing at one moment. It holds no row value, no whole key and no URL's query (rule D4).
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// When this was true, by this machine's clock.
    pub at: DateTime<Utc>,
    /// This program's version.
    pub version: &'static str,
    /// When the process began.
    pub started: DateTime<Utc>,
    /// What it was made to do.
    pub engine: EngineKind,
    /// What it is up to.
    pub stage: Stage,
    /// Our name among the workstations.
    pub workstation: String,
    /// The server; `None` before it was reached for the first time.
    pub server: Option<ServerFacts>,
    /// How far it has come with reading the log.
    pub reading: Reading,
    /// What was read since the process began.
    pub read: ReadTotals,
    /// What became of it.
    pub counts: Counts,
    /// What the changes take that are not sent yet.
    pub memory: Memory,
    /// All rows of `apisubscription`, by number: also those that are not served here, with the reason.
    pub subscriptions: Vec<SubscriptionStatus>,
    /// The last attempts to send an event, the newest first.
    pub attempts: Vec<Attempted>,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// How changes are found: `engine` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// In the server's binary log.
    Binlog,
    /// By their time stamps.
    Polling,
}

/// What a bridge is up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Stage {
    /// It waits for the server or the state file, or is being started again.
    Starting {
        /// What it waits for.
        why: String,
    },
    /// It does its work.
    Running,
    /// It finishes the requests under way.
    Stopping,
}

/// What is known of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// Host and port, or socket.
    pub address: String,
    /// As the server tells it: `10.11.6-MariaDB-log`, `8.4.3`.
    pub version: String,
    /// The practice's database.
    pub database: String,
    /// Seconds by which its local time is ahead of UTC at present, where that is known.
    pub utc_offset: Option<i32>,
}

/// How far the log has been read. All of it is `None` with the polling engine, which reads no log.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reading {
    /// Since when the server's log is being read over the present connection; `None`: it is not being read.
    pub since: Option<DateTime<Utc>>,
    /// When something was last read, if only a heartbeat; with the polling engine, when the server last answered.
    pub last: Option<DateTime<Utc>>,
    /// Everything before this place was read.
    pub place: Option<Place>,
    /// How many bytes of the log are not read yet, as far as the last look at its end told.
    pub behind_bytes: Option<u64>,
    /// How long ago that was committed which is being read; 0 when nothing of the log is left to read.
    pub behind_seconds: Option<f64>,
    /// How far the server's clock is ahead of this machine's, in seconds.
    pub clock_ahead_seconds: Option<f64>,
}

/// What was read of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadTotals {
    /// Events, of whatever kind and table.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Changes of rows of followed tables.
    pub changes: u64,
    /// Updates of such rows that changed nothing, and were dropped.
    pub unchanged: u64,
    /// Connections that broke.
    pub connections_lost: u64,
}

/// What the change logs take: all changes that a subscription has not been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Bytes, with the order of the rows in open windows.
    pub bytes: u64,
    /// Their share of `memory.budget`, in bytes: beyond it rows are packed to their keys.
    pub budget: u64,
    /// Rows, about.
    pub rows: u64,
    /// Of these, the packed ones.
    pub packed: u64,
}

/// A place in the server's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The log's file.
    pub file: String,
    /// Bytes from its start.
    pub offset: u64,
    /// The GTIDs of all before, where the server has them.
    pub gtids: Option<String>,
}

/// An attempt to send an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempted {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// SubscriptionNum.
    pub subscription: i64,
    /// The watch table's name, or the UI event's.
    pub event: String,
    /// Elements in its body.
    pub elements: usize,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// Why it was not accepted; `None`: it was.
    pub failure: Option<String>,
    /// Milliseconds from sending to the status or to the failure.
    pub millis: u64,
    /// Its `webhook-id`.
    pub id: String,
}

impl Status {
    /// Of a bridge that begins `now`.
    pub fn starting(engine: EngineKind, workstation: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            at: now,
            version: env!("CARGO_PKG_VERSION"),
            started: now,
            engine,
            stage: Stage::Starting { why: "starting".to_owned() },
            workstation: workstation.into(),
            server: None,
            reading: Reading::default(),
            read: ReadTotals::default(),
            counts: Counts::default(),
            memory: Memory::default(),
            subscriptions: Vec::new(),
            attempts: Vec::new(),
            notices: Vec::new(),
        }
    }
}
