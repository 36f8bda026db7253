//! What an engine can be asked to do.

use tokio::sync::oneshot;

/// Where the engine answers whether it did as it was asked.
pub type Answer = oneshot::Sender<Result<(), Refused>>;

/// Something that a person or a program asks the engine to do. The engine does it at once and answers at once.
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
        /// Whether it did.
        answer: Answer,
    },
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
    /// Too much has been asked already, or the engine is starting or stopping.
    #[error("the bridge is busy, starting or stopping; try again in a moment")]
    Busy,
}
