//! The looks when `run` starts: what would do harm is refused, all else is told in the log and on the status page, and
//! looked at again until it is mended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use super::{Finding, Mend, Outcome, looks, replication};
use crate::{
    config::Config,
    source::Database,
    status::{Board, Notice, NoticeKind, Remedy},
};

/// The pause before the next looks, while there is something to mend.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// As many findings are told on the status page.
const MOST: usize = 20;

/// The server is one that the bridge must not work with.
#[derive(Debug, thiserror::Error)]
#[error("{}\n{}", .0.found(), mends(.0))]
pub struct Unfit(Finding);

/// Whether the server may be worked with: its DateTimeStart must be the one that counts. Asked before anything is
/// written; where the server does not say, it may.
///
/// # Errors
/// It may not, and why.
pub async fn fit(database: &Database) -> Result<(), Unfit> {
    let Ok(facts) = database.server_facts().await else { return Ok(()) };
    let finding = replication::primary(database, &facts).await;
    if finding.is_refused() { Err(Unfit(finding)) } else { Ok(()) }
}

/// The looks beside a bridge or polling that runs. They keep nobody waiting.
pub struct Looks {
    config: Config,
    database: Database,
    board: Board,
    pause: Duration,
}

impl Looks {
    /// Looks with this configuration at this database; `board` is told.
    pub fn new(config: Config, database: Database, board: Board) -> Self {
        Self { config, database, board, pause: PAUSE }
    }

    /// Lets so long pass before the next looks.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Makes the looks, and tells what is not as it should be; again and again, until nothing is to be mended.
    pub async fn tell(self) {
        let mut known = Known::default();
        loop {
            // Where the server does not answer, nothing is known to have changed.
            if let Ok(report) = looks::at_start(&self.config, &self.database).await {
                known.learn(report.findings, Utc::now());
                self.board.tell_of_set_up(known.notices());
                if known.0.is_empty() {
                    return;
                }
            }
            sleep(self.pause).await;
        }
    }
}

/// What is not as it should be, and since when that is known.
#[derive(Default)]
struct Known(Vec<(Finding, DateTime<Utc>)>);

impl Known {
    /// Takes over what looks found; in the log each is told once.
    fn learn(&mut self, findings: Vec<Finding>, now: DateTime<Utc>) {
        let before = std::mem::take(&mut self.0);
        let same = |one: &Finding, another: &Finding| one.look() == another.look() && one.found() == another.found();
        for finding in &findings {
            let (look, found, mend) = (finding.look(), finding.found(), mends(finding));
            let told = before.iter().find(|(known, _)| same(known, finding));
            match finding.outcome() {
                Outcome::Wrong if told.is_none() => error!(look, mend, "{found}"),
                Outcome::Warning if told.is_none() => warn!(look, mend, "{found}"),
                Outcome::Wrong | Outcome::Warning => {}
                Outcome::Ok | Outcome::NotSeen => {
                    debug!(look, mend, "{found}");
                    continue;
                }
            }
            self.0.push((finding.clone(), told.map_or(now, |(_, since)| *since)));
        }
        for (known, since) in before {
            let mut now_found = findings.iter().filter(|finding| finding.look() == known.look());
            // What cannot be seen any more may be as it was.
            if now_found.clone().any(|finding| finding.outcome() == Outcome::NotSeen) {
                self.0.push((known, since));
            } else if now_found.all(|finding| finding.outcome() == Outcome::Ok) {
                info!(look = known.look(), "mended: {}", known.found());
            }
        }
    }

    /// The wrong ones first.
    fn notices(&self) -> Vec<Notice> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_key(|(finding, _)| finding.outcome() != Outcome::Wrong);
        let mut notices: Vec<Notice> =
            sorted.iter().take(MOST).map(|(finding, since)| notice(finding, *since)).collect();
        if let Some((_, since)) = sorted.get(MOST) {
            let text = format!("{} more; `opendental-cdc check` prints them all", sorted.len() - MOST);
            notices.push(Notice::new(NoticeKind::SetUpWarning, *since, text));
        }
        notices
    }
}

fn notice(finding: &Finding, since: DateTime<Utc>) -> Notice {
    let kind = match finding.outcome() {
        Outcome::Wrong => NoticeKind::SetUpWrong,
        _ => NoticeKind::SetUpWarning,
    };
    let remedy = |mend: &Mend| Remedy { kind: mend.kind(), text: mend.text().to_owned() };
    let remedies = finding.mends().iter().map(remedy).collect();
    Notice { remedies, ..Notice::new(kind, since, format!("{}: {}", finding.look(), finding.found())) }
}

/// All that mends it, in one line.
fn mends(finding: &Finding) -> String {
    let mend = |mend: &Mend| format!("{}: {}", mend.kind(), mend.text());
    finding.mends().iter().map(mend).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(known: &Known) -> Vec<String> {
        known.notices().into_iter().map(|notice| notice.text).collect()
    }

    #[test]
    fn a_finding_is_dropped_once_it_is_mended_and_kept_while_nobody_knows() {
        let (mut known, now) = (Known::default(), Utc::now());
        let later = now + chrono::TimeDelta::minutes(5);
        let wrong = || Finding::wrong("binlog format", "MIXED");
        known.learn(vec![Finding::warning("retention", "1 day"), wrong(), Finding::ok("clock", "right")], now);
        assert_eq!(texts(&known), ["binlog format: MIXED", "retention: 1 day"], "the wrong ones first");
        known.learn(vec![Finding::not_seen("retention", "not shown"), wrong()], later);
        assert_eq!(texts(&known), ["binlog format: MIXED", "retention: 1 day"]);
        assert!(known.0.iter().all(|(_, since)| *since == now), "it is known since then");
        known.learn(vec![Finding::ok("retention", "30 days"), wrong()], later);
        assert_eq!(texts(&known), ["binlog format: MIXED"]);
        known.learn(vec![Finding::wrong("binlog format", "STATEMENT")], later);
        assert_eq!(texts(&known), ["binlog format: STATEMENT"]);
        known.learn(vec![Finding::ok("binlog format", "ROW")], later);
        assert!(texts(&known).is_empty());
    }

    #[test]
    fn of_many_findings_the_page_shows_some() {
        let mut known = Known::default();
        let many = (0..50).map(|number| Finding::warning(format!("endpoint {number}"), "not reached")).collect();
        known.learn(many, Utc::now());
        let texts = texts(&known);
        assert_eq!((texts.len(), texts[MOST].as_str()), (21, "30 more; `opendental-cdc check` prints them all"));
    }
}
