//! `/api/v1/subscriptions`, as Open Dental's API has it. What a release leaves open, docs/api.md tells.

mod ahead;
pub(super) mod body;
mod page;
mod schema;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{api_keys::Caller, practice::Connected, refusal::Refusal, services::Services};
use crate::{
    opendental::{Subscription, SubscriptionFields, subscription_json},
    row::Row,
    source::TextRow,
    subscription_edits::{self, EditError},
};
use ahead::Skipped;
use page::Page;
use schema::{ChangedSubscription, NewSubscription};

/// Its path; each subscription's is below it.
const PATH: &str = "/api/v1/subscriptions";

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route(PATH, get(list).post(add))
        .route(&format!("{PATH}/{{SubscriptionNum}}"), get(show).put(change).delete(remove))
}

/// All subscriptions of the caller's key, by number.
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions",
    operation_id = "listSubscriptions",
    tag = "Subscriptions",
    security(("ODFHIR" = [])),
    params(
        ("Limit" = Option<i32>, Query, description = "Elements at most, up to 1000", minimum = 1),
        ("Offset" = Option<i32>, Query, description = "Elements to leave out first", minimum = 0),
    ),
    responses(
        (status = 200, description = "The subscriptions", body = Vec<schema::Subscription>),
        (status = 400, description = "What is wrong with Limit or Offset", body = String),
        (status = 401, description = "The key is not good here", body = String),
        (status = 503, description = "The practice's database does not answer; see Retry-After", body = String),
    )
)]
pub(super) async fn list(
    State(services): State<Services>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let page = Page::of(query.as_deref().unwrap_or_default())?;
    let rows = connected(&services)?.database.subscription_rows().await?;
    let mut json = vec![b'['];
    for row in page.take(rows.iter().filter(|row| is_of(row, &caller))) {
        if json.len() > 1 {
            json.push(b',');
        }
        object(row, &mut json)?;
    }
    json.push(b']');
    Ok(answer(StatusCode::OK, json))
}

/// One subscription. Open Dental's API has no such request; but POST answers with its place.
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions/{SubscriptionNum}",
    operation_id = "getSubscription",
    tag = "Subscriptions",
    security(("ODFHIR" = [])),
    params(("SubscriptionNum" = i64, Path, description = "The subscription's number", example = 14)),
    responses(
        (status = 200, description = "The subscription", body = schema::Subscription),
        (status = 401, description = "The key is not good here", body = String),
        (status = 404, description = "The caller has none of that number", body = String),
        (status = 503, description = "The practice's database does not answer; see Retry-After", body = String),
    )
)]
pub(super) async fn show(
    State(services): State<Services>,
    caller: Caller,
    num: Path<String>,
) -> Result<Response, Refusal> {
    let num = number(&num)?;
    let rows = connected(&services)?.database.subscription_rows().await?;
    let mut own = rows.iter().filter(|row| is_of(row, &caller));
    let row = own.find(|row| Subscription::from_row(*row).is_ok_and(|found| found.num == num));
    one(StatusCode::OK, row.ok_or(Refusal::NotFound("Subscription not found."))?)
}

/// Makes a subscription, which takes effect at once.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions",
    operation_id = "createSubscription",
    tag = "Subscriptions",
    security(("ODFHIR" = [])),
    request_body = NewSubscription,
    responses(
        (
            status = 201,
            description = "The subscription as it is stored",
            body = schema::Subscription,
            headers(("Location" = String, description = "Its path"))
        ),
        (status = 400, description = "What is wrong; nothing is stored", body = String),
        (status = 401, description = "The key is not good here", body = String),
        (status = 503, description = "The practice's database does not answer; see Retry-After", body = String),
    )
)]
pub(super) async fn add(
    State(services): State<Services>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fields = body::read(&headers, &body)?.of_new()?;
    let Connected { database, tables } = connected(&services)?;
    let row = subscription_edits::add(&database, &tables, &services.guard, &caller.customer_key, &fields).await?;
    let mut answer = one(StatusCode::CREATED, &row)?;
    if let Some(num) = row.text(Subscription::KEY_COLUMN)
        && let Ok(place) = HeaderValue::from_str(&format!("{PATH}/{num}"))
    {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// Changes a subscription.
#[utoipa::path(
    put,
    path = "/api/v1/subscriptions/{SubscriptionNum}",
    operation_id = "updateSubscription",
    tag = "Subscriptions",
    security(("ODFHIR" = [])),
    params(("SubscriptionNum" = i64, Path, description = "The subscription's number", example = 14)),
    request_body = ChangedSubscription,
    responses(
        (status = 200, description = "The subscription as it is stored", body = schema::Subscription),
        (status = 400, description = "What is wrong; nothing is changed", body = String),
        (status = 401, description = "The key is not good here", body = String),
        (status = 404, description = "The caller has none of that number", body = String),
        (status = 503, description = "The practice's database does not answer; see Retry-After", body = String),
    )
)]
pub(super) async fn change(
    State(services): State<Services>,
    caller: Caller,
    num: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let num = number(&num)?;
    let mut fields = body::read(&headers, &body)?.of_known(num, &caller.customer_key)?;
    let connected = connected(&services)?;
    let to = ahead::target(&services, &connected, &caller, num, &fields).await?;
    let wanted = fields.date_time_start.take_if(|_| to.is_some());
    let change = async |fields| {
        let owner = Some(caller.customer_key.as_str());
        subscription_edits::change(&connected.database, &services.guard, num, owner, fields).await
    };
    let row = change(&fields).await?;
    let Some(to) = to else { return one(StatusCode::OK, &row) };
    match ahead::skip(&services, num, to).await? {
        Some(date_time_start) => one(StatusCode::OK, &Skipped { row, date_time_start }),
        None => {
            let start = SubscriptionFields { date_time_start: wanted, ..SubscriptionFields::default() };
            one(StatusCode::OK, &change(&start).await?)
        }
    }
}

/// Deletes a subscription, for which nothing more is sent then.
#[utoipa::path(
    delete,
    path = "/api/v1/subscriptions/{SubscriptionNum}",
    operation_id = "deleteSubscription",
    tag = "Subscriptions",
    security(("ODFHIR" = [])),
    params(("SubscriptionNum" = i64, Path, description = "The subscription's number", example = 14)),
    responses(
        (status = 200, description = "It is deleted"),
        (status = 401, description = "The key is not good here", body = String),
        (status = 404, description = "The caller has none of that number", body = String),
        (status = 503, description = "The practice's database does not answer; see Retry-After", body = String),
    )
)]
pub(super) async fn remove(
    State(services): State<Services>,
    caller: Caller,
    num: Path<String>,
) -> Result<StatusCode, Refusal> {
    let num = number(&num)?;
    let Connected { database, .. } = connected(&services)?;
    match subscription_edits::remove(&database, num, Some(&caller.customer_key)).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(EditError::NotFound) => Err(Refusal::NotFound("SubscriptionNum not found.")),
        Err(error) => Err(error.into()),
    }
}

fn connected(services: &Services) -> Result<Connected, Refusal> {
    services.practice.get().ok_or(Refusal::NotConnected)
}

/// Whether the row is the caller's. Compared here: to the server's collation, a and A may be equal.
fn is_of(row: &TextRow, caller: &Caller) -> bool {
    row.text("CustomerKey") == Some(&caller.customer_key)
}

fn number(Path(num): &Path<String>) -> Result<i64, Refusal> {
    num.parse().map_err(|_| Refusal::Invalid("SubscriptionNum must be a whole number.".to_owned()))
}

fn one(status: StatusCode, row: &dyn Row) -> Result<Response, Refusal> {
    let mut json = Vec::new();
    object(row, &mut json)?;
    Ok(answer(status, json))
}

/// The row as JSON. One that holds what its columns cannot have has none.
fn object(row: &dyn Row, json: &mut Vec<u8>) -> Result<(), Refusal> {
    subscription_json(row, json).map_err(Refusal::Unreadable)
}

fn answer(status: StatusCode, json: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, json).into_response()
}
