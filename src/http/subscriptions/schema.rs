//! The objects of the Subscriptions API as its description shows them. Nobody makes a value of these: what is answered
//! is written by `opendental::subscription_json`, what is asked is read by `body`, and a test compares them.

use utoipa::ToSchema;

/// A row of `apisubscription`.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it only describes")]
pub(in crate::http) struct Subscription {
    /// The number by which it is changed and deleted.
    #[schema(example = 14)]
    subscription_num: i64,
    /// Where its events are sent.
    #[schema(example = "https://myserver/apievents/")]
    end_point_url: String,
    /// The machine whose sender sends them; "" or "All Workstations": each sender.
    #[schema(example = "CDC-BRIDGE")]
    workstation: String,
    /// The customer key that made it, and that its events carry.
    #[schema(example = "VzkmZEaUWOjnQX2z")]
    customer_key: String,
    /// What it watches; "" for UI events.
    #[schema(example = "Appointment")]
    watch_table: String,
    /// Seconds from one event to the next; 0 for UI events.
    #[schema(example = 5)]
    polling_seconds: i32,
    /// "PatientSelected"; "" for database events.
    #[schema(example = "")]
    ui_event_type: String,
    /// How far its events have come: yyyy-MM-dd HH:mm:ss in the server's local time.
    #[schema(example = "2022-01-31 00:00:00")]
    date_time_start: String,
    /// When it ends, likewise; "0001-01-01 00:00:00": never.
    #[schema(example = "0001-01-01 00:00:00")]
    date_time_stop: String,
    /// Whatever its maker wrote.
    #[schema(example = "")]
    note: String,
    /// When an event was last not accepted. This and what follows only where Open Dental is 26 or later.
    #[schema(nullable = false)]
    date_time_last_failure: Option<String>,
    /// Why.
    #[schema(nullable = false)]
    failure_reason: Option<String>,
    /// How many attempts failed in a row.
    #[schema(nullable = false)]
    subsequent_failures: Option<i32>,
    /// When it is tried again.
    #[schema(nullable = false)]
    date_time_next_retry: Option<String>,
}

/// What a new subscription is to be. null is as good as not given.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it only describes")]
pub(in crate::http) struct NewSubscription {
    /// An http or https URL, used as it is; at most 255 characters. One where no event may go is refused, as far as the
    /// URL itself tells.
    #[schema(example = "https://myserver/apievents/")]
    end_point_url: String,
    /// The machine whose sender is to send the events. Left out or "": each sender sends them, this bridge too.
    #[schema(example = "CDC-BRIDGE")]
    workstation: Option<String>,
    /// A watch table of the API or of `opendental.tables`. Either this or UiEventType.
    #[schema(example = "Appointment")]
    watch_table: Option<String>,
    /// From 1 on; required with a WatchTable, left out or 0 with a UiEventType.
    #[schema(example = 5, minimum = 0, maximum = 2147483647)]
    polling_seconds: Option<i32>,
    /// "PatientSelected".
    ui_event_type: Option<String>,
    /// From when on changes are sent: yyyy-MM-dd HH:mm:ss in the server's local time, or yyyy-MM-dd. Left out: now.
    #[schema(example = "2022-01-31")]
    date_time_start: Option<String>,
    /// When it ends, likewise. Left out: never.
    date_time_stop: Option<String>,
    /// At most 255 characters.
    note: Option<String>,
}

/// What a subscription is to become. What is not given, or null, stays. WatchTable and UiEventType cannot be changed.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it only describes")]
pub(in crate::http) struct ChangedSubscription {
    /// Another URL, likewise; an event that is being tried is tried there from now on.
    end_point_url: Option<String>,
    /// Another machine; "": each.
    workstation: Option<String>,
    /// From 1 on; of a subscription to UI events it stays 0.
    #[schema(minimum = 0, maximum = 2147483647)]
    polling_seconds: Option<i32>,
    /// An earlier moment: all that changed since is sent again. A later one: what changed before it is left out.
    #[schema(example = "2022-01-31 00:00:00")]
    date_time_start: Option<String>,
    /// When it ends; "0001-01-01": never.
    date_time_stop: Option<String>,
    /// Another note.
    note: Option<String>,
}
