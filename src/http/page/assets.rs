//! The page's style, script and picture, which are the same for everybody.

use axum::{
    Router,
    http::{HeaderName, header},
    routing::get,
};

use super::Page;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("icon.svg");

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/assets/page.css", get(|| async { (headers("text/css"), STYLE) }))
        .route("/assets/page.js", get(|| async { (headers("text/javascript"), SCRIPT) }))
        .route("/assets/icon.svg", get(|| async { (headers("image/svg+xml"), ICON) }))
}

/// They are small and change with the program: no browser keeps old ones.
fn headers(kind: &'static str) -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")]
}
