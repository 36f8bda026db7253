//! Instants at which a test lets the process die, so that nothing is left of what was not stored yet.
//!
//! They are passed over in release builds, and wherever the environment does not name one: `CDC_TEST_DIE_AT=STEP`, or
//! `STEP:N` for the N-th time that it is reached.

/// Steps from a commit in the log to the next stored cursor, and what has just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failpoint {
    /// A transaction was read, and is in no change log yet.
    TransactionRead,
    /// A catch-up's scan has found its rows.
    CatchUpScanned,
    /// What the second reader has read has taken the place of what the first has.
    SecondPassJoined,
    /// A window was closed, and is only in memory.
    WindowClosed,
    /// All statements of a commit of the state file were made, but not the commit.
    StateWritten,
    /// A part of the keys of deletions is stored for which there is no room in memory.
    KeysStored,
    /// The range of an event is stored, and with it that of all events before it. No attempt was made.
    RangeStored,
    /// An event was accepted, which is stored nowhere.
    EventAccepted,
    /// A window's end is stored as the cursor, and its time as the coming DateTimeStart.
    CursorStored,
    /// DateTimeStart is written, which the state file does not know.
    WrittenBack,
}

impl Failpoint {
    /// Ends the process here if a test wants that.
    #[cfg(debug_assertions)]
    pub(crate) fn pass(self) {
        if wanted::dies_at(self) {
            std::process::abort();
        }
    }

    /// Goes on.
    #[cfg(not(debug_assertions))]
    #[inline]
    pub(crate) fn pass(self) {}
}

#[cfg(debug_assertions)]
mod wanted {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    use super::Failpoint;

    const ALL: [(&str, Failpoint); 10] = [
        ("transaction-read", Failpoint::TransactionRead),
        ("catch-up-scanned", Failpoint::CatchUpScanned),
        ("second-pass-joined", Failpoint::SecondPassJoined),
        ("window-closed", Failpoint::WindowClosed),
        ("state-written", Failpoint::StateWritten),
        ("keys-stored", Failpoint::KeysStored),
        ("range-stored", Failpoint::RangeStored),
        ("event-accepted", Failpoint::EventAccepted),
        ("cursor-stored", Failpoint::CursorStored),
        ("written-back", Failpoint::WrittenBack),
    ];

    /// What the environment names, and how often it is still to be reached.
    static WANTED: LazyLock<Option<(Failpoint, AtomicU32)>> = LazyLock::new(|| {
        let text = std::env::var("CDC_TEST_DIE_AT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        let (_, point) = ALL.into_iter().find(|(known, _)| *known == name)?;
        Some((point, AtomicU32::new(times.parse().ok()?)))
    });

    pub(super) fn dies_at(point: Failpoint) -> bool {
        WANTED.as_ref().is_some_and(|(wanted, left)| *wanted == point && left.fetch_sub(1, Ordering::Relaxed) == 1)
    }
}
