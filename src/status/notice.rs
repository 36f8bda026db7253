//! What a person should know of a bridge.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Something that a person should know, as long as it is so, or for a while after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// Since when, or when it happened.
    pub since: DateTime<Utc>,
    /// What it is and what to do about it, in a sentence; holds no row value (rule D4).
    pub text: String,
    /// How far it has come, where that is known.
    pub progress: Option<Progress>,
    /// What mends it, where that can be told as it is to be written or done.
    pub remedies: Vec<Remedy>,
}

impl Notice {
    /// A notice without more than its text.
    pub fn new(kind: NoticeKind, since: DateTime<Utc>, text: String) -> Self {
        Self { kind, since, text, progress: None, remedies: Vec::new() }
    }
}

/// One step of what mends something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Where it belongs: `SQL`, `my.cnf`, `my.ini`, `config` or `do`.
    pub kind: &'static str,
    /// The statement, line or sentence.
    pub text: String,
}

/// Kinds of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The server's log is not being read.
    NotReading,
    /// The state file cannot be written.
    State,
    /// The state file was gone or damaged at the start.
    StateLost,
    /// The log could not be read on: subscriptions catch up.
    LogLost,
    /// A stretch of the log did not tell with certainty what happened.
    Doubt,
    /// The columns of a table are being found out.
    Layout,
    /// A table is being searched for what the log cannot tell.
    CatchUp,
    /// The log is being read a second time for subscriptions that are far behind.
    SecondPass,
    /// Another sender moves DateTimeStart.
    OtherSender,
    /// The audit found rows that never reached the log.
    Audit,
    /// A look at the set-up found something with which the bridge cannot do all of its work.
    SetUpWrong,
    /// A look at the set-up found something that a person should know.
    SetUpWarning,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::NotReading,
        Self::State,
        Self::StateLost,
        Self::LogLost,
        Self::Doubt,
        Self::Layout,
        Self::CatchUp,
        Self::SecondPass,
        Self::OtherSender,
        Self::Audit,
        Self::SetUpWrong,
        Self::SetUpWarning,
    ];

    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReading => "not-reading",
            Self::State => "state",
            Self::StateLost => "state-lost",
            Self::LogLost => "log-lost",
            Self::Doubt => "doubt",
            Self::Layout => "layout",
            Self::CatchUp => "catch-up",
            Self::SecondPass => "second-pass",
            Self::OtherSender => "other-sender",
            Self::Audit => "audit",
            Self::SetUpWrong => "set-up-wrong",
            Self::SetUpWarning => "set-up-warning",
        }
    }

    /// Whether a look at the set-up told it, and no engine.
    pub fn is_of_set_up(self) -> bool {
        matches!(self, Self::SetUpWrong | Self::SetUpWarning)
    }

    /// Whether it needs a person, or goes by.
    pub fn is_serious(self) -> bool {
        !matches!(self, Self::Layout | Self::CatchUp | Self::SecondPass)
    }
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Rows, or bytes of the log, so far.
    pub done: u64,
    /// About how many there are; `None`: not known.
    pub total: Option<u64>,
}
