//! What an engine can be asked to do.

use tokio::sync::oneshot;

use crate::opendental::PatientSelected;

/// Where the engine answers whether it did as it was asked.
pub type Answer<T = (), E = Refused> = oneshot::Sender<Result<T, E>>;

/// Something that a person or a program asks the engine to do. The engine does it at once, and answers when it is done.
#[derive(Debug)]
pub enum Request {
    /// Try the event of this subscription that waits to be tried again at once.
    RetryNow {
        /// SubscriptionNum.
        subscription: i64,
        /// Whether it did.
        answer: Answer,
    },
    /// Skip what this subscription has not been sent: it goes on from now (rule W7).
    Skip {
        /// SubscriptionNum.
        subscription: i64,
        /// Rows stamped since this instant, in seconds since 1970 UTC, are sent all the same; `None`: nothing is.
        to: Option<i64>,
        /// What was skipped.
        answer: Answer<Skipped>,
    },
    /// A patient was selected on a workstation: tell the subscriptions that want to know.
    PatientSelected {
        /// Who and where.
        selected: PatientSelected,
        /// How many subscriptions are told; none if the same patient was selected there before.
        answer: Answer<usize, NotTold>,
    },
}

/// What was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Changed rows that waited to be sent, at most; `None`: a search would have told.
    pub changes: Option<u64>,
    /// DateTimeStart from now on, in the server's local time.
    pub date_time_start: String,
}

/// Why an engine did not do as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such subscription, or its events are not sent from here.
    #[error("this bridge serves no subscription of that number")]
    NotServed,
    /// No event of it waits to be tried again.
    #[error("no event of that subscription waits to be tried again")]
    NothingToRetry,
    /// The engine at work cannot do this.
    #[error("the {0} engine cannot do this")]
    NotByThisEngine(&'static str),
    /// The moment to skip to lies before the subscription's place.
    #[error("it has come further than that; move DateTimeStart back in its row to send again")]
    NotAhead,
    /// Too much has been asked already, or the engine is starting or stopping.
    #[error("the bridge is busy, starting or stopping; try again in a moment")]
    Busy,
}

/// Why nobody is told of a selection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// There is no such patient.
    #[error("there is no patient of that PatNum")]
    UnknownPatient,
    /// The patient's row cannot be had at present.
    #[error("the patient cannot be read at present; the bridge's log says why")]
    NotRead,
    /// The engine cannot do this, or not now.
    #[error(transparent)]
    Refused(#[from] Refused),
}
