//! What of the engine's state a person should know.

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::Engine;
use crate::status::{Notice, NoticeKind, Progress};

/// What has happened is told for so long.
const TOLD_FOR: TimeDelta = TimeDelta::hours(24);

/// As many things that have happened are told.
const MOST: usize = 20;

/// What has happened and is told for a while, the newest last.
pub(super) struct Happened(Vec<Notice>);

impl Happened {
    /// Goes on with those of an engine before.
    pub(super) fn of(before: &[Notice]) -> Self {
        Self(before.iter().filter(|notice| has_happened(notice.kind)).cloned().collect())
    }

    /// Tells `text`, once for all times that it happens.
    pub(super) fn add(&mut self, kind: NoticeKind, text: String, now: DateTime<Utc>) {
        self.0.retain(|known| (known.kind, &known.text) != (kind, &text));
        self.0.push(Notice::new(kind, now, text));
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    fn told_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = Notice> {
        self.0.iter().rev().filter(move |notice| now - notice.since < TOLD_FOR).cloned()
    }
}

/// Whether it happens at a moment, and does not last.
fn has_happened(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::StateLost | NoticeKind::LogLost | NoticeKind::Doubt | NoticeKind::Audit)
}

impl Engine {
    /// What a person should know now: first what is so, then what has happened, the newest first.
    pub(super) fn notices(&self, now: DateTime<Utc>) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.reading.is_none() {
            let text = "the server's log is not being read; it is tried again by itself".to_owned();
            let since = self.published.unread_since(now);
            notices.push(Notice::new(NoticeKind::NotReading, since, text));
        }
        if let Some(problem) = self.storing.problem() {
            let since = self.published.unstored_since(now);
            notices.push(Notice::new(NoticeKind::State, since, problem.to_owned()));
        }
        notices.extend(self.other_senders());
        notices.extend(self.scan_notices(now));
        notices.extend(self.second_pass_notice());
        notices.extend(self.layout_notices(now));
        notices.extend(self.published.happened.told_at(now));
        notices
    }

    fn other_senders(&self) -> Option<Notice> {
        let clock = self.now_millis();
        let moved = self.subscribers.values().filter(|subscriber| subscriber.sees_another_sender(clock));
        let mut nums: Vec<i64> = moved.map(|subscriber| subscriber.subscription.num).collect();
        nums.sort_unstable();
        let of = |num| self.subscribers.get(num).and_then(|subscriber| subscriber.others_moved);
        let last = nums.iter().filter_map(of).max().and_then(DateTime::from_timestamp_millis)?;
        let text = format!(
            "another sender moves DateTimeStart of {}: its receiver may get events of both. Stop the other sender, \
             or let its Workstation be another",
            subscriptions(&nums)
        );
        Some(Notice::new(NoticeKind::OtherSender, last, text))
    }

    fn scan_notices(&self, now: DateTime<Utc>) -> Vec<Notice> {
        let mut scans: Vec<_> = self.scanning.values().collect();
        scans.sort_unstable_by_key(|scan| scan.began);
        let notice = |scan: &&crate::progress::TableScan| {
            let since = now - TimeDelta::from_std(scan.began.elapsed()).unwrap_or_default();
            let text = format!(
                "{} is being searched for changes that the log does not tell; subscriptions that wait for it: {}",
                scan.table, scan.subscriptions
            );
            let progress = Some(Progress { done: scan.rows.found(), total: scan.rows.expected() });
            Notice { progress, ..Notice::new(NoticeKind::CatchUp, since, text) }
        };
        scans.iter().map(notice).collect()
    }

    fn second_pass_notice(&self) -> Option<Notice> {
        let pass = self.second_pass.as_ref()?;
        let nums: Vec<i64> = pass.subscriptions().iter().copied().collect();
        let text = format!("the log is being read a second time for {}, far behind the others", subscriptions(&nums));
        let progress = self.telling.second_pass().map(|behind| Progress {
            done: behind.at_first.saturating_sub(behind.bytes),
            total: Some(behind.at_first),
        });
        Some(Notice { progress, ..Notice::new(NoticeKind::SecondPass, pass.began(), text) })
    }

    fn layout_notices(&self, now: DateTime<Utc>) -> impl Iterator<Item = Notice> {
        let read = self.boundary.position.point();
        let unsure = self.watched.values().filter(move |watched| watched.unsure_until > read);
        let mut tables: Vec<&str> = unsure.map(|watched| watched.watch.table()).collect();
        tables.sort_unstable();
        tables.dedup();
        tables.into_iter().map(move |table| {
            let text = format!(
                "the columns of {table} were changed: no window of it closes before the log has been read up to that \
                 change"
            );
            Notice::new(NoticeKind::Layout, now, text)
        })
    }
}

/// `subscription 5`, `subscriptions 1, 2, 3 and 40 more`.
fn subscriptions(nums: &[i64]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = nums.iter().take(NAMED).map(ToString::to_string).collect();
    let more = nums.len().saturating_sub(NAMED);
    let word = if nums.len() == 1 { "subscription" } else { "subscriptions" };
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{word} {}{rest}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_happened_is_told_once_and_for_a_day() {
        let now = Utc::now();
        let mut happened = Happened::of(&[]);
        let told = |happened: &Happened, now| happened.told_at(now).map(|notice| notice.text).collect::<Vec<_>>();
        for text in ["a", "b", "a"] {
            happened.add(NoticeKind::Doubt, text.to_owned(), now);
        }
        assert_eq!(told(&happened, now), ["a", "b"]);
        assert!(told(&happened, now + TOLD_FOR).is_empty());
        (0..50).for_each(|number| happened.add(NoticeKind::Doubt, number.to_string(), now));
        assert_eq!(told(&happened, now).len(), MOST);
        let all: Vec<_> = happened.told_at(now).collect();
        assert_eq!(told(&Happened::of(&all), now).len(), MOST, "the next engine goes on with them");
    }

    #[test]
    fn many_subscriptions_are_not_all_named() {
        assert_eq!(subscriptions(&[7]), "subscription 7");
        assert_eq!(subscriptions(&[1, 2, 3, 4, 5, 6, 7]), "subscriptions 1, 2, 3, 4, 5 and 2 more");
    }
}
