//! Logging in with `http.admin_token`, and out.

use axum::{
    Extension, Form,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use chrono::Utc;
use maud::html;
use serde::Deserialize;

use super::{Page, access::COOKIE, cross_site, form::Sent, frame, seal::SESSION};
use crate::http::{admin::Admission, caller::Peer};

/// The fields of the form.
#[derive(Deserialize)]
pub(super) struct Fields {
    token: String,
}

pub(super) async fn show() -> Response {
    form(StatusCode::OK, None)
}

pub(super) async fn log_in(
    State(page): State<Page>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    // Else another site could log its reader in.
    if !cross_site::is_same_origin(&headers) {
        return frame::message(StatusCode::FORBIDDEN, "Not logged in", html! { (cross_site::CROSS_SITE) });
    }
    if page.admin().admit(peer, &headers, Some(fields.token.trim())) != Admission::Granted {
        tracing::warn!(peer = %peer.0.ip(), "a wrong token was given on the status page");
        return form(StatusCode::FORBIDDEN, Some("That is not the token that http.admin_token says."));
    }
    let session = page.seal().session(Utc::now());
    set_cookie(&session, SESSION.num_seconds())
}

pub(super) async fn log_out(_: Sent<()>) -> Response {
    set_cookie("", 0)
}

/// No `Secure`: most of these pages are served without TLS, and a browser would then drop the cookie.
fn set_cookie(session: &str, seconds: i64) -> Response {
    let cookie = format!("{COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn form(status: StatusCode, wrong: Option<&str>) -> Response {
    let body = html! {
        form.card.narrow method="post" action="/login" {
            h1 { "Log in" }
            p { "This page shows what the bridge does. It asks for the text that its configuration has as "
                code { "http.admin_token" } "." }
            @if let Some(wrong) = wrong { p.wrong #wrong role="alert" { (wrong) } }
            label for="token" { "Token" }
            input #token name="token" type="password" required autofocus autocomplete="current-password"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "wrong")];
            button.primary type="submit" { "Log in" }
        }
    };
    frame::answer(status, "Log in", &body)
}
