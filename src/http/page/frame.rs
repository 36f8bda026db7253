//! What all pages have in common: head, header, and what the browser is told not to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// Nothing but our own style and script, from here; no other site may show the page in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Seconds after which a page that a browser without JavaScript shows is loaded again.
const RELOAD_SECONDS: u32 = 10;

/// What is between the frame's parts.
pub(super) struct Content<'a> {
    /// Before the program's name in the browser's title.
    pub(super) title: &'a str,
    /// At the right of the header.
    pub(super) aside: Markup,
    pub(super) main: Markup,
    /// From where the page is kept up to date, if it is.
    pub(super) live: Option<&'a str>,
}

/// A page that does not change.
pub(super) fn answer(status: StatusCode, title: &str, main: &Markup) -> Response {
    let content = Content { title, aside: html! {}, main: html! { (main) }, live: None };
    (status, page(&content)).into_response()
}

/// A page that says one thing.
pub(super) fn message(status: StatusCode, title: &str, text: Markup) -> Response {
    let main = html! {
        section.card.narrow { h1 { (title) } p { (text) } p { a href="/" { "To the status page" } } }
    };
    answer(status, title, &main)
}

/// The whole page, with the headers that keep it to itself.
pub(super) fn page(content: &Content<'_>) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (content.title) " – opendental-cdc" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/page.css";
                @if content.live.is_some() {
                    noscript { meta http-equiv="refresh" content=(RELOAD_SECONDS); }
                    script src="/assets/page.js" defer {}
                }
            }
            body {
                a.skip href="#main" { "To the content" }
                header.top {
                    div.inner {
                        a.brand href="/" { img src="/assets/icon.svg" width="24" height="24" alt=""; "opendental-cdc" }
                        (content.aside)
                    }
                }
                main #main data-live=[content.live] { (content.main) }
            }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With "no-referrer" browsers would send forms with the origin "null".
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
