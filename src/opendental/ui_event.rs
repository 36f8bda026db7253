//! UI events: what a person does in Open Dental on a workstation, and who wants to know.

use super::Subscription;

/// A patient was selected on a workstation: the one UI event that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientSelected {
    /// The patient's PatNum; 0: the selection was cleared.
    pub pat_num: i64,
    /// The workstation's name.
    pub workstation: String,
}

impl PatientSelected {
    /// Its name in `apisubscription.UiEventType`, and in the `Event-Type` header.
    pub const NAME: &'static str = "PatientSelected";

    /// Whether the subscription is to be told at `now` (server's local time, "yyyy-MM-dd HH:mm:ss"): it is for this
    /// event, on this workstation or on all (case does not count), has begun and has not ended.
    pub fn is_wanted_by(&self, subscription: &Subscription, now: &str) -> bool {
        subscription.is_ui()
            && subscription.ui_event_type.trim().eq_ignore_ascii_case(Self::NAME)
            && subscription.belongs_to(&self.workstation)
            // Such texts sort as the times they stand for.
            && subscription.date_time_start.as_str() <= now
            && !subscription.is_expired(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-25 12:00:00";

    fn subscription() -> Subscription {
        Subscription { ui_event_type: "PatientSelected".to_owned(), ..Subscription::blank(1) }
    }

    #[test]
    fn w1_it_goes_to_subscriptions_for_it_on_that_workstation_and_on_all() {
        let selected = PatientSelected { pat_num: 4, workstation: "FrontDesk".to_owned() };
        let wants = |subscription: Subscription| selected.is_wanted_by(&subscription, NOW);
        let text = str::to_owned;
        for (workstation, wanted) in [("", true), ("FRONTDESK", true), ("All Workstations", true), ("Op1", false)] {
            assert_eq!(wants(Subscription { workstation: text(workstation), ..subscription() }), wanted);
        }
        assert!(!wants(Subscription { ui_event_type: text("Other"), ..subscription() }));
        assert!(!wants(Subscription { watch_table: text("Patient"), ..subscription() }), "a database event's");
        for (start, stop, wanted) in [
            (NOW, "0001-01-01 00:00:00", true),
            ("2026-11-25 12:00:01", "0001-01-01 00:00:00", false),
            ("0000-00-00 00:00:00", NOW, true),
            ("2026-01-01 00:00:00", "2026-11-25 11:59:59", false),
        ] {
            let subscription =
                Subscription { date_time_start: text(start), date_time_stop: text(stop), ..subscription() };
            assert_eq!(wants(subscription), wanted, "{start} to {stop}");
        }
    }
}
