//! A row of `apisubscription`: who wants which events, how often, and since when.

use std::{fmt, time::Duration};

use super::{SubscriptionError, conversion, mask_key, mask_url};
use crate::row::{Field, Kind, Row};

/// The Workstation that stands for every machine since 26.2.
const ALL_WORKSTATIONS: &str = "All Workstations";

/// One subscription. `Debug` and `Display` mask its key and its URL and leave out its note.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// ApiSubscriptionNum, the primary key; the API calls it SubscriptionNum.
    pub num: i64,
    /// Where events are sent.
    pub end_point_url: String,
    /// The machine that is to send them; see [`Subscription::belongs_to`].
    pub workstation: String,
    /// The customer half of the API key, which events carry in their Authorization header.
    pub customer_key: String,
    /// The watch table's name; "" for UI events.
    pub watch_table: String,
    /// As stored; see [`Subscription::polling_interval`].
    pub polling_seconds: i64,
    /// The UI event's name; "" for database events.
    pub ui_event_type: String,
    /// How far the events have come, in the server's local time, exactly as a SELECT shows it.
    pub date_time_start: String,
    /// When the subscription ends, likewise; see [`Subscription::stops_at`].
    pub date_time_stop: String,
    /// Free text of whoever made the subscription.
    pub note: String,
}

impl Subscription {
    /// The table that holds the subscriptions.
    pub const TABLE: &'static str = "apisubscription";

    /// Its primary key.
    pub const KEY_COLUMN: &'static str = "ApiSubscriptionNum";

    /// The columns that are read; releases from 26 on have more.
    pub const COLUMNS: [&'static str; 10] = [
        Self::KEY_COLUMN,
        "EndPointUrl",
        "Workstation",
        "CustomerKey",
        "WatchTable",
        "PollingSeconds",
        "UiEventType",
        "DateTimeStart",
        "DateTimeStop",
        "Note",
    ];

    /// Reads a row of `apisubscription`; columns that we do not know do no harm.
    ///
    /// # Errors
    /// A column is missing, or holds a value that it cannot have.
    pub fn from_row(row: &dyn Row) -> Result<Self, SubscriptionError> {
        Ok(Self {
            num: number(row, Self::KEY_COLUMN)?,
            end_point_url: text(row, "EndPointUrl")?,
            workstation: text(row, "Workstation")?,
            customer_key: text(row, "CustomerKey")?,
            watch_table: text(row, "WatchTable")?,
            polling_seconds: number(row, "PollingSeconds")?,
            ui_event_type: text(row, "UiEventType")?,
            date_time_start: date_time(row, "DateTimeStart")?,
            date_time_stop: date_time(row, "DateTimeStop")?,
            note: text(row, "Note")?,
        })
    }

    /// How many attempts failed in a row, as a row of `apisubscription` tells; 0 where the table has no such column or
    /// it holds no number.
    pub fn failures_in(row: &dyn Row) -> u64 {
        let failures = conversion::key(&row.field("SubsequentFailures")).unwrap_or_default();
        u64::try_from(failures).unwrap_or_default()
    }

    /// A row of which only the key was given: Open Dental's table has these defaults, on a server that is not strict.
    pub fn blank(num: i64) -> Self {
        const NEVER: &str = "0001-01-01 00:00:00";
        Self {
            num,
            end_point_url: String::new(),
            workstation: String::new(),
            customer_key: String::new(),
            watch_table: String::new(),
            polling_seconds: 0,
            ui_event_type: String::new(),
            date_time_start: NEVER.to_owned(),
            date_time_stop: NEVER.to_owned(),
            note: String::new(),
        }
    }

    /// The subscription after a change whose image holds only some columns (rule R6): the others are as they were.
    ///
    /// # Errors
    /// A column holds a value that it cannot have.
    pub fn updated(&self, row: &dyn Row) -> Result<Self, SubscriptionError> {
        Self::from_row(&Updated { row, before: self })
    }

    /// Whether the machine called `workstation` is to send its events: it is named (upper and lower case count as
    /// equal), or none is, or all are (rule W1).
    pub fn belongs_to(&self, workstation: &str) -> bool {
        let wanted = self.workstation.trim();
        wanted.is_empty()
            || wanted.eq_ignore_ascii_case(ALL_WORKSTATIONS)
            || wanted.to_lowercase() == workstation.trim().to_lowercase()
    }

    /// Whether it names this machine, and not all of them.
    pub fn names(&self, workstation: &str) -> bool {
        let wanted = self.workstation.trim();
        !wanted.is_empty() && wanted.to_lowercase() == workstation.trim().to_lowercase()
    }

    /// Whether it is for UI events, which have no windows (rule W1).
    pub fn is_ui(&self) -> bool {
        self.watch_table.trim().is_empty() && !self.ui_event_type.trim().is_empty()
    }

    /// The time from window to window; PollingSeconds below 1 counts as 1 (rule W8).
    pub fn polling_interval(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.polling_seconds).unwrap_or(0).max(1))
    }

    /// When it ends, in the server's local time ("yyyy-MM-dd HH:mm:ss"); `None`: never.
    pub fn stops_at(&self) -> Option<&str> {
        let never = self.date_time_stop.starts_with("0001-01-01") || self.date_time_stop.starts_with("0000-00-00");
        (!never).then_some(self.date_time_stop.as_str())
    }

    /// Whether it has ended at `now` (server's local time, "yyyy-MM-dd HH:mm:ss"): DateTimeStop is set and lies
    /// before it (rule W1).
    pub fn is_expired(&self, now: &str) -> bool {
        // Such texts sort as the times they stand for.
        self.stops_at().is_some_and(|stop| stop < now)
    }
}

impl Subscription {
    fn field(&self, column: &str) -> Field<'_> {
        let text = match column {
            Self::KEY_COLUMN => return Field::Int(self.num),
            "PollingSeconds" => return Field::Int(self.polling_seconds),
            "EndPointUrl" => &self.end_point_url,
            "Workstation" => &self.workstation,
            "CustomerKey" => &self.customer_key,
            "WatchTable" => &self.watch_table,
            "UiEventType" => &self.ui_event_type,
            "DateTimeStart" => &self.date_time_start,
            "DateTimeStop" => &self.date_time_stop,
            "Note" => &self.note,
            _ => return Field::Absent,
        };
        Field::Text(text.into())
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("num", &self.num)
            .field("end_point_url", &mask_url(&self.end_point_url))
            .field("workstation", &self.workstation)
            .field("customer_key", &mask_key(&self.customer_key))
            .field("watch_table", &self.watch_table)
            .field("polling_seconds", &self.polling_seconds)
            .field("ui_event_type", &self.ui_event_type)
            .field("date_time_start", &self.date_time_start)
            .field("date_time_stop", &self.date_time_stop)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_ui() { &self.ui_event_type } else { &self.watch_table };
        write!(f, "subscription {} ({what}) to {}", self.num, mask_url(&self.end_point_url))
    }
}

/// A row image over the row as it was before.
struct Updated<'a> {
    row: &'a dyn Row,
    before: &'a Subscription,
}

impl Row for Updated<'_> {
    fn columns(&self) -> &[Box<str>] {
        self.row.columns()
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        self.row.field_at(index)
    }

    fn kind_at(&self, index: usize) -> Kind {
        self.row.kind_at(index)
    }

    fn field(&self, name: &str) -> Field<'_> {
        match self.row.field(name) {
            Field::Absent => self.before.field(name),
            held => held,
        }
    }
}

fn number(row: &dyn Row, column: &'static str) -> Result<i64, SubscriptionError> {
    conversion::key(&present(row, column)?).map_err(|expected| SubscriptionError::Value { column, expected })
}

fn text(row: &dyn Row, column: &'static str) -> Result<String, SubscriptionError> {
    let field = present(row, column)?;
    let text = conversion::text(&field).map_err(|expected| SubscriptionError::Value { column, expected })?;
    Ok(text.into_owned())
}

/// The text of a DATETIME, which keeps the form that the server gave it: DateTimeStart is compared with it when it
/// is written back (rule W7).
fn date_time(row: &dyn Row, column: &'static str) -> Result<String, SubscriptionError> {
    let text = text(row, column)?;
    if conversion::is_date_time(&text) {
        Ok(text)
    } else {
        Err(SubscriptionError::Value { column, expected: "a date and time" })
    }
}

fn present<'a>(row: &'a dyn Row, column: &'static str) -> Result<Field<'a>, SubscriptionError> {
    match row.field(column) {
        Field::Absent => Err(SubscriptionError::Missing { column }),
        field => Ok(field),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample::{SampleRow, text};
    use super::*;

    fn row() -> SampleRow {
        SampleRow::typed(
            "apisubscription",
            &[
                ("ApiSubscriptionNum", "14"),
                ("EndPointUrl", "https://user:pass@myserver/apievents/?token=hidden"),
                ("Workstation", "MOLLYR"),
                ("CustomerKey", "VzkmZEaUWOjnQX2z"),
                ("WatchTable", "Appointment"),
                ("PollingSeconds", "5"),
                ("DateTimeStart", "2022-01-31 00:00:00"),
                ("Note", "call Jane"),
            ],
        )
    }

    fn subscription(column: &str, value: &str) -> Subscription {
        Subscription::from_row(&row().to_text().with(column, text(value))).unwrap()
    }

    #[test]
    fn a_row_is_read_typed_and_as_text() {
        let read = Subscription::from_row(&row()).unwrap();
        assert_eq!(Subscription::from_row(&row().to_text()).unwrap(), read);
        let expected = Subscription {
            num: 14,
            end_point_url: "https://user:pass@myserver/apievents/?token=hidden".to_owned(),
            workstation: "MOLLYR".to_owned(),
            customer_key: "VzkmZEaUWOjnQX2z".to_owned(),
            watch_table: "Appointment".to_owned(),
            polling_seconds: 5,
            ui_event_type: String::new(),
            date_time_start: "2022-01-31 00:00:00".to_owned(),
            date_time_stop: "0001-01-01 00:00:00".to_owned(),
            note: "call Jane".to_owned(),
        };
        assert_eq!(read, expected);
        let later = row().with("DateTimeLastFailure", text("")).with("SubsequentFailures", Field::Int(0));
        assert_eq!(Subscription::from_row(&later).unwrap(), expected, "what 26 added does no harm");
        assert_eq!([Subscription::failures_in(&row()), Subscription::failures_in(&later)], [0, 0]);
        for (column, failures) in [(Field::Int(3), 3), (text("4"), 4), (Field::Null, 0), (Field::Int(-1), 0)] {
            assert_eq!(Subscription::failures_in(&row().with("SubsequentFailures", column)), failures);
        }
    }

    #[test]
    fn w1_it_belongs_to_the_machine_it_names_or_to_all() {
        for (workstation, belongs) in [
            ("MOLLYR", true),
            ("mollyr", true),
            ("", true),
            ("  ", true),
            ("All Workstations", true),
            ("all workstations", true),
            ("MOLLY", false),
            ("MOLLYR2", false),
            ("All", false),
        ] {
            assert_eq!(subscription("Workstation", workstation).belongs_to("MollyR"), belongs, "{workstation}");
        }
        assert!(subscription("Workstation", "ÉTAGE").belongs_to("étage"));
    }

    #[test]
    fn w1_ui_subscriptions_are_told_apart() {
        let ui = row().with("WatchTable", text("")).with("UiEventType", text("PatientSelected"));
        assert!(Subscription::from_row(&ui).unwrap().is_ui());
        assert!(!subscription("UiEventType", "").is_ui() && !subscription("UiEventType", "PatientSelected").is_ui());
    }

    #[test]
    fn r6_an_update_that_holds_one_column_leaves_the_others() {
        let before = Subscription::from_row(&row()).unwrap();
        let row = row().with("DateTimeStart", text("2022-02-01 00:00:00"));
        let mut image = row.clone();
        for column in Subscription::COLUMNS.into_iter().filter(|column| *column != "DateTimeStart") {
            image = image.with(column, Field::Absent);
        }
        assert_eq!(before.updated(&image).unwrap(), Subscription::from_row(&row).unwrap());
    }

    #[test]
    fn w1_it_expires_after_its_stop() {
        let now = "2024-03-10 12:00:00";
        for never in ["0001-01-01 00:00:00", "0000-00-00 00:00:00"] {
            assert_eq!(subscription("DateTimeStop", never).stops_at(), None);
            assert!(!subscription("DateTimeStop", never).is_expired(now));
        }
        assert!(subscription("DateTimeStop", "2024-03-10 11:59:59").is_expired(now));
        assert!(!subscription("DateTimeStop", "2024-03-10 12:00:00").is_expired(now));
        assert!(!subscription("DateTimeStop", "2024-03-10 12:00:01").is_expired(now));
    }

    #[test]
    fn w8_polling_seconds_below_one_count_as_one() {
        for (stored, seconds) in [("5", 5), ("1", 1), ("0", 1), ("-7", 1), ("2147483647", 2_147_483_647)] {
            assert_eq!(subscription("PollingSeconds", stored).polling_interval(), Duration::from_secs(seconds));
        }
    }

    #[test]
    fn d4_it_shows_neither_key_nor_query_nor_note() {
        let subscription = Subscription::from_row(&row()).unwrap();
        let shown = format!("{subscription:?} {subscription} {subscription:#?}");
        for secret in ["VzkmZEaUWOjnQX2z", "user", "pass", "token", "hidden", "Jane"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("Vz***") && shown.contains("https://myserver/apievents/"), "{shown}");
        assert_eq!(subscription.to_string(), "subscription 14 (Appointment) to https://myserver/apievents/");
    }

    #[test]
    fn d4_a_broken_row_names_the_column_and_never_the_value() {
        for column in ["ApiSubscriptionNum", "PollingSeconds", "DateTimeStart", "DateTimeStop"] {
            let error = Subscription::from_row(&row().with(column, text("secret"))).unwrap_err();
            assert!(error.to_string().starts_with(&format!("apisubscription.{column}: ")), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
        let error = Subscription::from_row(&row().without("UiEventType")).unwrap_err();
        assert_eq!(error, SubscriptionError::Missing { column: "UiEventType" });
    }
}
