//! A row of `apisubscription` as Open Dental's API shows it (Subscriptions GET).

use super::{
    Binding, Lookups, RenderError,
    field::{JsonField, TableShape, date_time, number, text},
};
use crate::row::Row;

/// Not a watch table: its JSON is made in the same way.
const SHAPE: TableShape = TableShape {
    name: "Subscription",
    deletions: None,
    table: "apisubscription",
    key: "ApiSubscriptionNum",
    stamp: "",
    only: None,
    fields: &[FIELDS],
};

const FIELDS: &[JsonField] = &[
    number("SubscriptionNum").from("ApiSubscriptionNum"),
    text("EndPointUrl"),
    text("Workstation"),
    text("CustomerKey"),
    text("WatchTable"),
    number("PollingSeconds"),
    text("UiEventType"),
    date_time("DateTimeStart"),
    date_time("DateTimeStop"),
    text("Note"),
    // Since 26; earlier tables lack them.
    date_time("DateTimeLastFailure"),
    text("FailureReason"),
    number("SubsequentFailures"),
    date_time("DateTimeNextRetry"),
];

/// Appends the row as the API's JSON object, with its key in full: for its owner only.
///
/// # Errors
/// The row does not hold its number, or a value that its column cannot have. `out` is then as it was.
pub fn subscription_json(row: &dyn Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
    Binding::api(&SHAPE, row.columns()).render(row, &Lookups::new(), out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::sample::{SampleRow, text};
    use super::*;
    use crate::row::Field;

    /// The documented answer to POST, whose key is Open Dental's own published test key.
    const DOCUMENTED: &str = r#"{"SubscriptionNum":14,"EndPointUrl":"https://myserver/apievents/","Workstation":"MOLLYR","CustomerKey":"VzkmZEaUWOjnQX2z","WatchTable":"Appointment","PollingSeconds":5,"UiEventType":"","DateTimeStart":"2022-01-31 00:00:00","DateTimeStop":"0001-01-01 00:00:00","Note":""}"#;

    fn row() -> SampleRow {
        SampleRow::typed(
            "apisubscription",
            &[
                ("ApiSubscriptionNum", "14"),
                ("EndPointUrl", "https://myserver/apievents/"),
                ("Workstation", "MOLLYR"),
                ("CustomerKey", "VzkmZEaUWOjnQX2z"),
                ("WatchTable", "Appointment"),
                ("PollingSeconds", "5"),
                ("DateTimeStart", "2022-01-31 00:00:00"),
            ],
        )
    }

    fn json(row: &SampleRow) -> String {
        let mut out = Vec::new();
        subscription_json(row, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_documented_object_comes_out() {
        assert_eq!(json(&row()), DOCUMENTED);
        assert_eq!(json(&row().to_text()), DOCUMENTED);
    }

    #[test]
    fn what_26_added_follows_where_the_table_has_it() {
        let row = row()
            .with("DateTimeLastFailure", text("2026-10-01 08:00:00"))
            .with("FailureReason", text("answered 404 Not Found"))
            .with("SubsequentFailures", Field::Int(3))
            .with("DateTimeNextRetry", text("0000-00-00 00:00:00"));
        let more = r#","DateTimeLastFailure":"2026-10-01 08:00:00","FailureReason":"answered 404 Not Found","SubsequentFailures":3,"DateTimeNextRetry":"0001-01-01 00:00:00"}"#;
        assert_eq!(json(&row), DOCUMENTED.replace('}', more));
    }
}
