//! Which subscriptions of perhaps a thousand are shown.

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::status::{SubscriptionStatus, WindowState};

/// Rows on one page.
const ROWS: usize = 50;

/// What the address says behind its `?`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Selection {
    pub(super) show: Show,
    /// A part of a URL or a name, or a number.
    pub(super) find: String,
    /// From 1 on; a text, so that a mistake shows the first page instead of an error.
    page: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Show {
    NeedAttention,
    Served,
    NotServed,
    #[default]
    #[serde(other)]
    All,
}

impl Show {
    pub(super) const EACH: [(Self, &'static str, &'static str); 4] = [
        (Self::All, "all", "All"),
        (Self::NeedAttention, "need-attention", "Need attention"),
        (Self::Served, "served", "Served here"),
        (Self::NotServed, "not-served", "Not served here"),
    ];

    fn has(self, subscription: &SubscriptionStatus) -> bool {
        match self {
            Self::All => true,
            Self::NeedAttention => needs_attention(subscription),
            Self::Served => subscription.state.is_served(),
            Self::NotServed => !subscription.state.is_served(),
        }
    }
}

/// Whether somebody should look at it.
pub(super) fn needs_attention(subscription: &SubscriptionStatus) -> bool {
    subscription.trouble.is_some()
        || subscription.other_sender.is_some()
        || subscription.state == WindowState::LeftAlone
}

/// One page of the list.
pub(super) struct Shown<'a> {
    pub(super) rows: Vec<&'a SubscriptionStatus>,
    /// How many there are on all pages.
    pub(super) found: usize,
    /// This page and the last one, from 1 on.
    pub(super) page: usize,
    pub(super) pages: usize,
}

impl Selection {
    /// What of `all` it shows: failing ones first, those of others last.
    pub(super) fn of<'a>(&self, all: &'a [SubscriptionStatus]) -> Shown<'a> {
        let wanted = self.find.trim().to_lowercase();
        let is_found =
            |subscription: &&SubscriptionStatus| self.show.has(subscription) && matches(subscription, &wanted);
        let mut rows: Vec<_> = all.iter().filter(is_found).collect();
        rows.sort_by_key(|subscription| (rank(subscription), subscription.num));
        let (found, pages) = (rows.len(), rows.len().div_ceil(ROWS).max(1));
        let page = self.page.parse().unwrap_or(1).clamp(1, pages);
        let rows = rows.into_iter().skip((page - 1) * ROWS).take(ROWS).collect();
        Shown { rows, found, page, pages }
    }

    /// How many of `all` each tab shows.
    pub(super) fn count(show: Show, all: &[SubscriptionStatus]) -> usize {
        all.iter().filter(|subscription| show.has(subscription)).count()
    }

    /// Whether nothing was chosen.
    pub(super) fn is_everything(&self) -> bool {
        self.show == Show::All && self.find.trim().is_empty()
    }

    /// The same with another tab, from its first page on.
    pub(super) fn showing(&self, show: Show) -> Self {
        Self { show, find: self.find.clone(), page: String::new() }
    }

    /// The same at another page.
    pub(super) fn at(&self, page: usize) -> Self {
        Self { page: page.to_string(), ..self.clone() }
    }

    /// The address of the page with this behind `path`.
    pub(super) fn address(&self, path: &str) -> String {
        let mut query = Serializer::new(String::new());
        if self.show != Show::All {
            query.append_pair("show", self.name());
        }
        for (name, value) in [("find", self.find.trim()), ("page", &self.page)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What the address calls the tab.
    pub(super) fn name(&self) -> &'static str {
        Show::EACH.iter().find(|(show, ..)| *show == self.show).map_or("all", |(_, name, _)| name)
    }
}

fn rank(subscription: &SubscriptionStatus) -> u8 {
    match subscription {
        SubscriptionStatus { trouble: Some(_), .. } => 0,
        SubscriptionStatus { state: WindowState::LeftAlone, .. } => 1,
        SubscriptionStatus { other_sender: Some(_), .. } => 2,
        SubscriptionStatus { state, .. } if state.is_served() => 3,
        _ => 4,
    }
}

fn matches(subscription: &SubscriptionStatus, wanted: &str) -> bool {
    let SubscriptionStatus { endpoint, watch_table, ui_event, workstation, .. } = subscription;
    let texts = [endpoint, watch_table, ui_event, workstation];
    wanted.is_empty()
        || wanted.trim_start_matches('#').parse() == Ok(subscription.num)
        || texts.iter().any(|text| text.to_lowercase().contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};
    use crate::status::SubscriptionStatus;

    fn nums(selection: &Selection, all: &[SubscriptionStatus]) -> Vec<i64> {
        selection.of(all).rows.iter().map(|row| row.num).collect()
    }

    fn find(text: &str) -> Selection {
        Selection { find: text.to_owned(), ..Selection::default() }
    }

    #[test]
    fn failing_ones_come_first_and_others_last() {
        let mut all: Vec<_> = (1..=5).map(sample::subscription).collect();
        all[0].state = WindowState::Expired;
        all[2].state = WindowState::LeftAlone;
        all[4].trouble = Some(sample::trouble());
        assert_eq!(nums(&Selection::default(), &all), [5, 3, 2, 4, 1]);
        let shows = |show| nums(&Selection::default().showing(show), &all);
        assert_eq!(shows(Show::NeedAttention), [5, 3]);
        assert_eq!([shows(Show::Served), shows(Show::NotServed)], [vec![5, 2, 4], vec![3, 1]]);
    }

    #[test]
    fn a_thousand_come_page_by_page() {
        let all: Vec<_> = (1..=1000).map(sample::subscription).collect();
        let second = Selection::default().at(2);
        assert_eq!(nums(&second, &all), (51..=100).collect::<Vec<_>>());
        for (page, shown) in [("", 1), ("x", 1), ("0", 1), ("20", 20), ("21", 20), ("99999999999999999999", 1)] {
            let selection = Selection { page: page.to_owned(), ..Selection::default() };
            assert_eq!((selection.of(&all).page, selection.of(&all).pages), (shown, 20), "{page}");
        }
        assert_eq!(find("1000").of(&all).found, 1);
    }

    #[test]
    fn they_are_found_by_number_endpoint_and_name() {
        let mut all: Vec<_> = (1..=3).map(sample::subscription).collect();
        "https://Example.com/hook".clone_into(&mut all[1].endpoint);
        for text in ["2", "#2", " example.COM "] {
            assert_eq!(nums(&find(text), &all), [2], "{text}");
        }
        assert!(nums(&find("nothing like it"), &all).is_empty());
    }

    #[test]
    fn the_address_says_the_same_again() {
        let selection = Selection { show: Show::NeedAttention, find: "a&b=\"c\" ü".to_owned(), page: "3".to_owned() };
        let address = selection.address("/live");
        assert_eq!(address, "/live?show=need-attention&find=a%26b%3D%22c%22+%C3%BC&page=3");
        let query = axum::http::Uri::try_from(address).ok();
        let read = query.and_then(|uri| axum::extract::Query::<Selection>::try_from_uri(&uri).ok());
        assert_eq!(read.map(|query| query.0), Some(selection));
        assert_eq!(Selection::default().address("/"), "/");
    }
}
