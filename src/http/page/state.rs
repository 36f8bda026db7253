//! Whether the bridge does its work, in words.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::words;
use crate::status::{EngineKind, Health, Reading, Stage, Status};

/// Behind by more than this is worth a colour, in seconds.
const BEHIND_SECONDS: f64 = 15.0;

/// The page's first words.
pub(super) fn show(status: &Status, health: &Health, now: DateTime<FixedOffset>) -> Markup {
    let (tone, title, detail) = words_for(status, health.ready(now.to_utc()), now);
    html! {
        section #state class={ "state " (tone) } aria-labelledby="state-title" {
            span.lamp aria-hidden="true" {}
            div {
                h1 #state-title { (title) }
                p { (detail) }
            }
        }
    }
}

fn words_for(status: &Status, ready: Result<(), String>, now: DateTime<FixedOffset>) -> (&'static str, String, Markup) {
    let last = html! {
        @if let Some(last) = status.reading.last { "Last heard of the server at " (words::moment(last, now)) "." }
    };
    match (&status.stage, ready) {
        (Stage::Stopping, _) => ("warn", "Stopping".to_owned(), html! { "Requests under way are finished." }),
        (Stage::Starting { why }, _) => ("warn", "Starting".to_owned(), html! { "It waits: " (why) "." }),
        (Stage::Running, Err(reason)) => ("bad", "Not working".to_owned(), html! { (sentence(&reason)) " " (last) }),
        (Stage::Running, Ok(())) if status.engine == EngineKind::Polling => {
            ("ok", "Polling".to_owned(), html! { "Changes are searched for by their time stamps. " (last) })
        }
        (Stage::Running, Ok(())) => {
            let (tone, title) = behind(&status.reading);
            (tone, title, html! { (left(&status.reading)) (last) })
        }
    }
}

fn behind(reading: &Reading) -> (&'static str, String) {
    match reading.behind_seconds {
        Some(seconds) if seconds >= 1.0 => {
            let tone = if seconds > BEHIND_SECONDS { "warn" } else { "ok" };
            (tone, format!("Reading, {} behind", words::span(whole(seconds))))
        }
        _ => ("ok", "Reading, up to date".to_owned()),
    }
}

fn left(reading: &Reading) -> Markup {
    html! {
        @if let Some(bytes) = reading.behind_bytes.filter(|bytes| *bytes > 0) {
            (words::bytes(bytes)) " of the server’s log are still to be read. "
        } @else {
            "All of the server’s log has been read. "
        }
    }
}

/// A number of seconds as a span of time.
pub(super) fn whole(seconds: f64) -> chrono::TimeDelta {
    let duration = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    chrono::TimeDelta::from_std(duration).unwrap_or_default()
}

fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    fn title(status: &Status, ready: Result<(), String>) -> (&'static str, String) {
        let (tone, title, _) = words_for(status, ready, status.at.fixed_offset());
        (tone, title)
    }

    #[test]
    fn it_says_whether_the_log_is_read_and_how_far_behind() {
        let mut status = sample::status();
        assert_eq!(title(&status, Ok(())), ("ok", "Reading, up to date".to_owned()));
        status.reading.behind_seconds = Some(7_300.0);
        assert_eq!(title(&status, Ok(())), ("warn", "Reading, 2 hours behind".to_owned()));
        assert_eq!(title(&status, Err("the server is gone".to_owned())), ("bad", "Not working".to_owned()));
        status.stage = Stage::Starting { why: "waiting for the server".to_owned() };
        assert_eq!(title(&status, Err("starting".to_owned())), ("warn", "Starting".to_owned()));
        assert_eq!(sentence("the server is gone."), "The server is gone.");
    }
}
