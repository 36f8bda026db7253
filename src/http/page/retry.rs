//! The button that has an event tried again now.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::html;
use serde::Deserialize;

use super::{Page, form::Sent, frame};
use crate::status::Refused;

#[derive(Deserialize)]
pub(super) struct Fields {
    /// The page to come back to.
    back: String,
}

pub(super) async fn now(State(page): State<Page>, Path(num): Path<i64>, sent: Sent<Fields>) -> Response {
    match page.board().retry_now(num).await {
        Ok(()) => {
            tracing::info!(subscription = num, "its event is tried again now, as the status page was asked to");
            Redirect::to(own_address(&sent.fields.back)).into_response()
        }
        // Another attempt was made meanwhile.
        Err(Refused::NothingToRetry) => Redirect::to(own_address(&sent.fields.back)).into_response(),
        Err(why) => frame::message(StatusCode::CONFLICT, "Not tried again", html! { (why) "." }),
    }
}

/// The address if it is one of this site, else the status page's.
fn own_address(address: &str) -> &str {
    let is_path = address.starts_with('/') && !address.starts_with("//") && !address.contains(['\\', '\r', '\n']);
    if is_path && address.is_ascii() { address } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_back_to_this_site_only() {
        for own in ["/", "/subscriptions/14", "/?show=need-attention&find=a%20b"] {
            assert_eq!(own_address(own), own);
        }
        for other in
            ["", "//evil.example/", "/\\evil.example", "https://evil.example/", "evil", "/\r\nSet-Cookie: a=b", "/ü"]
        {
            assert_eq!(own_address(other), "/", "{other}");
        }
    }
}
