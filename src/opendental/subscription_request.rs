//! What somebody wants of a subscription, by the API or the command line, and whether Open Dental's rules allow it.
//!
//! Open Dental documents the fields and not the texts of its refusals; those here say what is allowed. What depends on
//! the practice's table (how long a column is, which characters it takes) is asked of the server.

use chrono::{NaiveDate, NaiveDateTime};
use url::Url;

use super::{PatientSelected, Subscription, WatchTables};

/// "No date" in Open Dental.
const NEVER: &str = "0001-01-01 00:00:00";

/// The form of dates and times in the API.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

/// The largest number that the column takes.
const MOST_SECONDS: i64 = i32::MAX as i64;

/// The fields of a subscription that somebody gives; `None`: not given.
///
/// It has no `Debug`, since a URL's query may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFields {
    /// EndPointUrl.
    pub end_point_url: Option<String>,
    /// Workstation.
    pub workstation: Option<String>,
    /// WatchTable.
    pub watch_table: Option<String>,
    /// PollingSeconds.
    pub polling_seconds: Option<i64>,
    /// UiEventType.
    pub ui_event_type: Option<String>,
    /// DateTimeStart: date and time, or a date alone.
    pub date_time_start: Option<String>,
    /// DateTimeStop, likewise.
    pub date_time_stop: Option<String>,
    /// Note.
    pub note: Option<String>,
}

/// A field that is not as it must be. Its text never holds the value, which may be a secret.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field} {rule}")]
pub struct FieldRefused {
    /// The field's name in the API.
    pub field: &'static str,
    /// What is wrong with it, or what is allowed.
    pub rule: String,
}

impl FieldRefused {
    /// `field` is not as `rule` says.
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}

impl SubscriptionFields {
    /// The subscription that is to be made for `customer_key`, with the defaults of fields that were not given; its
    /// number is 0. `now` is the server's clock, "yyyy-MM-dd HH:mm:ss".
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn create(
        &self,
        customer_key: &str,
        tables: &WatchTables,
        now: &str,
    ) -> Result<Subscription, Vec<FieldRefused>> {
        let mut refused = Vec::new();
        let mut made = Subscription { date_time_start: now.to_owned(), ..Subscription::blank(0) };
        customer_key.clone_into(&mut made.customer_key);
        match &self.end_point_url {
            Some(url) => keep(end_point_url(url), &mut made.end_point_url, &mut refused),
            None => refused.push(FieldRefused::new("EndPointUrl", "is required")),
        }
        match (given(&self.watch_table), given(&self.ui_event_type)) {
            (Some(table), None) => {
                keep(watch_table(table, tables), &mut made.watch_table, &mut refused);
                match self.polling_seconds {
                    Some(seconds) => keep(polling_seconds(seconds), &mut made.polling_seconds, &mut refused),
                    None => refused.push(FieldRefused::new("PollingSeconds", "is required with a WatchTable")),
                }
            }
            (None, Some(event)) => {
                keep(ui_event_type(event), &mut made.ui_event_type, &mut refused);
                if self.polling_seconds.is_some_and(|seconds| seconds != 0) {
                    refused.push(FieldRefused::new("PollingSeconds", "must be 0 or left out with a UiEventType"));
                }
            }
            (Some(_), Some(_)) => {
                let rule = "and UiEventType exclude each other: a subscription is for database events or for UI events";
                refused.push(FieldRefused::new("WatchTable", rule));
            }
            (None, None) => refused.push(FieldRefused::new("WatchTable", "or UiEventType is required")),
        }
        self.take_free(&mut made, &mut refused);
        if refused.is_empty() { Ok(made) } else { Err(refused) }
    }

    /// `present` with the fields that were given; WatchTable and UiEventType stay as they are.
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn change(&self, present: &Subscription) -> Result<Subscription, Vec<FieldRefused>> {
        let mut refused = Vec::new();
        let mut changed = present.clone();
        for (field, given, present) in [
            ("WatchTable", &self.watch_table, &present.watch_table),
            ("UiEventType", &self.ui_event_type, &present.ui_event_type),
        ] {
            if given.as_ref().is_some_and(|given| !given.trim().eq_ignore_ascii_case(present.trim())) {
                refused.push(FieldRefused::new(field, "cannot be changed; make another subscription"));
            }
        }
        if let Some(url) = &self.end_point_url {
            keep(end_point_url(url), &mut changed.end_point_url, &mut refused);
        }
        match self.polling_seconds {
            Some(0) if present.is_ui() => {}
            Some(_) if present.is_ui() => {
                refused.push(FieldRefused::new("PollingSeconds", "must be 0 or left out with a UiEventType"));
            }
            Some(seconds) => keep(polling_seconds(seconds), &mut changed.polling_seconds, &mut refused),
            None => {}
        }
        self.take_free(&mut changed, &mut refused);
        if refused.is_empty() { Ok(changed) } else { Err(refused) }
    }

    /// Takes the fields that are as free in a new subscription as in one that is there.
    fn take_free(&self, subscription: &mut Subscription, refused: &mut Vec<FieldRefused>) {
        if let Some(name) = &self.workstation {
            keep(one_line("Workstation", name), &mut subscription.workstation, refused);
        }
        if let Some(start) = &self.date_time_start {
            keep(date_time("DateTimeStart", start), &mut subscription.date_time_start, refused);
        }
        if let Some(stop) = given(&self.date_time_stop) {
            keep(date_time("DateTimeStop", stop), &mut subscription.date_time_stop, refused);
        }
        if let Some(note) = &self.note {
            subscription.note.clone_from(note);
        }
    }
}

impl Subscription {
    /// Whether it would send what `other`, an unexpired one, sends already: Open Dental refuses such a second one.
    /// PollingSeconds and Note do not count; `now` is the server's clock, "yyyy-MM-dd HH:mm:ss".
    pub fn repeats(&self, other: &Self, now: &str) -> bool {
        let same = |own: &str, others: &str| own.trim().eq_ignore_ascii_case(others.trim());
        // It counts as unexpired for all of its last day.
        let today = now.get(..10).unwrap_or(now);
        other.stops_at().is_none_or(|stop| stop >= today)
            && self.customer_key == other.customer_key
            && self.end_point_url == other.end_point_url
            && same(&self.workstation, &other.workstation)
            && same(&self.watch_table, &other.watch_table)
            && same(&self.ui_event_type, &other.ui_event_type)
    }
}

/// A name that says something: the API lists '' where there is none.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn keep<T>(result: Result<T, FieldRefused>, place: &mut T, refused: &mut Vec<FieldRefused>) {
    match result {
        Ok(value) => *place = value,
        Err(problem) => refused.push(problem),
    }
}

fn end_point_url(text: &str) -> Result<String, FieldRefused> {
    let field = "EndPointUrl";
    // A URL's parser would leave them out or encode them without a word.
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(FieldRefused::new(field, "must not hold spaces, line breaks or control characters"));
    }
    let looks = "must look like http://host/path or https://host/path";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        Ok(_) => Err(FieldRefused::new(field, looks)),
        Err(error) => Err(FieldRefused::new(field, format!("{looks}: {error}"))),
    }
}

fn watch_table(name: &str, tables: &WatchTables) -> Result<String, FieldRefused> {
    if let Some((_, table)) = tables.find(name) {
        return Ok(table.name().to_owned());
    }
    let names: Vec<&str> = tables.iter().map(|(_, table)| table.name()).collect();
    Err(FieldRefused::new("WatchTable", format!("must be one of {}", names.join(", "))))
}

fn ui_event_type(name: &str) -> Result<String, FieldRefused> {
    if name.eq_ignore_ascii_case(PatientSelected::NAME) {
        return Ok(PatientSelected::NAME.to_owned());
    }
    Err(FieldRefused::new("UiEventType", format!("must be {}", PatientSelected::NAME)))
}

fn polling_seconds(seconds: i64) -> Result<i64, FieldRefused> {
    if (1..=MOST_SECONDS).contains(&seconds) {
        return Ok(seconds);
    }
    Err(FieldRefused::new(
        "PollingSeconds",
        format!("must be a whole number from 1 to {MOST_SECONDS} with a WatchTable"),
    ))
}

fn one_line(field: &'static str, text: &str) -> Result<String, FieldRefused> {
    if text.chars().any(char::is_control) {
        return Err(FieldRefused::new(field, "must not hold line breaks or control characters"));
    }
    Ok(text.trim().to_owned())
}

/// `yyyy-MM-dd HH:mm:ss`, or `yyyy-MM-dd` for midnight.
fn date_time(field: &'static str, text: &str) -> Result<String, FieldRefused> {
    let has_form = |form: &str| {
        let fits = |(own, wanted): (u8, u8)| if wanted == b'0' { own.is_ascii_digit() } else { own == wanted };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let read = if has_form("0000-00-00 00:00:00") {
        NaiveDateTime::parse_from_str(text, SECONDS).ok()
    } else if has_form("0000-00-00") {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0))
    } else {
        None
    };
    let never = NaiveDateTime::parse_from_str(NEVER, SECONDS).unwrap_or_default();
    // The server's clock knows no leap second.
    match read.filter(|read| *read >= never && read.and_utc().timestamp_subsec_nanos() < 1_000_000_000) {
        Some(read) => Ok(read.format(SECONDS).to_string()),
        None => Err(FieldRefused::new(
            field,
            "must be a real date as yyyy-MM-dd, or a date and time as yyyy-MM-dd HH:mm:ss",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-11-25 12:34:56";

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// The documented request.
    fn appointment() -> SubscriptionFields {
        SubscriptionFields {
            end_point_url: some("https://myserver/apievents/"),
            workstation: some("MOLLYR"),
            watch_table: some("Appointment"),
            polling_seconds: Some(5),
            date_time_start: some("2022-01-31"),
            ..SubscriptionFields::default()
        }
    }

    fn create(fields: &SubscriptionFields) -> Result<Subscription, String> {
        let made = fields.create("VzkmZEaUWOjnQX2z", &WatchTables::api(), NOW);
        made.map_err(|refused| refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn the_documented_requests_make_the_documented_subscriptions() {
        let made = create(&appointment()).unwrap();
        let expected = Subscription {
            end_point_url: "https://myserver/apievents/".to_owned(),
            workstation: "MOLLYR".to_owned(),
            customer_key: "VzkmZEaUWOjnQX2z".to_owned(),
            watch_table: "Appointment".to_owned(),
            polling_seconds: 5,
            date_time_start: "2022-01-31 00:00:00".to_owned(),
            ..Subscription::blank(0)
        };
        assert!(made == expected);
        let ui = SubscriptionFields {
            end_point_url: some("http://localhost:2097/"),
            ui_event_type: some("patientselected"),
            ..SubscriptionFields::default()
        };
        let made = create(&ui).unwrap();
        assert_eq!((made.ui_event_type.as_str(), made.polling_seconds), ("PatientSelected", 0));
        assert_eq!((made.watch_table.as_str(), made.date_time_start.as_str()), ("", NOW));
    }

    #[test]
    fn every_field_that_is_wrong_is_named_with_what_is_allowed() {
        let fields = || SubscriptionFields { date_time_start: None, ..appointment() };
        let cases = [
            (SubscriptionFields { end_point_url: None, ..fields() }, "EndPointUrl is required"),
            (SubscriptionFields { end_point_url: some("ftp://host/"), ..fields() }, "EndPointUrl must look like http"),
            (SubscriptionFields { end_point_url: some("myserver/x"), ..fields() }, "EndPointUrl must look like http"),
            (
                SubscriptionFields { end_point_url: some("http://host/\n"), ..fields() },
                "EndPointUrl must not hold spaces",
            ),
            (SubscriptionFields { watch_table: None, ..fields() }, "WatchTable or UiEventType is required"),
            (SubscriptionFields { watch_table: some(" "), ..fields() }, "WatchTable or UiEventType is required"),
            (
                SubscriptionFields { watch_table: some("Appointments"), ..fields() },
                "WatchTable must be one of Appointment,",
            ),
            (SubscriptionFields { ui_event_type: some("PatientSelected"), ..fields() }, "exclude each other"),
            (SubscriptionFields { polling_seconds: None, ..fields() }, "PollingSeconds is required"),
            (
                SubscriptionFields { polling_seconds: Some(0), ..fields() },
                "PollingSeconds must be a whole number from 1",
            ),
            (SubscriptionFields { polling_seconds: Some(2_147_483_648), ..fields() }, "to 2147483647"),
            (SubscriptionFields { workstation: some("A\tB"), ..fields() }, "Workstation must not hold"),
            (SubscriptionFields { date_time_stop: some("2026-02-30"), ..fields() }, "DateTimeStop must be a real date"),
            (
                SubscriptionFields { watch_table: None, ui_event_type: some("Selected"), ..fields() },
                "UiEventType must be PatientSelected; PollingSeconds must be 0",
            ),
        ];
        for (fields, said) in cases {
            let refused = create(&fields).err().unwrap();
            assert!(refused.contains(said), "{refused}");
        }
        let all = SubscriptionFields { date_time_start: some("x"), note: some("y"), ..SubscriptionFields::default() };
        assert_eq!(all.create("k", &WatchTables::api(), NOW).err().unwrap().len(), 3, "at once");
    }

    #[test]
    fn dates_are_real_and_in_the_documented_form() {
        for (given, stored) in [
            ("2022-01-31", Some("2022-01-31 00:00:00")),
            ("2024-02-29 23:59:59", Some("2024-02-29 23:59:59")),
            ("0001-01-01", Some(NEVER)),
            ("9999-12-31 23:59:59", Some("9999-12-31 23:59:59")),
            ("2023-02-29", None),
            ("0000-00-00", None),
            ("0000-12-31", None),
            ("2024-01-01T00:00:00", None),
            ("2024-01-01 24:00:00", None),
            ("2024-01-01 23:59:60", None),
            ("2024-1-1", None),
            ("+024-01-01", None),
            (" 2024-01-01", None),
            ("2024-01-01 00:00", None),
            ("", None),
        ] {
            assert_eq!(date_time("DateTimeStart", given).ok().as_deref(), stored, "{given}");
        }
    }

    #[test]
    fn a_change_keeps_what_is_not_given_and_never_what_is_watched() {
        let present = create(&appointment()).unwrap();
        let change = |fields: SubscriptionFields| fields.change(&present);
        assert!(change(SubscriptionFields::default()) == Ok(present.clone()));
        let fields = SubscriptionFields { workstation: some(""), polling_seconds: Some(9), ..Default::default() };
        let changed = change(fields).unwrap();
        assert!(changed == Subscription { workstation: String::new(), polling_seconds: 9, ..present.clone() });
        assert!(change(SubscriptionFields { watch_table: some("appointment"), ..Default::default() }).is_ok());
        let refused = change(SubscriptionFields {
            watch_table: some("Patient"),
            ui_event_type: some("PatientSelected"),
            polling_seconds: Some(0),
            ..Default::default()
        });
        let fields: Vec<&str> = refused.err().unwrap().iter().map(|refused| refused.field).collect();
        assert_eq!(fields, ["WatchTable", "UiEventType", "PollingSeconds"]);
        let ui = Subscription { watch_table: String::new(), ui_event_type: "PatientSelected".to_owned(), ..present };
        assert!(SubscriptionFields { polling_seconds: Some(0), ..Default::default() }.change(&ui).is_ok());
        assert!(SubscriptionFields { polling_seconds: Some(1), ..Default::default() }.change(&ui).is_err());
    }

    #[test]
    fn a_second_subscription_for_the_same_is_known_by_open_dentals_rule() {
        let one = create(&appointment()).unwrap();
        let repeats = |other: Subscription| one.repeats(&other, NOW);
        let stopping = |stop: &str| Subscription { date_time_stop: stop.to_owned(), ..one.clone() };
        assert!(repeats(one.clone()));
        assert!(repeats(Subscription { polling_seconds: 60, note: "n".to_owned(), ..one.clone() }));
        assert!(repeats(Subscription { workstation: "mollyr".to_owned(), ..one.clone() }));
        assert!(repeats(stopping("2026-11-25 00:00:00")), "on its last day");
        assert!(!repeats(stopping("2026-11-24 23:59:59")));
        assert!(!repeats(Subscription { customer_key: "other".to_owned(), ..one.clone() }));
        assert!(!repeats(Subscription { end_point_url: "https://myserver/".to_owned(), ..one.clone() }));
        assert!(!repeats(Subscription { watch_table: "Patient".to_owned(), ..one.clone() }));
    }

    proptest! {
        #[test]
        fn d4_no_refusal_holds_what_was_given(
            url in "[a-z]{3}secret[ -~]{0,40}", table in "secret[a-z]{0,20}", date in "secret[0-9 :-]{0,20}",
        ) {
            let fields = SubscriptionFields {
                end_point_url: Some(url), watch_table: Some(table), date_time_start: Some(date), ..appointment()
            };
            if let Err(refused) = create(&fields) {
                prop_assert!(!refused.contains("secret"), "{}", refused);
            }
        }

        #[test]
        fn whatever_is_given_what_is_made_is_as_it_must_be(
            url in ".{0,60}", workstation in ".{0,20}", seconds: Option<i64>, start in "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:]{8})?",
            table in proptest::option::of("Appointment|Patient|patient| |x"), event in proptest::option::of("PatientSelected| |x"),
            good_url: bool,
        ) {
            let fields = SubscriptionFields {
                end_point_url: Some(if good_url { "http://host/?a=b".to_owned() } else { url }),
                workstation: Some(workstation), watch_table: table, polling_seconds: seconds, ui_event_type: event,
                date_time_start: Some(start), ..SubscriptionFields::default()
            };
            if let Ok(made) = create(&fields) {
                prop_assert!(made.is_ui() != WatchTables::api().find(&made.watch_table).is_some());
                prop_assert_eq!(made.is_ui(), made.polling_seconds == 0);
                prop_assert!(made.polling_seconds >= 0 && made.polling_seconds <= i64::from(i32::MAX));
                prop_assert!(NaiveDateTime::parse_from_str(&made.date_time_start, SECONDS).is_ok());
                prop_assert!(Url::parse(&made.end_point_url).is_ok_and(|url| url.scheme().starts_with("http")));
            }
        }
    }
}
