//! What a person should know, before all else.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::words;
use crate::status::{Notice, NoticeKind, Progress, Remedy, Status};

/// An empty place if there is nothing to tell: screen readers say what comes into one that was there.
pub(super) fn show(status: &Status, now: DateTime<FixedOffset>) -> Markup {
    html! {
        div #notices.notices role="status" aria-live="polite" {
            @for notice in &status.notices { (one(notice, now)) }
        }
    }
}

fn one(notice: &Notice, now: DateTime<FixedOffset>) -> Markup {
    let tone = if notice.kind.is_serious() { "warn" } else { "busy" };
    html! {
        article class={ "notice " (tone) } {
            h2 { (title(notice.kind)) }
            p { (notice.text) }
            @if !notice.remedies.is_empty() { (remedies(&notice.remedies)) }
            @if let Some(progress) = notice.progress { div aria-live="off" { (how_far(notice.kind, progress)) } }
            p.quiet { "Since " (words::moment(notice.since, now)) }
        }
    }
}

fn title(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::NotReading => "The server's log is not being read",
        NoticeKind::State => "The state file cannot be written",
        NoticeKind::StateLost => "The state file was lost",
        NoticeKind::LogLost => "The server's log could not be read on",
        NoticeKind::Doubt => "A part of the log is in doubt",
        NoticeKind::Layout => "The columns of a table are being found out",
        NoticeKind::CatchUp => "A catch-up is in progress",
        NoticeKind::SecondPass => "The log is being read a second time",
        NoticeKind::OtherSender => "Another sender is at work",
        NoticeKind::Audit => "Rows were found that never reached the log",
        NoticeKind::SetUpWrong => "Something is set up wrong",
        NoticeKind::SetUpWarning => "Something is not set up as it should be",
    }
}

/// To be copied as they stand.
fn remedies(remedies: &[Remedy]) -> Markup {
    html! {
        p { "What mends it:" }
        ul.remedies {
            @for remedy in remedies {
                li {
                    @match remedy.kind {
                        "do" => (remedy.text),
                        kind => { (kind) " " code { (remedy.text) } },
                    }
                }
            }
        }
    }
}

fn how_far(kind: NoticeKind, progress: Progress) -> Markup {
    let said = |count| match kind {
        NoticeKind::SecondPass => words::bytes(count),
        _ => words::counted(count, "row"),
    };
    let Progress { done, total } = progress;
    html! {
        @match total {
            Some(total) => {
                progress max=(total) value=(done.min(total)) aria-label="Progress" {}
                p.quiet { (said(done)) " of about " (said(total)) }
            }
            None => p.quiet { (said(done)) " so far" },
        }
    }
}
