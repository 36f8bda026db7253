//! W9: subscriptions far behind the others are served by a second pass over the log, which holds nobody up.

mod edits;
mod room;
mod stretch;

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
};

use crate::{
    api::client::Api,
    office::{Event, Office, Process},
    proxy::{Fate, Proxy},
};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

/// How much log lies between the subscriptions far behind and the others: some seconds where it comes slowly.
const LOG: usize = 3 << 20;

/// An office whose subscriptions 1, 3 and 4 were left behind by 2, with the bridge off. No window of 4 is open, and one is
/// due at once.
struct LeftBehind {
    office: Office,
    proxy: Proxy,
    /// The events that 1 and 3 did not take.
    failed: [String; 2],
}

/// What else is in the office.
#[derive(Default)]
struct More {
    /// A subscription that is left behind too, after an event with this field and value.
    subscription: Option<(i64, &'static str, &'static str, i64)>,
    /// What leads to that event.
    before: &'static str,
    /// What happens where only the second reader reads.
    stretch: &'static str,
}

fn start(office: &Office) -> Process {
    start_with(office, &[])
}

fn start_with(office: &Office, environment: &[(&str, &str)]) -> Process {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.env("OPENDENTAL_CDC_STATE__MAX_REBUILD", "100 kB").envs(environment.iter().copied());
    office.process_by(command)
}

/// Takes in events until each subscription has got all its rows; returns all of them.
async fn arrive(office: &mut Office, wanted: &[(i64, &str, i64)]) -> Vec<Event> {
    let mut missing = wanted.to_vec();
    let mut events = Vec::new();
    while !missing.is_empty() {
        let event = office.event().await;
        missing.retain(|(subscription, field, num)| {
            *subscription != event.subscription() || !event.field(field).contains(&num.to_string())
        });
        events.push(event);
    }
    events
}

fn id(events: &[Event], num: i64) -> String {
    events.iter().find(|event| event.subscription() == num).unwrap().id()
}

impl LeftBehind {
    async fn new() -> Self {
        Self::with(More::default()).await
    }

    async fn with(more: More) -> Self {
        let options = Options::default().zone("America/New_York").arg("--sql-mode=");
        let mut office = Office::on(Arc::new(MariaDb::start(options).await.unwrap()), Engine::MyIsam).await;
        let proxy = Proxy::before(office.server.port()).await;
        office.behind(proxy.port);
        office.exec("CREATE TABLE document (Note LONGTEXT)").await;
        office.exec("INSERT INTO labcase (LabCaseNum, Instructions) VALUES (5, ''), (6, '')").await;
        office.exec("INSERT INTO schedule (ScheduleNum, Note, DateTStamp) VALUES (2, '', '2020-01-01')").await;
        office.subscribe(1, "Appointment", 1).await;
        office.subscribe(2, "Appointment", 1).await;
        office.subscribe(3, "LabCaseDeleted", 1).await;
        office.subscribe(4, "Appointment", 1).await;
        if let Some((num, watch_table, ..)) = more.subscription {
            office.subscribe(num, watch_table, 1).await;
        }
        office.receiver.behave_by(|event| Behavior::status(if event.path == "/2/" { 200 } else { 503 }));
        let bridge = start(&office);
        office.ticking(1).await;
        office.ticking(3).await;
        office.ticking(4).await;
        if let Some((num, ..)) = more.subscription {
            office.ticking(num).await;
        }
        let polling_seconds =
            |seconds: u32| format!("UPDATE apisubscription SET PollingSeconds={seconds} WHERE ApiSubscriptionNum=4");
        office.exec(&polling_seconds(3600)).await;
        office.ticking(2).await;
        office.ticking(2).await;
        office.exec(&format!("{}DELETE FROM labcase WHERE LabCaseNum=5; {}", more.before, insert(1))).await;
        let mut wanted = vec![(1, "AptNum", 1), (2, "AptNum", 1), (3, "LabCaseNum", 5)];
        wanted.extend(more.subscription.map(|(num, _, field, value)| (num, field, value)));
        let events = arrive(&mut office, &wanted).await;
        let failed = [id(&events, 1), id(&events, 3)];
        // In many events: one that takes long to come through is no sign of life.
        let rows = vec![format!("('{}')", "x".repeat(30_000)); LOG / 30_000];
        office.exec(&format!("INSERT INTO document (Note) VALUES {}", rows.join(", "))).await;
        office.exec(&format!("{}; {}; DELETE FROM labcase", insert(2), insert(3))).await;
        office.exec("DELETE FROM appointment WHERE AptNum=3").await;
        if !more.stretch.is_empty() {
            office.exec(more.stretch).await;
        }
        arrive(&mut office, &[(2, "AptNum", 2)]).await;
        office.ticking(2).await;
        office.ticking(2).await;
        bridge.kill();
        office.exec(&polling_seconds(1)).await;
        while office.receiver.try_next().is_some() {}
        office.receiver.behave(Behavior::status(200));
        Self { office, proxy, failed }
    }

    /// All that 1, 3 and 4 were not sent, and row 4, arrives: under the ids that it had, and nothing again.
    async fn nothing_is_lost(&mut self) {
        let appointments = [1, 4].into_iter().flat_map(|num| [1, 2, 4].map(|row| (num, "AptNum", row)));
        let deletions = [5, 6].map(|row| (3, "LabCaseNum", row));
        let wanted: Vec<_> = appointments.chain(deletions).collect();
        let events = arrive(&mut self.office, &wanted).await;
        assert_eq!([id(&events, 1), id(&events, 3)], self.failed, "a window stays as it was closed");
        for event in events.iter().filter(|event| event.subscription() != 3) {
            assert!(!event.field("AptNum").contains(&"3".to_owned()), "a deleted row was sent");
        }
        let again = events.iter().filter(|event| event.subscription() == 2).count();
        assert_eq!(again, 0, "sent again");
    }

    fn told(&self, text: &str) -> usize {
        self.office.told(text)
    }

    async fn until_told(&self, text: &str) {
        self.office.until(text, async || (self.told(text) > 0).then_some(())).await;
    }
}

const BEGUN: &str = "a second reader reads the log for them";
const DONE: &str = "the second reader has read as far as the first";
const GIVEN_UP: &str = "the log cannot be read from their places on";

#[tokio::test(flavor = "multi_thread")]
async fn w9_subscriptions_far_behind_are_read_for_by_themselves_and_lose_nothing() {
    let mut left = LeftBehind::new().await;
    let bridge = start(&left.office);
    left.office.exec(&insert(4)).await;
    let wanted = [
        (1, "AptNum", 1),
        (1, "AptNum", 2),
        (1, "AptNum", 4),
        (2, "AptNum", 4),
        (3, "LabCaseNum", 5),
        (3, "LabCaseNum", 6),
    ];
    let events = arrive(&mut left.office, &wanted).await;
    assert_eq!([id(&events, 1), id(&events, 3)], left.failed, "a window stays as it was closed");
    for event in events.iter().filter(|event| event.subscription() < 3) {
        let rows = event.field("AptNum");
        assert!(!rows.contains(&"3".to_owned()), "a deleted row was sent: {rows:?}");
        assert!(event.subscription() == 1 || rows == ["4"], "sent again: {rows:?}");
    }
    left.office.exec(&format!("{}; UPDATE appointment SET Note='x' WHERE AptNum=1", insert(5))).await;
    arrive(&mut left.office, &[(1, "AptNum", 5), (2, "AptNum", 5), (1, "AptNum", 1), (2, "AptNum", 1)]).await;
    bridge.kill();
    assert_eq!((left.told(BEGUN), left.told(DONE)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_nobody_waits_for_the_second_pass() {
    let mut left = LeftBehind::new().await;
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.exec(&insert(4)).await;
    let event = left.office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (2, vec!["4".to_owned()]), "it waited for the others");
    left.office.ticking(2).await;
    assert_eq!(left.told(DONE), 0, "the second pass was over before anybody could wait for it");
    left.nothing_is_lost().await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_a_second_pass_goes_on_after_its_connection_was_lost_and_after_a_kill() {
    let mut left = LeftBehind::new().await;
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.ticking(2).await;
    bridge.kill();
    let bridge = start(&left.office);
    left.office.until("it begins again", async || (left.told(BEGUN) == 2).then_some(())).await;
    left.office.ticking(2).await;
    left.proxy.dumps(Fate::Cut);
    left.until_told("connection is lost").await;
    left.proxy.dumps(Fate::Slow);
    left.office.ticking(2).await;
    left.office.exec(&insert(4)).await;
    let event = left.office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (2, vec!["4".to_owned()]));
    assert_eq!(left.told(DONE), 0);
    left.proxy.dumps(Fate::Forwarded);
    left.nothing_is_lost().await;
    assert_eq!((left.told(DONE), left.told(GIVEN_UP)), (1, 0));
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_a_second_pass_whose_log_is_purged_is_given_up_and_its_subscriptions_catch_up() {
    let mut left = LeftBehind::new().await;
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.exec("FLUSH BINARY LOGS").await;
    // The main reader has come into the new file.
    left.office.ticking(2).await;
    left.office.ticking(2).await;
    assert_eq!(left.told(DONE), 0);
    left.proxy.dumps(Fate::Cut);
    left.until_told("connection is lost").await;
    let present = left.office.server.value("SHOW MASTER STATUS").await.unwrap().unwrap();
    let purged = async || {
        left.office.exec(&format!("PURGE BINARY LOGS TO '{present}'")).await;
        let first = left.office.server.value("SHOW BINARY LOGS").await.unwrap().unwrap();
        (first == present).then_some(())
    };
    // As long as the server has not noticed that nobody reads it any more, it keeps the old file.
    left.office.until("the old log is gone", purged).await;
    left.proxy.dumps(Fate::Forwarded);
    left.until_told(GIVEN_UP).await;
    left.office.exec(&insert(4)).await;
    let wanted = [(1, "AptNum", 1), (1, "AptNum", 2), (1, "AptNum", 4), (2, "AptNum", 4)];
    for event in arrive(&mut left.office, &wanted).await {
        assert_ne!(event.id(), left.failed[0], "another window");
        assert!(event.subscription() != 2 || event.field("AptNum") == ["4"], "its place was still there");
    }
    left.office.exec("DELETE FROM labcase; INSERT INTO labcase (LabCaseNum, Instructions) VALUES (7, '')").await;
    left.office.exec("DELETE FROM labcase").await;
    arrive(&mut left.office, &[(3, "LabCaseNum", 7)]).await;
    assert_eq!(left.told(DONE), 0);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_subscription_that_waits_for_the_second_pass_can_skip_ahead() {
    let mut left = LeftBehind::new().await;
    left.office.listen(&Api::new().address);
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.ticking(2).await;
    let skipped = left.office.command(&["subscriptions", "rewind", "1", "--to", "now", "--yes"]);
    assert!(skipped.status.success(), "{skipped:?}");
    left.office.exec(&insert(4)).await;
    let mut events = arrive(&mut left.office, &[(1, "AptNum", 4), (2, "AptNum", 4)]).await;
    assert_eq!(left.told(DONE), 0, "it did not wait");
    left.proxy.dumps(Fate::Forwarded);
    events.extend(arrive(&mut left.office, &[(3, "LabCaseNum", 5), (3, "LabCaseNum", 6)]).await);
    left.until_told(DONE).await;
    left.office.exec(&insert(5)).await;
    events.extend(arrive(&mut left.office, &[(1, "AptNum", 5), (2, "AptNum", 5)]).await);
    for event in events.iter().filter(|event| event.subscription() == 1) {
        let rows = event.field("AptNum");
        assert!(rows == ["4"] || rows == ["5"], "what was skipped was sent: {rows:?}");
    }
    bridge.kill();
}
