//! The subscriptions: tabs, search, table, pages.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::{
    row,
    selection::{Selection, Show, Shown},
    words,
};
use crate::status::{EngineKind, Status, SubscriptionStatus};

/// The part that is searched for; it is left alone while the page is kept up to date, since somebody may be typing.
pub(super) fn search(selection: &Selection) -> Markup {
    html! {
        form.search role="search" method="get" action="/" {
            @if selection.show != Show::All { input type="hidden" name="show" value=(selection.name()); }
            label for="find" { "Find" }
            input #find type="search" name="find" value=(selection.find) placeholder="number, endpoint or table" autocomplete="off";
            button type="submit" { "Find" }
        }
    }
}

pub(super) fn tabs(selection: &Selection, status: &Status) -> Markup {
    html! {
        nav #tabs.tabs aria-label="Which subscriptions" {
            @for (show, _, name) in Show::EACH {
                a href=(selection.showing(show).address("/")) aria-current=[(show == selection.show).then_some("true")] {
                    (name) " " span.count { (words::number(Selection::count(show, &status.subscriptions) as u64)) }
                }
            }
        }
    }
}

/// The table, or what to do where there is nothing in it.
pub(super) fn table(selection: &Selection, status: &Status, now: DateTime<FixedOffset>, token: &str) -> Markup {
    let shown = selection.of(&status.subscriptions);
    html! {
        div #subscriptions {
            @if shown.rows.is_empty() {
                (nothing(selection, status))
            } @else {
                table.list.subscriptions role="table" aria-label="Subscriptions" {
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "Subscription" }
                        th scope="col" role="columnheader" { "State" }
                        th.number scope="col" role="columnheader" { "Rows waiting" }
                        th scope="col" role="columnheader" { "DateTimeStart" }
                        th scope="col" role="columnheader" { "Last event" }
                        th scope="col" role="columnheader" { span.unseen { "What can be done" } }
                    } }
                    tbody role="rowgroup" { @for subscription in &shown.rows { (one(selection, subscription, status.engine, now, token)) } }
                }
                (pages(selection, &shown))
            }
        }
    }
}

/// A row of the table.
pub(super) fn one(
    selection: &Selection,
    subscription: &SubscriptionStatus,
    engine: EngineKind,
    now: DateTime<FixedOffset>,
    token: &str,
) -> Markup {
    row::show(subscription, engine, now, token, &selection.address("/"))
}

fn pages(selection: &Selection, shown: &Shown<'_>) -> Markup {
    let Shown { found, page, pages, .. } = *shown;
    let link = |name: &str, to: usize| html! { a href=(selection.at(to).address("/")) { (name) } };
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages of subscriptions" {
                @if page > 1 { (link("← Previous", page - 1)) }
                span { "Page " (page) " of " (pages) " · " (words::number(found as u64)) " subscriptions" }
                @if page < pages { (link("Next →", page + 1)) }
            }
        }
    }
}

fn nothing(selection: &Selection, status: &Status) -> Markup {
    html! {
        div.empty {
            @if status.server.is_none() {
                p { "The subscriptions are shown once the server has been reached." }
            } @else if !selection.is_everything() {
                p { "No subscription is like that. " a href="/" { "Show all" } }
            } @else {
                h3 { "No subscription yet" }
                p { "Nothing is sent before somebody subscribes: through Open Dental’s API, with the Workstation "
                    code { (status.workstation) } ", or in the database:" }
                pre tabindex="0" aria-label="SQL that adds a subscription" { code { (example(&status.workstation)) } }
                p { "It takes effect at once." }
            }
        }
    }
}

fn example(workstation: &str) -> String {
    format!(
        "INSERT INTO apisubscription (EndPointUrl, Workstation, CustomerKey, WatchTable,\n    PollingSeconds, UiEventType, \
         DateTimeStart, Note)\nVALUES ('https://example.com/apievents/', '{}', 'your customer key',\n    'Appointment', 5, \
         '', NOW(), '');",
        workstation.replace('\\', "\\\\").replace('\'', "''")
    )
}
