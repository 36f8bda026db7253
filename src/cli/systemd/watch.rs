//! What there is to tell, from one look at the bridge to the next.

use chrono::{DateTime, Utc};

use crate::status::{EngineKind, Stage, Status};

/// What the last look found.
#[derive(Debug, Default)]
pub(super) struct Watch {
    was_ready: bool,
    told: Option<String>,
    answered: Option<DateTime<Utc>>,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// For the first time.
    pub(super) begins_to_read: bool,
    /// It has not read yet, and waits for something.
    pub(super) waits: bool,
    /// The engine answered since the last look, or there is none yet.
    pub(super) lives: bool,
    /// What it does, where that is not what was told last; one line.
    pub(super) news: Option<String>,
}

impl Watch {
    /// A look at `status`, and at whether the bridge reads or why not.
    pub(super) fn look(&mut self, status: &Status, ready: Result<(), String>) -> Heard {
        // An engine that runs writes a status when it is asked; one that hangs leaves the old one. Polling is asked
        // between its rounds, and tells with each event how it fares.
        let answered = self.answered.replace(status.at) != Some(status.at);
        let polls = status.engine == EngineKind::Polling && ready.is_ok();
        let lives = status.stage != Stage::Running || answered || polls;
        let begins_to_read = ready.is_ok() && !self.was_ready;
        self.was_ready |= begins_to_read;
        let line = line(status, ready);
        let news = (self.told.as_ref() != Some(&line)).then(|| line.clone());
        self.told = Some(line);
        Heard { begins_to_read, waits: !self.was_ready, lives, news }
    }
}

fn line(status: &Status, ready: Result<(), String>) -> String {
    if let Err(reason) = ready {
        return format!("not ready: {reason}");
    }
    let served = status.subscriptions.iter().filter(|subscription| subscription.state.is_served()).count();
    let failing = status.subscriptions.iter().filter(|subscription| subscription.trouble.is_some()).count();
    let subscriptions = if served == 1 { "subscription" } else { "subscriptions" };
    match failing {
        0 => format!("ready: {served} {subscriptions}"),
        failing => format!("ready: {served} {subscriptions}, {failing} of them failing"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn status(stage: Stage, seconds: i64) -> Status {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        Status { stage, ..Status::starting(EngineKind::Binlog, "W", at) }
    }

    fn waiting() -> Stage {
        Stage::Starting { why: "starting".to_owned() }
    }

    #[test]
    fn ready_is_told_once_and_each_line_when_it_is_new() {
        let mut watch = Watch::default();
        let not = || Err("waiting for the server".to_owned());
        let first = watch.look(&status(waiting(), 0), not());
        assert!(first.waits && first.lives && !first.begins_to_read);
        assert_eq!(first.news.as_deref(), Some("not ready: waiting for the server"));
        let second = watch.look(&status(waiting(), 0), not());
        assert!(second.waits && second.lives && second.news.is_none(), "waiting is living");
        let third = watch.look(&status(Stage::Running, 5), Ok(()));
        assert!(third.begins_to_read && !third.waits);
        assert_eq!(third.news.as_deref(), Some("ready: 0 subscriptions"));
        let fourth = watch.look(&status(Stage::Running, 10), not());
        assert!(!fourth.waits && fourth.lives, "a lost connection is no reason to be started again");
        assert!(!watch.look(&status(Stage::Running, 15), Ok(())).begins_to_read, "told once");
    }

    #[test]
    fn an_engine_that_does_not_answer_is_not_told_to_live() {
        let mut watch = Watch::default();
        assert!(watch.look(&status(Stage::Running, 5), Ok(())).lives);
        assert!(!watch.look(&status(Stage::Running, 5), Ok(())).lives, "the status is the old one");
        assert!(watch.look(&status(Stage::Running, 3), Ok(())).lives, "it answers again, and the clock was set back");
    }
}
