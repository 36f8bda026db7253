//! `POST /api/v1/uievents`: a program on a workstation tells what a person does there. Open Dental's API has nothing like
//! it, since there its own program is the one that tells.

use axum::{
    Extension, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    caller::{Peer, is_local},
    json_object,
    refusal::Refusal,
    services::Services,
};
use crate::{
    config::UiEventCallers,
    opendental::PatientSelected,
    status::{NotTold, Refused},
};

const PATH: &str = "/api/v1/uievents";

/// The longest name of a workstation: that of its column.
const NAME_LENGTH: usize = 255;

pub(super) fn routes() -> Router<Services> {
    Router::new().route(PATH, post(happened))
}

/// What a program on a workstation tells.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct UiEvent {
    /// "PatientSelected".
    #[schema(example = "PatientSelected")]
    ui_event_type: String,
    /// The patient; 0 where no patient is selected any more.
    #[schema(example = 17)]
    pat_num: i64,
    /// The machine where it happened.
    #[schema(example = "FRONTDESK")]
    workstation: String,
}

/// What came of it.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct UiEventTold {
    /// How many subscriptions are told.
    #[schema(example = 1)]
    events: i32,
}

/// Tells subscriptions to UI events what happened on a workstation. Whether a key is needed, `http.ui_events` says.
#[utoipa::path(
    post,
    path = "/api/v1/uievents",
    operation_id = "tellUiEvent",
    tag = "UI events",
    security((), ("ODFHIR" = [])),
    request_body = UiEvent,
    responses(
        (status = 202, description = "Those who want to know are told", body = UiEventTold),
        (status = 400, description = "What is wrong", body = String),
        (status = 401, description = "The key is not good here", body = String),
        (status = 403, description = "The caller may not tell", body = String),
        (status = 404, description = "There is no such patient", body = String),
        (status = 501, description = "This bridge polls", body = String),
        (status = 503, description = "Not now; see Retry-After", body = String),
    )
)]
pub(super) async fn happened(
    State(services): State<Services>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    match services.ui_events {
        UiEventCallers::Loopback if is_local(peer, &headers) => {}
        UiEventCallers::Loopback => {
            return Err(Refusal::Forbidden("UI events are taken from this machine only: see http.ui_events."));
        }
        UiEventCallers::Keys => {
            services.keys.caller(&headers, Some(peer), &services.practice).await?;
        }
    }
    let selected = selected(json_object::read(&headers, &body)?)?;
    match services.board.patient_selected(selected).await {
        Ok(events) => Ok(accepted(events)),
        Err(NotTold::UnknownPatient) => Err(Refusal::NotFound("Patient not found.")),
        Err(NotTold::NotRead) => Err(Refusal::Later("The patient cannot be read at the moment.")),
        Err(NotTold::Refused(Refused::NotByThisEngine(_))) => {
            Err(Refusal::NotDoneHere("UI events need engine = \"binlog\"; this bridge polls."))
        }
        Err(NotTold::Refused(_)) => Err(Refusal::Later("The bridge is busy, starting or stopping.")),
    }
}

/// They are on their way.
fn accepted(events: usize) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::ACCEPTED, headers, json!({ "Events": events }).to_string()).into_response()
}

/// What a body says, or every field that is not as it must be.
fn selected(fields: Vec<(String, Value)>) -> Result<PatientSelected, Refusal> {
    let (mut event, mut pat_num, mut workstation) = (None, None, None);
    let mut refused = Vec::new();
    for (name, value) in fields {
        match name.as_str() {
            "UiEventType" => event = Some(value),
            "PatNum" => pat_num = Some(value),
            "Workstation" => workstation = Some(value),
            _ => refused.push("There are the fields UiEventType, PatNum and Workstation, and no others."),
        }
    }
    let is_event = |value: &Value| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(PatientSelected::NAME));
    if !event.as_ref().is_some_and(is_event) {
        refused.push("UiEventType must be \"PatientSelected\".");
    }
    let pat_num = pat_num.as_ref().and_then(Value::as_i64);
    if pat_num.is_none() {
        refused.push("PatNum must be a whole number; 0 where no patient is selected.");
    }
    let workstation =
        workstation.as_ref().and_then(Value::as_str).map(str::trim).filter(|name| {
            !name.is_empty() && name.chars().count() <= NAME_LENGTH && !name.chars().any(char::is_control)
        });
    if workstation.is_none() {
        refused.push("Workstation must be the machine's name, of at most 255 characters.");
    }
    match (pat_num, workstation) {
        (Some(pat_num), Some(workstation)) if refused.is_empty() => {
            Ok(PatientSelected { pat_num, workstation: workstation.to_owned() })
        }
        _ => Err(Refusal::Invalid(refused.join(" "))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: Value) -> Result<PatientSelected, String> {
        let Value::Object(fields) = json else { return Err("no object".to_owned()) };
        selected(fields.into_iter().collect()).map_err(|refusal| match refusal {
            Refusal::Invalid(words) => words,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn a_selection_has_a_patient_and_a_workstation() {
        let selected = read(json!({ "UiEventType": "PatientSelected", "PatNum": 5, "Workstation": " FRONT " }));
        assert_eq!(selected, Ok(PatientSelected { pat_num: 5, workstation: "FRONT".to_owned() }));
    }

    #[test]
    fn every_field_that_is_wrong_is_named_and_no_value_is() {
        let long = "x".repeat(256);
        for (json, said) in [
            (
                json!({}),
                "UiEventType must be \"PatientSelected\". PatNum must be a whole number; 0 where no patient is selected. Workstation must be the machine's name, of at most 255 characters.",
            ),
            (
                json!({ "UiEventType": "PatientSelected", "PatNum": 5, "Workstation": long }),
                "Workstation must be the machine's name, of at most 255 characters.",
            ),
            (
                json!({ "UiEventType": "PatientSelected", "PatNum": 5, "Workstation": "a\nb" }),
                "Workstation must be the machine's name, of at most 255 characters.",
            ),
            (
                json!({ "UiEventType": "PatientSelected", "PatNum": "Smith", "Workstation": "W" }),
                "PatNum must be a whole number; 0 where no patient is selected.",
            ),
            (
                json!({ "UiEventType": "PatientSelected", "PatNum": 1.5, "Workstation": "W" }),
                "PatNum must be a whole number; 0 where no patient is selected.",
            ),
            (
                json!({ "UiEventType": "PatientSelected", "PatNum": 5, "Workstation": "W", "LName": "Smith" }),
                "There are the fields UiEventType, PatNum and Workstation, and no others.",
            ),
        ] {
            assert_eq!(read(json), Err(said.to_owned()));
        }
    }
}
