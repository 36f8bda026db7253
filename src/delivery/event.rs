//! What is sent, and how an attempt to send it ended.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::failure::Failure;

/// One POST to one endpoint; the same value, with the same id, for every attempt (rule D3).
#[derive(Clone)]
pub struct Event {
    /// Sent as `webhook-id`; see [`webhook_id`](super::webhook_id).
    pub id: String,
    /// The `SubscriptionNum` of the subscription that the event is for.
    pub subscription: i64,
    /// `EndPointUrl` as stored. Its query may hold secrets: never print.
    pub url: String,
    /// Sent bare as `Authorization`. Never print.
    pub customer_key: String,
    /// Sent as `Workstation`, where it is not the sender's own name: the machine on which a UI event happened.
    pub workstation: Option<String>,
    /// Sent as `Event-Type`, for instance `WatchTable: Appointment`.
    pub event_type: String,
    /// The JSON, sent as it is. Patients' data: never print.
    pub body: Bytes,
    /// Whether this subscription's last attempt failed. Such events have slots of their own, so that endpoints that
    /// hang cannot take the slots of those that work.
    pub troubled: bool,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("subscription", &self.subscription)
            .field("event_type", &self.event_type)
            .field("body_bytes", &self.body.len())
            .field("troubled", &self.troubled)
            .finish_non_exhaustive()
    }
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whether the endpoint took the event.
    pub outcome: Outcome,
    /// From the start of the request to the answer's status or to the failure; waiting for a slot is not in it.
    pub took: Duration,
}

/// Whether the endpoint took the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered with a 2xx status within the time-out.
    Accepted {
        /// The status, 200 to 299.
        status: u16,
    },
    /// Anything else; to be tried again (rule D2).
    Failed(Failure),
}
