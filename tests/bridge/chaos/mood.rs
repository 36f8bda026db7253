//! How the receiver behaves.

use std::time::Duration;

use opendental_cdc::sandbox::receiver::Behavior;

/// What it does with most events of some subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Fine,
    /// Closes the connection before it took the event.
    Resets,
    /// Took the event and closes the connection, so that its sender does not know.
    LosesItsAnswer,
    /// Took the event, and answers when nobody waits any more.
    Hangs,
    Slow,
    Fails(u16),
    /// Says 429 and when to come again.
    HasTooMany,
}

pub(super) const BAD: [Mood; 8] = [
    Mood::Resets,
    Mood::LosesItsAnswer,
    Mood::Hangs,
    Mood::Slow,
    Mood::Fails(503),
    Mood::Fails(410),
    Mood::Fails(301),
    Mood::HasTooMany,
];

impl Mood {
    /// What it does with an event, and whether it took it.
    pub(super) fn behavior(self) -> (Behavior, bool) {
        let ok = |delay| Behavior::Answer { status: 200, headers: Vec::new(), delay };
        match self {
            Self::Fine => (Behavior::status(200), true),
            Self::Resets => (Behavior::Disconnect, false),
            Self::LosesItsAnswer => (Behavior::Disconnect, true),
            Self::Hangs => (Behavior::Hang, true),
            Self::Slow => (ok(Duration::from_millis(fastrand::u64(200..1500))), true),
            Self::Fails(status) => (Behavior::status(status), false),
            Self::HasTooMany => {
                let headers = vec![("Retry-After".to_owned(), "1".to_owned())];
                (Behavior::Answer { status: 429, headers, delay: Duration::ZERO }, false)
            }
        }
    }
}
