//! Answers of the API that are no success.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{opendental::RenderError, source::DatabaseError, subscription_edits::EditError};

/// Seconds after which a caller may try again what could not be done now.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not answered as asked. The texts are for the caller's developer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 400: what is wrong with it.
    Invalid(String),
    /// 401. Which part of the key is wrong is not said.
    Unauthorized,
    /// 403: why the caller may not do it.
    Forbidden(&'static str),
    /// 404: what is not there.
    NotFound(&'static str),
    /// 409: why it cannot be done as things stand.
    Conflict(&'static str),
    /// 501: why it is not done here.
    NotDoneHere(&'static str),
    /// 503: why it is not done now.
    Later(&'static str),
    /// 503: the practice's database is not connected yet.
    NotConnected,
    /// 500: a row holds what its columns cannot have.
    Unreadable(RenderError),
    /// The practice's database cannot be asked (503), or something is wrong there (500).
    Database(DatabaseError),
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Refused(_) | EditError::Repeated(_) => Self::Invalid(error.to_string()),
            EditError::NotFound => Self::NotFound("Subscription not found."),
            EditError::Database(error) => Self::Database(error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(words) => said(StatusCode::BAD_REQUEST, &words),
            Self::Unauthorized => {
                let words =
                    "Authorization must be \"ODFHIR {DeveloperKey}/{CustomerKey}\" with keys that are known here.";
                let mut answer = said(StatusCode::UNAUTHORIZED, words);
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("ODFHIR"));
                answer
            }
            Self::Forbidden(words) => said(StatusCode::FORBIDDEN, words),
            Self::NotFound(words) => said(StatusCode::NOT_FOUND, words),
            Self::Conflict(words) => said(StatusCode::CONFLICT, words),
            Self::NotDoneHere(words) => said(StatusCode::NOT_IMPLEMENTED, words),
            Self::Later(words) => later(words),
            Self::NotConnected => later("The practice's database is not connected yet."),
            Self::Unreadable(error) => {
                tracing::warn!(%error, "a row of apisubscription cannot be shown");
                said(StatusCode::INTERNAL_SERVER_ERROR, &format!("A row of apisubscription cannot be shown: {error}."))
            }
            Self::Database(error) => of_database(&error),
        }
    }
}

fn of_database(error: &DatabaseError) -> Response {
    tracing::warn!(%error, "a request to the API could not be answered");
    match error {
        error if error.is_retryable() => later("The practice's database does not answer at the moment."),
        DatabaseError::ReadOnly { .. } => later("The practice's database takes no changes at the moment."),
        DatabaseError::AccessDenied { grant, .. } => {
            let words = format!("This bridge's account at the practice's database lacks a right. It needs: {grant}.");
            said(StatusCode::INTERNAL_SERVER_ERROR, &words)
        }
        _ => said(StatusCode::INTERNAL_SERVER_ERROR, "The practice's database refused; this bridge's log says why."),
    }
}

fn later(words: &str) -> Response {
    let mut answer = said(StatusCode::SERVICE_UNAVAILABLE, words);
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    answer
}

/// A JSON string, since callers of the API read JSON.
fn said(status: StatusCode, words: &str) -> Response {
    (status, axum::Json(words)).into_response()
}
