//! When a subscription is due, and which stretch of time it is sent: on the server's local clock, with all that a
//! change of clocks does to that.

use chrono::{NaiveDateTime, TimeDelta};

use crate::opendental::Subscription;

/// Changes that are older than this are not looked for.
const LONGEST: TimeDelta = TimeDelta::days(3);

/// When the subscription's next window is due; `None`: its DateTimeStart is no date and time.
pub(super) fn due(subscription: &Subscription) -> Option<NaiveDateTime> {
    let start = parse(&subscription.date_time_start)?;
    let interval = TimeDelta::from_std(subscription.polling_interval()).unwrap_or(TimeDelta::MAX);
    Some(start.checked_add_signed(interval).unwrap_or(NaiveDateTime::MAX))
}

/// Where the window begins that ends at `stop`; `None` as in [`due`].
pub(super) fn from(subscription: &Subscription, stop: NaiveDateTime) -> Option<NaiveDateTime> {
    let start = parse(&subscription.date_time_start)?;
    Some(start.max(stop.checked_sub_signed(LONGEST).unwrap_or(start)))
}

/// As DateTimeStart shows it.
pub(super) fn text(local: NaiveDateTime) -> String {
    local.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn parse(text: &str) -> Option<NaiveDateTime> {
    // A zero date is no date: the subscription is due, and gets all that is looked for.
    let text = if text.starts_with("0000-00-00") { "0001-01-01 00:00:00" } else { text };
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn subscription(start: &str, seconds: i64) -> Subscription {
        Subscription { date_time_start: start.to_owned(), polling_seconds: seconds, ..Subscription::blank(1) }
    }

    #[test]
    fn it_is_due_polling_seconds_after_its_start() {
        let due = |start, seconds, now| due(&subscription(start, seconds)).map(|due| parse(now).unwrap() >= due);
        assert_eq!(due("2026-03-04 10:20:00", 5, "2026-03-04 10:20:04"), Some(false));
        assert_eq!(due("2026-03-04 10:20:00", 5, "2026-03-04 10:20:05"), Some(true));
        assert_eq!(due("2026-03-04 10:20:00", 0, "2026-03-04 10:20:00"), Some(false), "0 counts as 1");
        assert_eq!(due("2026-03-04 10:20:00", i64::MAX, "2026-03-04 10:20:05"), Some(false));
        assert_eq!(due("0000-00-00 00:00:00", 5, "2026-03-04 10:20:05"), Some(true));
        assert_eq!(due("soon", 5, "2026-03-04 10:20:05"), None);
    }

    #[test]
    fn no_more_than_three_days_are_looked_for() {
        let stop = parse("2026-03-04 10:20:05").unwrap();
        let begins = |start| text(from(&subscription(start, 5), stop).unwrap());
        assert_eq!(begins("2026-03-04 10:20:00"), "2026-03-04 10:20:00");
        assert_eq!(begins("2026-03-01 10:20:06"), "2026-03-01 10:20:06");
        assert_eq!(begins("2026-03-01 10:20:04"), "2026-03-01 10:20:05");
        assert_eq!(begins("0001-01-01 00:00:00"), "2026-03-01 10:20:05");
    }
}
