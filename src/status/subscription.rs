//! What is told of one subscription.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::opendental::{Subscription, mask_key, mask_url};

/// One row of `apisubscription`.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionStatus {
    /// SubscriptionNum.
    pub num: i64,
    /// EndPointUrl without user-info and query (rule D4).
    pub endpoint: String,
    /// The customer key, masked.
    pub customer_key: String,
    /// Its Workstation, as stored: blank and `All Workstations` are every machine's.
    pub workstation: String,
    /// The watch table's name; blank for UI events.
    pub watch_table: String,
    /// The UI event's name; blank for a watch table.
    pub ui_event: String,
    /// As stored; below 1 counts as 1.
    pub polling_seconds: i64,
    /// What it is doing.
    pub state: WindowState,
    /// Rows that wait to be sent; `None`: not known, as with the polling engine.
    pub pending: Option<Pending>,
    /// When its next window is due; `None` where there is none, or one is under way.
    pub due: Option<DateTime<Utc>>,
    /// The last event that was accepted.
    pub last_event: Option<LastEvent>,
    /// Attempts that failed since.
    pub trouble: Option<Trouble>,
    /// DateTimeStart as it stands in the row, as far as is known, in the server's local time.
    pub date_time_start: String,
    /// DateTimeStop, likewise; `None`: never.
    pub date_time_stop: Option<String>,
    /// When another sender was last seen to move DateTimeStart forward.
    pub other_sender: Option<DateTime<Utc>>,
}

impl SubscriptionStatus {
    /// What its row tells, and what it is doing.
    pub fn of(subscription: &Subscription, state: WindowState) -> Self {
        Self {
            num: subscription.num,
            endpoint: mask_url(&subscription.end_point_url),
            customer_key: mask_key(&subscription.customer_key),
            workstation: subscription.workstation.clone(),
            watch_table: subscription.watch_table.trim().to_owned(),
            ui_event: subscription.ui_event_type.trim().to_owned(),
            polling_seconds: subscription.polling_seconds,
            state,
            pending: None,
            due: None,
            last_event: None,
            trouble: None,
            date_time_start: subscription.date_time_start.clone(),
            date_time_stop: subscription.stops_at().map(str::to_owned),
            other_sender: None,
        }
    }
}

/// What a subscription is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum WindowState {
    /// Between windows: changes are being gathered.
    Gathering,
    /// Its window is due; the log is being read up to the window's end.
    Closing,
    /// An event is on its way.
    Sending,
    /// The last attempt failed; the same event is tried again later: see [`Trouble`].
    Retrying,
    /// DateTimeStart lies ahead.
    Paused {
        /// No window closes before.
        until: DateTime<Utc>,
    },
    /// Its table is searched for what the log cannot tell.
    CatchingUp,
    /// The log between its place and the others' is being read for it by itself.
    Rereading,
    /// DateTimeStop has passed.
    Expired,
    /// It is for UI events, which have no windows.
    UiEvents,
    /// Another workstation is to send its events.
    OtherWorkstation,
    /// What its row says cannot be served: an unknown WatchTable, or a DateTimeStart that is no date.
    LeftAlone,
}

impl WindowState {
    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Closing => "closing",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Paused { .. } => "paused",
            Self::CatchingUp => "catching-up",
            Self::Rereading => "rereading",
            Self::Expired => "expired",
            Self::UiEvents => "ui-events",
            Self::OtherWorkstation => "other-workstation",
            Self::LeftAlone => "left-alone",
        }
    }

    /// Whether this bridge sends its events.
    pub fn is_served(self) -> bool {
        !matches!(self, Self::Expired | Self::OtherWorkstation | Self::LeftAlone)
    }
}

/// About how many rows wait to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Of the window under way.
    pub in_window: u64,
    /// Behind it. At most: a row that changed several times may count as often.
    pub behind: u64,
}

impl Pending {
    /// Both.
    pub fn rows(self) -> u64 {
        self.in_window.saturating_add(self.behind)
    }
}

/// An event that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// Elements in its body.
    pub elements: usize,
    /// The answer's status.
    pub status: u16,
}

/// Attempts that failed since the last success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What was wrong with the last of them, for a person.
    pub reason: String,
    /// When the first of them failed; `None`: before a restart.
    pub since: Option<DateTime<Utc>>,
    /// When the last of them failed; `None`: before a restart.
    pub last: Option<DateTime<Utc>>,
    /// How many.
    pub failures: u64,
    /// When the event is tried again.
    pub next: Option<DateTime<Utc>>,
}
