//! The looks when `run` starts: told in the log, and what would do harm refused.

use tracing::{debug, error, warn};

use super::{Finding, Mend, Outcome, looks, replication};
use crate::{config::Config, source::Database};

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

/// Makes the looks, and tells in the log what is not as it should be. Takes seconds, and keeps nobody waiting.
pub async fn tell(config: Config, database: Database) {
    for finding in &looks::at_start(&config, &database).await.findings {
        let (look, found, mend) = (finding.look(), finding.found(), mends(finding));
        match finding.outcome() {
            Outcome::Wrong => error!(look, mend, "{found}"),
            Outcome::Warning => warn!(look, mend, "{found}"),
            Outcome::Ok | Outcome::NotSeen => debug!(look, mend, "{found}"),
        }
    }
}

/// All that mends it, in one line.
fn mends(finding: &Finding) -> String {
    let mend = |mend: &Mend| format!("{}: {}", mend.kind(), mend.text());
    finding.mends().iter().map(mend).collect::<Vec<_>>().join("; ")
}
