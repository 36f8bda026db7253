//! The log itself: whether we are sent it, and whether statements are in it where rows should be.

use std::time::Duration;

use super::{Finding, Mend, Report, rights};
use crate::{
    config::Config,
    source::{Database, LogSample, ServerFacts, SourceError},
};

/// A larger file is not read as a whole.
const MOST_BYTES: u64 = 64_000_000;

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(15);

const RIGHT: &str = "REPLICATION SLAVE";
const STATEMENTS: &str = "logged statements";

/// Reads the newest file of the log, as another replica than the bridge: two of one id throw each other out.
pub(super) async fn look(config: &Config, facts: &ServerFacts, tables: &[String], report: &mut Report) {
    let seed = format!("check {} {}", config.workstation, std::process::id());
    let sampled = async {
        // One that can tell the log's position, unlike the one that the other looks use.
        let database = Database::connect(&config.mysql).await?;
        let sample = database.sample_log(&config.mysql, tables.to_vec(), seed, MOST_BYTES, PATIENCE).await;
        database.close().await;
        sample
    };
    match sampled.await {
        Ok(sample) => {
            let megabytes = sample.bytes as f64 / 1e6;
            report.push(Finding::ok(
                rights::look(RIGHT),
                format!("granted: {} was read, at {megabytes:.1} MB", sample.file),
            ));
            report.push(statements(&sample, facts));
        }
        Err(error) => report.push(unreadable(facts, error)),
    }
}

fn unreadable(facts: &ServerFacts, error: SourceError) -> Finding {
    let look = rights::look(RIGHT);
    match error {
        SourceError::Access { reason, .. } => {
            Finding::wrong(look, format!("not granted: {reason}")).mend(facts.grant(RIGHT, "*.*"))
        }
        SourceError::Connection { reason, .. } => Finding::not_seen(look, format!("the log was not read: {reason}")),
        SourceError::Database(error) => Finding::unanswered(look, &error),
        error => Finding::wrong(look, error.to_string()),
    }
}

fn statements(sample: &LogSample, facts: &ServerFacts) -> Finding {
    let LogSample { file, bytes, statements, .. } = sample;
    let anew = || Mend::Sql("FLUSH BINARY LOGS;".to_owned());
    if !sample.whole {
        let found = format!("{file} is too long to be read for this, with {} MB; a new file is not", bytes / 1_000_000);
        return Finding::not_seen(STATEMENTS, found).mend(anew());
    }
    if statements.is_empty() {
        return Finding::ok(STATEMENTS, format!("none on a watched table in {file}"));
    }
    let tables =
        statements.iter().map(|(table, at)| format!("{table} (last at {})", at.format("%Y-%m-%d %H:%M:%S UTC")));
    let tables = tables.collect::<Vec<_>>().join(", ");
    let found = format!("instead of rows, in {file}, on {tables}: a session writes MIXED or STATEMENT");
    let is_row = facts.variable(&["binlog_format"]).is_none_or(|format| format == "ROW");
    let finding = Finding::warning(STATEMENTS, found);
    let finding = if is_row { finding } else { finding.mend(facts.set("binlog_format", "'ROW'")) };
    let restart = "restart the programs that were connected before binlog_format was ROW";
    finding.mend(Mend::Do(restart.to_owned())).mend(anew())
}
