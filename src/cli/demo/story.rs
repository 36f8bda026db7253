//! What happens in the demo, and what must be seen.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout_at};

use super::DemoError;
use super::screen::Screen;
use super::stage::{Stage, WORKSTATION};
use crate::sandbox::receiver::ReceivedEvent;

const POLLING_SECONDS: u64 = 5;
const CUSTOMER_KEY: &str = "demo-customer-key";

/// A window takes five seconds; a busy machine gets this long for what should come with it.
const PATIENCE: Duration = Duration::from_secs(20);

const INSERT: &str = "INSERT INTO appointment (PatNum, AptStatus, Pattern, Confirmed, Op, ProvNum, ClinicNum, AptDateTime, \
    ProcDescript) VALUES (1, 1, '/XX/', 19, 1, 1, 1, CURDATE() + INTERVAL 33 HOUR, 'Exam'), \
    (2, 1, '/XXXX/', 19, 1, 1, 1, CURDATE() + INTERVAL 34 HOUR, 'Crown')";
const INSERT_THIRD: &str = "INSERT INTO appointment (PatNum, AptStatus, Pattern, Confirmed, Op, ProvNum, ClinicNum, \
    AptDateTime, ProcDescript) VALUES (3, 1, '/XX/', 19, 2, 2, 1, CURDATE() + INTERVAL 35 HOUR, 'Cleaning')";
const CONFIRM: &str = "UPDATE appointment SET Confirmed = 21 WHERE AptNum = 2";
const NO_OP: &str = "REPLACE INTO appointment SELECT * FROM appointment WHERE AptNum = 2";
const LAST: &str = "SELECT DateTimeStart FROM apisubscription WHERE ApiSubscriptionNum = 1";

/// The events that came, and how DateTimeStart went on.
pub(super) struct Story<'a> {
    screen: &'a Screen,
    stage: &'a mut Stage,
    /// DateTimeStart, each time that it was found changed; text of one length, so it compares like time.
    seen: Vec<String>,
    verdicts: Vec<(bool, &'static str)>,
}

enum Happening {
    Event(Box<ReceivedEvent>),
    Tick,
    Nothing,
}

impl<'a> Story<'a> {
    pub(super) fn new(screen: &'a Screen, stage: &'a mut Stage) -> Self {
        Self { screen, stage, seen: Vec::new(), verdicts: Vec::new() }
    }

    /// Plays it all; true if everything was as it should be.
    pub(super) async fn play(&mut self) -> Result<bool, DemoError> {
        self.subscribe().await?;
        self.three_appointments().await?;
        self.confirm().await?;
        self.no_op().await?;
        let onwards = self.seen.len() > 4 && self.seen.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        self.verdict(onwards, "DateTimeStart went on with every window, empty ones too");
        self.screen.heading("What was seen")?;
        for (right, what) in &self.verdicts {
            self.screen.verdict(*right, what)?;
        }
        Ok(self.verdicts.iter().all(|(right, _)| *right))
    }

    /// Shows what arrives, until somebody has had enough.
    pub(super) async fn watch(&mut self) -> Result<(), DemoError> {
        loop {
            self.happening(Instant::now() + PATIENCE).await?;
        }
    }

    async fn subscribe(&mut self) -> Result<(), DemoError> {
        self.screen.heading("1. Somebody subscribes to appointments: every five seconds, please")?;
        let url = self.stage.receiver.url("/appointments");
        let statement = format!(
            "INSERT INTO apisubscription (EndPointUrl, Workstation, CustomerKey, WatchTable, PollingSeconds, \
             DateTimeStart) VALUES ('{url}', '{WORKSTATION}', '{CUSTOMER_KEY}', 'Appointment', {POLLING_SECONDS}, NOW())"
        );
        self.execute(&statement).await?;
        self.seen.extend(self.stage.server.value(LAST).await?);
        Ok(())
    }

    async fn three_appointments(&mut self) -> Result<(), DemoError> {
        self.screen.heading("2. Three appointments are made within one window: they come as one POST")?;
        self.execute(INSERT).await?;
        self.execute(INSERT_THIRD).await?;
        let events = self.events_until_tick(1).await?;
        let right = matches!(events.as_slice(), [event] if {
            let numbers: Vec<_> = elements(event).iter().map(|element| element.get("AptNum").and_then(Value::as_i64)).collect();
            numbers == [Some(1), Some(2), Some(3)]
        });
        self.verdict(right, "three appointments of one window came as one POST with three elements");
        let named = events.iter().all(|event| {
            event.header("event-type") == "WatchTable: Appointment"
                && event.header("authorization") == CUSTOMER_KEY
                && event.header("workstation") == WORKSTATION
                && !event.header("webhook-id").is_empty()
        });
        self.verdict(!events.is_empty() && named, "with Open Dental's headers, and an id to know a repetition by");
        Ok(())
    }

    async fn confirm(&mut self) -> Result<(), DemoError> {
        self.screen.heading("3. One of them is confirmed: one element, in its new state")?;
        self.execute(CONFIRM).await?;
        let events = self.events_until_tick(1).await?;
        let right = matches!(events.as_slice(), [event] if matches!(elements(event).as_slice(), [element]
            if element.get("AptNum") == Some(&2.into()) && element.get("Confirmed") == Some(&21.into())));
        self.verdict(right, "the confirmed appointment came alone, in its new state");
        Ok(())
    }

    async fn no_op(&mut self) -> Result<(), DemoError> {
        self.screen.heading("4. The same row is written again, unchanged: it is in the log, but nothing is sent")?;
        self.execute(NO_OP).await?;
        self.screen.line("demo", "waiting for two windows to pass…")?;
        let events = self.events_until_tick(2).await?;
        self.verdict(events.is_empty(), "an update that changed nothing was not sent");
        Ok(())
    }

    /// The events that come until DateTimeStart has gone on `ticks` times. It goes on after a window's last event.
    async fn events_until_tick(&mut self, ticks: usize) -> Result<Vec<ReceivedEvent>, DemoError> {
        let until = Instant::now() + PATIENCE;
        let (mut events, mut ticked) = (Vec::new(), 0);
        while ticked < ticks {
            match self.happening(until).await? {
                Happening::Event(event) => events.push(*event),
                Happening::Tick => ticked += 1,
                Happening::Nothing => {
                    self.screen.line("demo", "that took too long; going on")?;
                    break;
                }
            }
        }
        Ok(events)
    }

    /// The next event or the next change of DateTimeStart, printed.
    async fn happening(&mut self, until: Instant) -> Result<Happening, DemoError> {
        while Instant::now() < until {
            let look_again = Instant::now() + Duration::from_millis(100);
            if let Ok(Some(event)) = timeout_at(look_again, self.stage.receiver.next()).await {
                self.show(&event)?;
                return Ok(Happening::Event(Box::new(event)));
            }
            let now = self.stage.server.value(LAST).await?;
            if let Some(now) = now.filter(|now| self.seen.last() != Some(now)) {
                // A window's events come before its tick, but may have come since we looked.
                if let Some(event) = self.stage.receiver.try_next() {
                    self.show(&event)?;
                    return Ok(Happening::Event(Box::new(event)));
                }
                let time = |text: &str| text.get(11..).unwrap_or_default().to_owned();
                let before = self.seen.last().map(|before| time(before)).unwrap_or_default();
                self.screen.line("DateTimeStart", &format!("{before} → {}", time(&now)))?;
                self.seen.push(now);
                return Ok(Happening::Tick);
            }
        }
        Ok(Happening::Nothing)
    }

    fn show(&self, event: &ReceivedEvent) -> Result<(), DemoError> {
        let elements: Vec<&RawValue> = serde_json::from_slice(&event.body).unwrap_or_default();
        let plural = if elements.len() == 1 { "" } else { "s" };
        let (kind, id) = (event.header("event-type"), event.header("webhook-id"));
        let what = format!("{}  {kind}  {} element{plural}  {id}", event.path, elements.len());
        self.screen.sent(event.method.as_str(), &what)?;
        for element in elements {
            // As sent: the order of the names is Open Dental's.
            self.screen.detail(element.get())?;
        }
        Ok(())
    }

    async fn execute(&self, statement: &str) -> Result<(), DemoError> {
        self.stage.server.exec(statement).await?;
        self.screen.statement("practice", statement)?;
        Ok(())
    }

    fn verdict(&mut self, right: bool, what: &'static str) {
        self.verdicts.push((right, what));
    }
}

fn elements(event: &ReceivedEvent) -> Vec<Value> {
    serde_json::from_slice(&event.body).unwrap_or_default()
}

/// Waits until the server has a replica: the bridge, reading its log.
pub(super) async fn bridge_reads(stage: &Stage) -> Result<bool, DemoError> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let replicas = "SELECT 1 FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";
        if stage.server.value(replicas).await?.is_some() {
            return Ok(true);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(false)
}
