//! The JSON of a request that makes or changes a subscription.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::{
    http::{json_object, refusal::Refusal},
    opendental::SubscriptionFields,
};

/// The fields that may be given.
pub(in crate::http) const FIELDS: [&str; 8] = [
    "EndPointUrl",
    "Workstation",
    "WatchTable",
    "PollingSeconds",
    "UiEventType",
    "DateTimeStart",
    "DateTimeStop",
    "Note",
];

/// The fields that only answers have. A caller may send back what it got.
pub(in crate::http) const ANSWERED: [&str; 4] =
    ["DateTimeLastFailure", "FailureReason", "SubsequentFailures", "DateTimeNextRetry"];

pub(in crate::http) const NUM: &str = "SubscriptionNum";
pub(in crate::http) const KEY: &str = "CustomerKey";

/// What a request's body says.
pub(super) struct Given {
    fields: SubscriptionFields,
    num: Option<Value>,
    customer_key: Option<Value>,
    answered: bool,
}

/// Reads a body of the API's fields. `null` is as good as not given.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Given, Refusal> {
    let mut given = Given { fields: SubscriptionFields::default(), num: None, customer_key: None, answered: false };
    let mut refused = Vec::new();
    for (name, value) in json_object::read(headers, body)?.into_iter().filter(|(_, value)| !value.is_null()) {
        if let Err(problem) = given.take(&name, value) {
            refused.push(problem);
        }
    }
    if refused.is_empty() { Ok(given) } else { Err(Refusal::Invalid(refused.join(" "))) }
}

impl Given {
    /// The fields of a subscription that is to be made.
    pub(super) fn of_new(self) -> Result<SubscriptionFields, Refusal> {
        if self.num.is_some() || self.answered {
            return invalid(format!("{NUM} and what tells of failures are given by the server."));
        }
        if self.customer_key.is_some() {
            return invalid(format!("{KEY} is taken from the Authorization header."));
        }
        Ok(self.fields)
    }

    /// The fields of a subscription that is there, under this number and key.
    pub(super) fn of_known(self, num: i64, customer_key: &str) -> Result<SubscriptionFields, Refusal> {
        if self.num.is_some_and(|given| given.as_i64() != Some(num)) {
            return invalid(format!("{NUM} is not the one of the path."));
        }
        if self.customer_key.is_some_and(|given| given.as_str() != Some(customer_key)) {
            return invalid(format!("{KEY} cannot be changed."));
        }
        Ok(self.fields)
    }

    /// Takes one field; what is wrong with it, in words.
    fn take(&mut self, name: &str, value: Value) -> Result<(), String> {
        let fields = &mut self.fields;
        let place = match name {
            "EndPointUrl" => &mut fields.end_point_url,
            "Workstation" => &mut fields.workstation,
            "WatchTable" => &mut fields.watch_table,
            "UiEventType" => &mut fields.ui_event_type,
            "DateTimeStart" => &mut fields.date_time_start,
            "DateTimeStop" => &mut fields.date_time_stop,
            "Note" => &mut fields.note,
            "PollingSeconds" => {
                fields.polling_seconds = Some(value.as_i64().ok_or("PollingSeconds must be a whole number.")?);
                return Ok(());
            }
            NUM => {
                self.num = Some(value);
                return Ok(());
            }
            KEY => {
                self.customer_key = Some(value);
                return Ok(());
            }
            name if ANSWERED.contains(&name) => {
                self.answered = true;
                return Ok(());
            }
            name => return Err(unknown(name)),
        };
        match value {
            Value::String(text) => {
                *place = Some(text);
                Ok(())
            }
            _ => Err(format!("{name} must be a text in quotes.")),
        }
    }
}

fn invalid<T>(words: String) -> Result<T, Refusal> {
    Err(Refusal::Invalid(words))
}

fn unknown(name: &str) -> String {
    let likeness = |field: &&&str| strsim::normalized_damerau_levenshtein(name, field);
    let nearest = FIELDS.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    let shown: String = name.chars().take(40).filter(|letter| !letter.is_control()).collect();
    match nearest.filter(|field| likeness(field) > 0.5) {
        Some(field) => format!("{shown} is not a field of a subscription; the nearest is {field}."),
        None => format!("{shown} is not a field of a subscription; they are {}.", FIELDS.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;

    use super::*;

    fn read_json(body: &Value) -> Result<Given, String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())]);
        read(&headers, body.to_string().as_bytes()).map_err(|refusal| match refusal {
            Refusal::Invalid(words) => words,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn what_an_answer_has_may_be_sent_back_but_not_changed() {
        let all = json!({"SubscriptionNum": 14, "CustomerKey": "key", "FailureReason": "x", "Note": null});
        let given = || read_json(&all).unwrap();
        assert!(given().of_known(14, "key").is_ok_and(|fields| fields == SubscriptionFields::default()));
        assert!(
            given().of_known(15, "key").is_err() && given().of_known(14, "Key").is_err() && given().of_new().is_err()
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            Just(json!(["x"])),
            Just(json!({"x": 1})),
        ]
    }

    proptest! {
        #[test]
        fn every_field_is_taken_as_it_is_or_named(
            body in btree_map(prop_oneof![proptest::sample::select(&FIELDS[..]).prop_map(str::to_owned), "[A-Za-z]{1,12}"], value(), 0..6),
        ) {
            let fits = |name: &str, value: &Value| match name {
                _ if value.is_null() => true,
                "PollingSeconds" => value.is_i64(),
                NUM | KEY => true,
                name if ANSWERED.contains(&name) => true,
                name => FIELDS.contains(&name) && value.is_string(),
            };
            let wrong: Vec<&String> = body.iter().filter(|(name, value)| !fits(name, value)).map(|(name, _)| name).collect();
            match read_json(&json!(body)) {
                Ok(given) => {
                    prop_assert!(wrong.is_empty());
                    let taken = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
                    prop_assert_eq!(given.fields.note, taken("Note"));
                    prop_assert_eq!(given.fields.end_point_url, taken("EndPointUrl"));
                    prop_assert_eq!(given.fields.date_time_stop, taken("DateTimeStop"));
                    prop_assert_eq!(given.fields.polling_seconds, body.get("PollingSeconds").and_then(Value::as_i64));
                }
                Err(words) => {
                    prop_assert!(!wrong.is_empty(), "{}", words);
                    for name in wrong {
                        prop_assert!(words.contains(name.as_str()), "{}: {}", name, words);
                    }
                }
            }
        }
    }
}
