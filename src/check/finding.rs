//! What a look comes to.

use crate::source::DatabaseError;

/// How what was looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// The bridge runs, and a person should know.
    Warning,
    /// The bridge cannot do its work.
    Wrong,
    /// Nobody knows: the account may not see it, or the server does not show it.
    NotSeen,
}

impl Outcome {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
            Self::NotSeen => "not seen",
        }
    }
}

/// What mends it; to be taken as it stands, unless it has a part in angle brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A statement for an administrator of the server.
    Sql(String),
    /// A line for the section `[mysqld]` of the server's `my.cnf`, on Windows `my.ini`.
    Setting {
        /// The file's name.
        file: &'static str,
        /// The line.
        line: String,
    },
    /// A line of our configuration.
    Config(String),
    /// What a person is to do.
    Do(String),
}

impl Mend {
    /// What kind it is, as it is printed.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sql(_) => "SQL",
            Self::Setting { file, .. } => file,
            Self::Config(_) => "config",
            Self::Do(_) => "do",
        }
    }

    /// The statement, line or sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::Sql(text) | Self::Setting { line: text, .. } | Self::Config(text) | Self::Do(text) => text,
        }
    }
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    look: String,
    outcome: Outcome,
    found: String,
    mends: Vec<Mend>,
    refused: bool,
}

impl Finding {
    fn new(outcome: Outcome, look: impl Into<String>, found: impl Into<String>) -> Self {
        Self { look: look.into(), outcome, found: one_line(&found.into()), mends: Vec::new(), refused: false }
    }

    pub(super) fn ok(look: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Outcome::Ok, look, found)
    }

    pub(super) fn warning(look: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Outcome::Warning, look, found)
    }

    pub(super) fn wrong(look: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Outcome::Wrong, look, found)
    }

    pub(super) fn not_seen(look: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Outcome::NotSeen, look, found)
    }

    /// A look that the server did not answer.
    pub(super) fn unanswered(look: impl Into<String>, error: &DatabaseError) -> Self {
        Self::not_seen(look, error.to_string())
    }

    /// Adds what mends it.
    pub(super) fn mend(mut self, mend: impl Into<Option<Mend>>) -> Self {
        self.mends.extend(mend.into());
        self
    }

    /// Marks what `run` refuses, since it would do harm.
    pub(super) fn refused(mut self) -> Self {
        self.refused = true;
        self
    }

    /// What was looked at: a few words that do not change from one version to the next.
    pub fn look(&self) -> &str {
        &self.look
    }

    /// How it is.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What was found, in one line.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What mends it: all of it, in this order.
    pub fn mends(&self) -> &[Mend] {
        &self.mends
    }

    /// Whether `run` refuses to work so.
    pub fn is_refused(&self) -> bool {
        self.refused
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
