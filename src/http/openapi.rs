//! `/api/v1/openapi.json`: the API's description, for tools and people. `docs/openapi.json` is the same.

use axum::{Router, http::header, response::IntoResponse, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{services::Services, subscriptions, ui_events};

const PATH: &str = "/api/v1/openapi.json";

pub(super) fn routes() -> Router<Services> {
    Router::new().route(PATH, get(describe))
}

async fn describe() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "opendental-cdc",
        description = "Open Dental's Subscriptions API, as the bridge serves it beside the practice's database, and UI \
                       events. Refusals are JSON strings that say what is wrong.",
        license(name = "MIT", identifier = "MIT")
    ),
    servers((url = "http://127.0.0.1:30224", description = "As http.listen is by default")),
    tags(
        (name = "Subscriptions", description = "The caller's rows of apisubscription"),
        (name = "UI events", description = "What people do on workstations; Open Dental's API has nothing like it"),
    ),
    paths(
        subscriptions::list,
        subscriptions::add,
        subscriptions::show,
        subscriptions::change,
        subscriptions::remove,
        ui_events::happened,
    ),
    modifiers(&Keys)
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let key = ApiKeyValue::with_description(
            "Authorization",
            "ODFHIR {DeveloperKey}/{CustomerKey}. The customer key stands in the practice's table apikey, or in the \
             bridge's http.api_keys.",
        );
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("ODFHIR", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// The description as indented JSON. It always has a JSON form.
fn document() -> String {
    Description::openapi().to_pretty_json().map(|json| json + "\n").unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use serde_json::Value;

    use super::*;
    use crate::http::subscriptions::body;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

    fn described() -> Value {
        serde_json::from_str(&document()).unwrap()
    }

    fn fields(schema: &str) -> BTreeSet<String> {
        let described = described();
        let properties = described["components"]["schemas"][schema]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    #[test]
    fn the_stored_description_is_the_one_that_is_served() {
        if std::env::var_os("CDC_WRITE_OPENAPI").is_some() {
            fs::write(FILE, document()).unwrap();
        }
        let stored = fs::read_to_string(FILE).unwrap();
        assert_eq!(stored, document(), "CDC_WRITE_OPENAPI=1 cargo test --lib openapi writes it anew");
    }

    #[test]
    fn it_is_an_openapi_description_to_others_and_its_references_lead_somewhere() {
        let read = oas3::from_json(document()).unwrap();
        let operations: Vec<_> = read.operations().collect();
        assert!(operations.len() >= 5);
        for (path, method, operation) in operations {
            assert!(operation.operation_id.is_some() && operation.summary.is_some(), "{method} {path}");
            assert!(operation.responses(&read).contains_key("401"), "{method} {path}");
        }
        let described = described();
        let mut references = Vec::new();
        refs(&described, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            assert!(described.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
    }

    fn refs(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| refs(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }

    #[test]
    fn it_has_the_fields_that_requests_may_have() {
        let takes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(fields("NewSubscription"), takes(&body::FIELDS));
        let mut changed = fields("NewSubscription");
        changed.retain(|name| !matches!(name.as_str(), "WatchTable" | "UiEventType"));
        assert_eq!(fields("ChangedSubscription"), changed);
        let mut answered = fields("NewSubscription");
        answered.extend(takes(&body::ANSWERED));
        answered.extend(takes(&[body::NUM, body::KEY]));
        assert_eq!(fields("Subscription"), answered);
    }
}
