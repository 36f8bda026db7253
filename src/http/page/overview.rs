//! The status page's parts, each of which can take its former self's place.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use super::{
    attempts, facts, list, notices,
    selection::{Selection, Shown},
    state,
};
use crate::status::{Health, Status};

/// What is shown to one visitor.
pub(super) struct Overview<'a> {
    pub(super) status: &'a Status,
    pub(super) health: &'a Health,
    pub(super) now: DateTime<FixedOffset>,
    pub(super) selection: &'a Selection,
    /// The token of the forms that are shown to this visitor.
    pub(super) token: &'a str,
}

/// The rows of the table.
pub(super) struct Rows {
    /// How many there are on all pages.
    pub(super) found: usize,
    /// Those of this page, by SubscriptionNum.
    pub(super) rows: Vec<(i64, Markup)>,
}

impl Overview<'_> {
    /// All of it.
    pub(super) fn main(&self, said: Option<&str>) -> Markup {
        let Self { status, selection, now, .. } = self;
        html! {
            @if let Some(said) = said { p.said role="status" { (said) } }
            (self.state())
            (notices::show(status, *now))
            (facts::show(status, *now))
            section.card aria-labelledby="subscriptions-title" {
                div.head {
                    h2 #subscriptions-title { "Subscriptions" }
                    (list::search(selection))
                }
                (list::tabs(selection, status))
                (self.table())
            }
            section.card aria-labelledby="attempts-title" {
                h2 #attempts-title { "Last deliveries" }
                (attempts::last(status, *now))
            }
        }
    }

    /// The parts outside of the table, by their ids.
    pub(super) fn parts(&self) -> [(&'static str, Markup); 5] {
        let Self { status, selection, now, .. } = self;
        [
            ("state", self.state()),
            ("notices", notices::show(status, *now)),
            ("facts", facts::show(status, *now)),
            ("tabs", list::tabs(selection, status)),
            ("attempts", attempts::last(status, *now)),
        ]
    }

    pub(super) fn table(&self) -> Markup {
        list::table(self.selection, self.status, self.now, self.token)
    }

    /// The table's rows one by one.
    pub(super) fn rows(&self) -> Rows {
        let Shown { rows, found, .. } = self.selection.of(&self.status.subscriptions);
        let row = |subscription| list::one(self.selection, subscription, self.status.engine, self.now, self.token);
        Rows { found, rows: rows.into_iter().map(|subscription| (subscription.num, row(subscription))).collect() }
    }

    fn state(&self) -> Markup {
        state::show(self.status, self.health, self.now)
    }
}
