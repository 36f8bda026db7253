//! The status page at `/`: what the bridge does, for people.
//!
//! Made here as HTML, from what is on the board at that moment; each of its parts can take its former self's place, by
//! which the page is kept up to date ([`live`]). Without JavaScript the browser loads it anew now and then.

mod access;
mod assets;
mod attempts;
mod cross_site;
mod facts;
mod form;
mod frame;
mod list;
mod live;
mod login;
mod notices;
mod one;
mod overview;
mod retry;
mod rewind;
mod row;
#[cfg(test)]
mod sample;
mod seal;
mod selection;
mod state;
mod words;

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::{get, post},
};
use chrono::Utc;
use maud::html;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub(super) use self::seal::Seal;
use self::{access::Visitor, frame::Content, overview::Overview, selection::Selection};
use super::{admin::Admin, services::Services};
use crate::{source::Database, status::Board};

/// Browsers that follow the page at once.
const VIEWERS: usize = 64;

/// What the page is made from; clones share it.
#[derive(Clone)]
struct Page {
    services: Services,
    seal: Seal,
    viewers: Arc<Semaphore>,
    stop: CancellationToken,
}

/// The page's routes. Connections over which it is followed end with `stop`.
pub(super) fn routes(services: Services, seal: Seal, stop: CancellationToken) -> Router<Services> {
    let page = Page { services, seal, viewers: Arc::new(Semaphore::new(VIEWERS)), stop };
    Router::new()
        .route("/", get(show))
        .route("/live", get(live::follow))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/subscriptions/{num}", get(one::show))
        .route("/subscriptions/{num}/retry", post(retry::now))
        .route("/subscriptions/{num}/rewind", get(rewind::ask).post(rewind::rewind))
        .merge(assets::routes())
        .with_state(page)
}

impl Page {
    fn board(&self) -> &Board {
        &self.services.board
    }

    fn admin(&self) -> &Admin {
        &self.services.admin
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The practice's database, once the bridge has connected to it.
    fn database(&self) -> Option<Database> {
        self.services.practice.get().map(|connected| connected.database)
    }

    /// The state file with the log of deliveries, if there is one.
    fn delivery_log(&self) -> Option<&Path> {
        self.services.delivery_log.as_deref()
    }

    /// Room for one more who follows the page.
    fn viewer(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.viewers).try_acquire_owned().ok()
    }

    async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// What was done before the page is shown.
#[derive(Deserialize)]
struct After {
    #[serde(default)]
    done: String,
}

async fn show(
    State(page): State<Page>,
    visitor: Visitor,
    Query(selection): Query<Selection>,
    Query(after): Query<After>,
) -> Response {
    let status = page.board().status().await;
    let token = visitor.form_token(&page);
    let overview = Overview {
        status: &status,
        health: page.board().health(),
        now: words::by_practice(Utc::now(), &status),
        selection: &selection,
        token: &token,
    };
    let aside = html! {
        div.aside {
            span #liveness.liveness role="status" {}
            @if visitor.has_logged_in() {
                form method="post" action="/logout" {
                    (form::token_field(&token))
                    button.plain type="submit" { "Log out" }
                }
            }
        }
    };
    let said = (after.done == "rewind").then_some(rewind::DONE);
    let title = "Status";
    frame::page(&Content { title, aside, main: overview.main(said), live: Some(&selection.address("/live")) })
}
