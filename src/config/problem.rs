//! What is wrong with a configuration, in words for the person who wrote it.

use std::{fmt, io, path::PathBuf};

/// Why a configuration was refused. The program's exit code for it is 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error(
        "the configuration file cannot be read\n{}: {source}\nGive --config the path of a file that exists and is \
         readable, as UTF-8 text.",
        path.display()
    )]
    Unreadable {
        /// The file, as given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error(
        "the configuration file is not valid TOML\n{}, line {line}, column {column}: {message}\nTexts stand in \
         quotes; a backslash inside double quotes must be doubled.",
        path.display()
    )]
    Syntax {
        /// The file, as given.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// The parser's words; they hold nothing of the file's values.
        message: String,
    },
    /// The keys or their values are not right.
    #[error(
        "the configuration is refused\n{}\nEvery key is explained in config/opendental-cdc.toml.",
        .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
    )]
    Refused(Vec<Problem>),
}

/// One thing that is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `section.key`.
    pub key: String,
    /// The value as it may be shown; `None` if there is none or the key itself is wrong.
    pub value: Option<String>,
    /// What is wrong or allowed.
    pub rule: String,
    /// Where it came from: a file or an environment variable; `None` if it is missing everywhere.
    pub origin: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.key)?;
        if let Some(value) = &self.value {
            write!(out, " = {value}")?;
        }
        write!(out, ": {}", self.rule)?;
        if let Some(origin) = &self.origin {
            write!(out, " ({origin})")?;
        }
        Ok(())
    }
}
