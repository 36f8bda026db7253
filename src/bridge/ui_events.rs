//! UI events: a patient who is selected on a workstation is sent at once to the subscriptions that want to know.
//!
//! Nothing of it is stored, since it is of no use any more a moment later. It is tried a few times within seconds, and
//! not again once another patient has been selected there.

mod lanes;
mod selections;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::{
    lanes::{Go, Lane, Lanes, TooMany},
    selections::Selections,
};
use super::{
    clock::OwnClock,
    engine::Engine,
    jobs::{Attempted, Done},
};
use crate::{
    delivery::{Attempt, Event, Outcome, Sender, retry_pause},
    opendental::{PatientSelected, RenderError},
    row::{Row, RowKey},
    source::{DatabaseError, TextRow},
    status::{Answer, NotTold, Refused},
};

/// The watch table whose objects are sent.
const PATIENT: &str = "Patient";

/// How long an attempt may take, if `delivery.timeout_seconds` is not shorter; and how long it may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Attempts for one event.
const ATTEMPTS: u32 = 3;

/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// All that is known of UI events.
#[derive(Debug, Default)]
pub(super) struct UiEvents {
    selections: Selections,
    lanes: Lanes,
}

/// The row of a patient who was selected.
pub(super) struct PatientRead {
    selected: PatientSelected,
    /// Which selection it was.
    serial: u64,
    answer: Answer<usize, NotTold>,
    result: Result<Option<TextRow>, DatabaseError>,
}

/// What became of an event: its attempts, each with its end by our clock in milliseconds.
pub(super) struct UiEventOver {
    lane: Lane,
    attempts: Vec<(i64, Attempted)>,
}

impl Engine {
    /// Takes note of a selection, and looks the patient up if it is a new one.
    pub(super) fn patient_selected(&mut self, selected: PatientSelected, answer: Answer<usize, NotTold>) {
        let table = self.tables.find(PATIENT).map(|(_, table)| table.clone());
        let (Some(table), Some(serial)) = (table, self.ui_events.selections.select(&selected)) else {
            // Whoever asked may be gone, here as below: nobody else needs the answer.
            let _ = answer.send(Ok(0));
            return;
        };
        let database = self.database.clone();
        self.spawn_until_stop(async move {
            let key = RowKey::Int(selected.pat_num);
            let result = database.row_by_key::<_, &str>(table.table(), table.key_columns(), &[], &key).await;
            Done::PatientRead(PatientRead { selected, serial, answer, result })
        });
    }

    /// Tells the subscriptions.
    pub(super) fn patient_read(&mut self, read: PatientRead) {
        let PatientRead { selected, serial, answer, result } = read;
        let told = match result {
            _ if self.stopping => Err(Refused::Busy.into()),
            Ok(Some(row)) => self.tell_selection(&selected, serial, &row),
            Ok(None) => Err(NotTold::UnknownPatient),
            Err(error) => {
                warn!(%error, "a selected patient could not be read");
                Err(NotTold::NotRead)
            }
        };
        if told.is_err() {
            // Whoever tries again means it.
            self.ui_events.selections.forget(&selected, serial);
        }
        let _ = answer.send(told);
    }

    /// Returns how many subscriptions are told.
    fn tell_selection(&mut self, selected: &PatientSelected, serial: u64, row: &TextRow) -> Result<usize, NotTold> {
        if !self.ui_events.selections.is_last(selected, serial) {
            return Ok(0);
        }
        let body = self.patient_json(row).map_err(|error| {
            warn!(%error, "a selected patient cannot be sent");
            NotTold::NotRead
        })?;
        let now = self.zone.local_text(self.server_now());
        let wanting = self.unserved.values().filter(|subscription| selected.is_wanted_by(subscription, &now));
        let events: Vec<Event> = wanting
            .map(|subscription| Event {
                id: format!("msg_{:032x}", fastrand::u128(..)),
                subscription: subscription.num,
                url: subscription.end_point_url.clone(),
                customer_key: subscription.customer_key.clone(),
                workstation: Some(selected.workstation.clone()),
                event_type: format!("UiEventType: {}", PatientSelected::NAME),
                body: body.clone(),
                troubled: false,
            })
            .collect();
        let count = events.len();
        for event in events {
            let lane = Lane::new(event.subscription, &selected.workstation);
            match self.ui_events.lanes.enter(&lane, event) {
                Ok(Some(go)) => self.tell(lane, go),
                Ok(None) => {}
                Err(TooMany) => {
                    warn!(subscription = lane.subscription, "too many UI events are under way; this one is not sent");
                }
            }
        }
        Ok(count)
    }

    fn patient_json(&self, row: &TextRow) -> Result<Bytes, RenderError> {
        let mut json = Vec::with_capacity(2048);
        if let Some((_, table)) = self.tables.find(PATIENT) {
            table.bind(row.columns()).render(row, &self.lookups, &mut json)?;
        }
        Ok(json.into())
    }

    fn tell(&mut self, lane: Lane, go: Go) {
        let (sender, clock, stop) = (self.sender.hasty(PATIENCE), self.own_clock, self.stop.clone());
        self.jobs.spawn(async move {
            let attempts = attempts(&sender, go, clock, &stop).await;
            Done::UiEventOver(UiEventOver { lane, attempts })
        });
    }

    /// Tells what became of it, and goes on with what was selected meanwhile.
    pub(super) fn ui_event_over(&mut self, over: UiEventOver) {
        let UiEventOver { lane, attempts } = over;
        let subscription = lane.subscription;
        for (ended, attempted) in &attempts {
            self.published.attempted(attempted, DateTime::from_timestamp_millis(*ended).unwrap_or_default());
            self.log_delivery_at(*ended, attempted);
        }
        let next = self.ui_events.lanes.over(lane.clone());
        match attempts.last().map(|(_, attempted)| (&attempted.id, &attempted.attempt)) {
            Some((id, Attempt { outcome: Outcome::Accepted { status }, took })) => {
                info!(subscription, id, status, millis = took.as_millis(), "UI event accepted");
            }
            _ if next.is_some() => debug!(subscription, "a UI event is given up for a later one"),
            Some((id, Attempt { outcome: Outcome::Failed(failure), .. })) => {
                let (attempts, reason) = (attempts.len(), &failure.reason);
                warn!(subscription, id, attempts, reason, "UI event not accepted; it is given up");
            }
            None if self.stopping => {}
            None => warn!(subscription, "a UI event found no room to be sent in time; it is given up"),
        }
        if let Some(go) = next.filter(|_| !self.stopping) {
            self.tell(lane, go);
        }
    }

    /// A subscription's row is not what it was.
    pub(super) fn forget_ui_events(&mut self, subscription: i64) {
        self.ui_events.lanes.forget(subscription);
    }
}

/// Tries an event until it is accepted, stale, or was tried often enough.
async fn attempts(sender: &Sender, go: Go, clock: OwnClock, stop: &CancellationToken) -> Vec<(i64, Attempted)> {
    let Go { mut event, stale } = go;
    let mut made = Vec::new();
    for number in 1..=ATTEMPTS {
        let given_up = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = stale.cancelled() => {}
                () = sleep(PATIENCE) => {}
            }
        };
        let Some(attempt) = sender.attempt_unless(&event, Utc::now(), given_up).await else { break };
        let failed = matches!(attempt.outcome, Outcome::Failed(_));
        let attempted = Attempted {
            num: event.subscription,
            epoch: 0,
            watch_table: PatientSelected::NAME.to_owned(),
            window: 0,
            id: event.id.clone(),
            elements: 1,
            bytes: event.body.len(),
            attempt,
        };
        made.push((clock.now().timestamp_millis(), attempted));
        if !failed || number == ATTEMPTS {
            break;
        }
        event.troubled = true;
        tokio::select! {
            () = stop.cancelled() => break,
            () = stale.cancelled() => break,
            () = sleep(retry_pause(number, None, LONGEST_PAUSE, fastrand::f64())) => {}
        }
    }
    made
}
