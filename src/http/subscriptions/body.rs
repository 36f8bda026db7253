//! The JSON of a request that makes or changes a subscription.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::{
    http::{json_object, refusal::Refusal},
    opendental::SubscriptionFields,
};

/// The fields that may be given.
const FIELDS: [&str; 8] = [
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
const ANSWERED: [&str; 4] = ["DateTimeLastFailure", "FailureReason", "SubsequentFailures", "DateTimeNextRetry"];

const NUM: &str = "SubscriptionNum";
const KEY: &str = "CustomerKey";

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
