//! All routes, and what holds for each of them.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::{
    ask::NAME,
    limits::bounded,
    metrics::metrics,
    openapi,
    page::{self, Seal},
    services::Services,
    skip, subscriptions, ui_events,
};

/// The router of one bridge; answers that go on end with `stop`.
pub(super) fn router(services: Services, seal: Seal, stop: CancellationToken) -> Router {
    // For monitors, which may call us by whatever name; nothing here is a secret.
    let open = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    // Each room of the API and the page merges its routes here.
    let guarded = page::routes(services.clone(), seal, stop)
        .merge(subscriptions::routes())
        .merge(ui_events::routes())
        .merge(openapi::routes())
        .merge(skip::routes())
        .layer(from_fn_with_state(services.clone(), under_our_name));
    open.merge(guarded)
        .layer(from_fn(bounded))
        // The body was measured there.
        .layer(DefaultBodyLimit::disable())
        .layer(map_response(as_declared))
        .with_state(services)
}

/// Refuses requests to a name that is not ours: see `OwnNames`.
async fn under_our_name(State(services): State<Services>, request: Request, next: Next) -> Response {
    if services.names.has(request.headers()) {
        return next.run(request).await;
    }
    let words = "this server has another name: call it by its address or localhost, or name it in http.hosts\n";
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

/// No browser is to guess that an answer is anything else than it says; and `check` is to know us.
async fn as_declared(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers_mut().insert(header::SERVER, HeaderValue::from_static(NAME));
    answer
}

async fn ready(State(services): State<Services>) -> (StatusCode, String) {
    match services.board.health().ready(Utc::now()) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}
