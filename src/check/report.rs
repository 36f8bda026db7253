//! All findings together.

use super::{Finding, Outcome};

/// What looking came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which one depends on the other.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the bridge can do its work.
    pub fn can_run(&self) -> bool {
        self.count(Outcome::Wrong) == 0
    }

    /// How many findings are so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|finding| finding.outcome() == outcome).count()
    }

    /// The first finding that `run` refuses to work with.
    pub fn refused(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.is_refused())
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }
}
