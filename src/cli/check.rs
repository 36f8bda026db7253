//! `opendental-cdc check`: looks at all that the bridge depends on.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde::Serialize;

use super::{config_argument::ConfigArgument, failure::Failure};
use crate::{
    bridge::BridgeError,
    check::{self, Finding, Outcome, Report},
    configured_tables,
};

const DIM: Style = Style::new().dimmed();

/// The longest outcome's name.
const OUTCOME: usize = 8;

/// Most looks' names are no longer.
const LOOK: usize = 26;

/// Looks at everything that the bridge depends on, and prints for each what was found and what mends it: statements for
/// the server's administrator, lines for its configuration and for ours. Changes nothing and sends nothing.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// For programs: one JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// The bridge would not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the bridge cannot do its work so; looks that found something wrong: {wrong}")]
struct CannotRun {
    wrong: usize,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    configured_tables::look_at_names(&config.opendental.tables).map_err(BridgeError::from)?;
    let report = check::check(&config).await;
    let printed = if arguments.json { json(&report)? } else { text(&report) };
    match anstream::stdout().write_all(printed.as_bytes()) {
        // Whoever read our output has read enough; the exit code still tells.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    match report.can_run() {
        true => Ok(()),
        false => Err(CannotRun { wrong: report.count(Outcome::Wrong) }.into()),
    }
}

/// A line for each look, below it what mends it.
fn text(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let (style, outcome) = (style(finding.outcome()), finding.outcome().name());
        let (look, found) = (finding.look(), finding.found());
        // Writing to a String does not fail.
        let _ = writeln!(text, "{style}{outcome:<OUTCOME$}{style:#}  {look:<LOOK$}  {found}");
        for mend in finding.mends() {
            let _ = writeln!(text, "{:OUTCOME$}  {DIM}{:>LOOK$}{DIM:#}  {}", "", mend.kind(), mend.text());
        }
    }
    let counts = [Outcome::Wrong, Outcome::Warning, Outcome::NotSeen, Outcome::Ok];
    let counts = counts.map(|outcome| format!("{} {}", report.count(outcome), outcome.name())).join(", ");
    let verdict = if report.can_run() { "the bridge can run" } else { "the bridge cannot run" };
    let _ = writeln!(text, "\n{verdict}: {counts}");
    text
}

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Ok => AnsiColor::Green.on_default(),
        Outcome::Warning => AnsiColor::Yellow.on_default().bold(),
        Outcome::Wrong => AnsiColor::Red.on_default().bold(),
        Outcome::NotSeen => AnsiColor::Cyan.on_default(),
    }
}

#[derive(Serialize)]
struct JsonReport<'a> {
    can_run: bool,
    looks: Vec<JsonLook<'a>>,
}

#[derive(Serialize)]
struct JsonLook<'a> {
    look: &'a str,
    outcome: &'static str,
    found: &'a str,
    mend: Vec<JsonMend<'a>>,
}

impl<'a> JsonLook<'a> {
    fn of(finding: &'a Finding) -> Self {
        let mend = finding.mends().iter().map(|mend| JsonMend { kind: mend.kind(), text: mend.text() });
        Self { look: finding.look(), outcome: finding.outcome().name(), found: finding.found(), mend: mend.collect() }
    }
}

#[derive(Serialize)]
struct JsonMend<'a> {
    /// `SQL`, `my.cnf`, `my.ini`, `config` or `do`.
    kind: &'static str,
    text: &'a str,
}

fn json(report: &Report) -> Result<String, serde_json::Error> {
    let looks = report.findings.iter().map(JsonLook::of).collect();
    Ok(serde_json::to_string_pretty(&JsonReport { can_run: report.can_run(), looks })? + "\n")
}
