//! `POST /admin/skip`: skips a subscription ahead on purpose (rule W7), as `opendental-cdc subscriptions rewind` asks.

use axum::{
    Extension, Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use super::{admin::Admission, caller::Peer, json_object::says_json, refusal::Refusal, services::Services};
use crate::status::Refused;

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/admin/skip", post(skip))
}

/// What is to be skipped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Order {
    /// Whose bridge is meant.
    server: String,
    database: String,
    subscription_num: i64,
    /// Rows stamped since are sent all the same, in seconds since 1970 UTC.
    to: Option<i64>,
}

async fn skip(
    State(services): State<Services>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    // Programs send none; a web page from elsewhere cannot but send one.
    if headers.contains_key(ORIGIN) || !says_json(&headers) {
        return Err(Refusal::Forbidden("This is for programs: JSON, and no Origin."));
    }
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match services.admin.admit(peer, &headers, token) {
        Admission::Granted => {}
        Admission::TokenNeeded => {
            return Err(Refusal::Forbidden("http.admin_token is needed, as Authorization: Bearer TOKEN."));
        }
        Admission::LocalOnly => {
            return Err(Refusal::Forbidden("Without http.admin_token this is for callers on the bridge's machine."));
        }
    }
    let order: Order =
        serde_json::from_slice(&body).map_err(|_| Refusal::Invalid("The order cannot be read.".to_owned()))?;
    let status = services.board.latest();
    let Some(server) = &status.server else { return Err(Refusal::NotConnected) };
    if (&server.address, &server.database) != (&order.server, &order.database) {
        return Err(Refusal::Conflict("This bridge serves another database."));
    }
    match services.board.skip(order.subscription_num, order.to).await {
        Ok(skipped) => {
            let said = json!({ "Changes": skipped.changes, "DateTimeStart": skipped.date_time_start });
            Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")], said.to_string()).into_response())
        }
        Err(Refused::NotServed) => Err(Refusal::NotFound("This bridge serves no subscription of that number.")),
        Err(Refused::NotAhead) => {
            Err(Refusal::Conflict("The subscription has come further than that; rewind it again to go back there."))
        }
        Err(Refused::NotByThisEngine(_)) => {
            Err(Refusal::NotDoneHere("A bridge that polls has no place but DateTimeStart."))
        }
        Err(Refused::Busy | Refused::NothingToRetry) => {
            Err(Refusal::Later("The bridge is busy, starting or stopping, or waits for its server."))
        }
    }
}
