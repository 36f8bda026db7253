//! Who may see the page and press its buttons: whoever `Admin` says, who tells the token once and then has a session.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use chrono::Utc;
use maud::html;

use super::{Page, frame};
use crate::http::{admin::Admission, caller::Peer};

/// The cookie of those who have logged in.
pub(super) const COOKIE: &str = "cdc_session";

const ELSEWHERE: &str = "As long as no http.admin_token is configured, this page is shown on the machine that the \
                         bridge runs on, and nowhere else.";

/// Somebody who may see the page and press its buttons.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// The session's text; blank: no token is configured, and the visitor is at this machine.
    session: String,
}

impl Visitor {
    /// What the forms shown to this visitor are sent with.
    pub(super) fn form_token(&self, page: &Page) -> String {
        page.seal().form_token(&self.session)
    }

    /// Whether a form was sent with that.
    pub(super) fn has_form_token(&self, page: &Page, token: &str) -> bool {
        page.seal().is_form_token(&self.session, token)
    }

    /// Whether there is a session that can be ended.
    pub(super) fn has_logged_in(&self) -> bool {
        !self.session.is_empty()
    }
}

impl FromRequestParts<Page> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, page: &Page) -> Result<Self, Response> {
        let closed = || frame::message(StatusCode::FORBIDDEN, "Not from here", html! { (ELSEWHERE) });
        let Some(peer) = parts.extensions.get::<Peer>() else { return Err(closed()) };
        match page.admin().admit(*peer, &parts.headers, None) {
            Admission::Granted => Ok(Self { session: String::new() }),
            Admission::LocalOnly => Err(closed()),
            Admission::TokenNeeded => {
                let session = cookies(&parts.headers).find(|session| page.seal().is_session(session, Utc::now()));
                let session = session.map(str::to_owned);
                session.map(|session| Self { session }).ok_or_else(|| log_in(parts))
            }
        }
    }
}

/// The values of all cookies of our name: other paths of the host may have set some.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn log_in(parts: &Parts) -> Response {
    let accepted = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if parts.method == Method::GET && accepted.contains("text/html") {
        return Redirect::to("/login").into_response();
    }
    let text = html! { "You are not logged in, or no longer. " a href="/login" { "Log in" } "." };
    frame::message(StatusCode::UNAUTHORIZED, "Please log in", text)
}
