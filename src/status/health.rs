//! Whether the bridge does its work.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// What `/readyz` answers by; the bridge updates it. Cheap to clone, clones share one state; updating never waits.
#[derive(Clone, Debug)]
pub struct Health {
    state: Arc<watch::Sender<State>>,
    stale_after: Duration,
}

#[derive(Debug)]
struct State {
    reading: Reading,
    /// What keeps it from doing its work though it reads.
    trouble: Option<String>,
}

#[derive(Debug)]
enum Reading {
    Since(DateTime<Utc>),
    Not(String),
}

impl Health {
    /// Not ready ("starting"). Once reading, it counts as stale when the last [`Health::reading`] is longer ago than
    /// `stale_after`: a few heartbeats of the server.
    pub fn new(stale_after: Duration) -> Self {
        let state = State { reading: Reading::Not("starting".to_owned()), trouble: None };
        Self { state: Arc::new(watch::Sender::new(state)), stale_after }
    }

    /// Something of the log, if only a heartbeat, was read at `at`.
    pub fn reading(&self, at: DateTime<Utc>) {
        self.state.send_modify(|state| state.reading = Reading::Since(at));
    }

    /// The bridge does not read, and why: one line, without anything secret.
    pub fn not_ready(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.state.send_modify(|state| state.reading = Reading::Not(reason));
    }

    /// The bridge cannot do its work, whether it reads or not, and why: without anything secret.
    pub fn troubled(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.state.send_modify(|state| state.trouble = Some(reason));
    }

    /// That is over.
    pub fn recovered(&self) {
        self.state.send_modify(|state| state.trouble = None);
    }

    /// Whether the bridge is reading as of `now`.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn ready(&self, now: DateTime<Utc>) -> Result<(), String> {
        let state = self.state.borrow();
        let one_line = |reason: &str| reason.replace(['\r', '\n'], " ");
        if let Some(trouble) = &state.trouble {
            return Err(one_line(trouble));
        }
        match &state.reading {
            Reading::Since(at) => match (now - *at).to_std() {
                Ok(silence) if silence > self.stale_after => {
                    Err(format!("nothing read from the server for {} s", silence.as_secs()))
                }
                // Also when the clock was set back.
                _ => Ok(()),
            },
            Reading::Not(reason) => Err(one_line(reason)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn ready_while_something_is_read_in_time() {
        let health = Health::new(Duration::from_secs(30));
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(health.ready(start), Err("starting".to_owned()));
        health.clone().reading(start);
        assert_eq!(health.ready(start + TimeDelta::seconds(30)), Ok(()));
        assert_eq!(health.ready(start - TimeDelta::hours(1)), Ok(()), "the clock was set back");
        let stale = health.ready(start + TimeDelta::seconds(31));
        assert_eq!(stale, Err("nothing read from the server for 31 s".to_owned()));
        health.not_ready("connection lost:\nsee the log");
        assert_eq!(health.ready(start), Err("connection lost: see the log".to_owned()), "one line");
        health.reading(start);
        assert_eq!(health.ready(start), Ok(()));
        health.troubled("the disk is full");
        health.reading(start);
        assert_eq!(health.ready(start), Err("the disk is full".to_owned()), "though it reads");
        health.recovered();
        assert_eq!(health.ready(start), Ok(()));
    }
}
