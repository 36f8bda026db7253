//! Which server, which database, how far, since when.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::{state, words};
use crate::status::{EngineKind, Place, Reading, Status};

pub(super) fn show(status: &Status, now: DateTime<FixedOffset>) -> Markup {
    html! {
        section #facts aria-label="The bridge and its server" {
            dl.facts {
                (fact("Server", &server(status, now)))
                (fact("Database", &database(status)))
                (fact("Workstation", &html! { (status.workstation) }))
                @if status.engine == EngineKind::Binlog {
                    (fact("Log read up to", &place(status.reading.place.as_ref())))
                    (fact("Behind the server", &behind(&status.reading)))
                }
                (fact("Running for", &running(status, now)))
            }
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn server(status: &Status, now: DateTime<FixedOffset>) -> Markup {
    match &status.server {
        Some(server) => {
            html! {
                (server.version) small { (server.address) }
                @if server.utc_offset.is_some() { small { "its clock: UTC" (now.format("%:z")) } }
            }
        }
        None => html! { "not reached yet" },
    }
}

fn database(status: &Status) -> Markup {
    let engine = match status.engine {
        EngineKind::Binlog => "read from the binary log",
        EngineKind::Polling => "searched by time stamps",
    };
    match &status.server {
        Some(server) => html! { (server.database) small { (engine) } },
        None => html! { "not reached yet" },
    }
}

fn place(place: Option<&Place>) -> Markup {
    match place {
        Some(Place { file, offset, gtids }) => html! {
            (file) small { "byte " (words::number(*offset)) }
            @if let Some(gtids) = gtids.as_deref().filter(|gtids| !gtids.is_empty()) { small.gtid title="GTIDs" { (gtids) } }
        },
        None => html! { "nothing yet" },
    }
}

fn behind(reading: &Reading) -> Markup {
    let seconds = match reading.behind_seconds {
        None => "not known".to_owned(),
        Some(seconds) if seconds < 1.0 => "less than a second".to_owned(),
        Some(seconds) => words::span(state::whole(seconds)),
    };
    html! {
        (seconds)
        @if let Some(bytes) = reading.behind_bytes { small { (words::bytes(bytes)) " to be read" } }
    }
}

fn running(status: &Status, now: DateTime<FixedOffset>) -> Markup {
    html! {
        (words::span(now.signed_duration_since(status.started)))
        small { "since " (words::moment(status.started, now)) }
        small { "version " (status.version) }
    }
}
