//! The columns of 26.x that tell of failures, as Open Dental's users see them in `apisubscription`.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
};

use crate::office::Office;

const COLUMNS: &str = "ALTER TABLE apisubscription \
    ADD COLUMN DateTimeLastFailure datetime NOT NULL DEFAULT '0001-01-01 00:00:00', \
    ADD COLUMN FailureReason varchar(255) NOT NULL DEFAULT '', \
    ADD COLUMN SubsequentFailures int NOT NULL DEFAULT 0, \
    ADD COLUMN DateTimeNextRetry datetime NOT NULL DEFAULT '0001-01-01 00:00:00'";

async fn prepared(office: Office) -> Office {
    office.exec(COLUMNS).await;
    office.subscribe(1, "Appointment", 1).await;
    office
}

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn failures(office: &Office) -> i64 {
    office.value("SELECT CAST(SubsequentFailures AS CHAR) FROM apisubscription").await.unwrap().parse().unwrap()
}

async fn until_failures(office: &Office, wanted: impl Fn(i64) -> bool) -> i64 {
    office.until("failures are noted", async || Some(failures(office).await).filter(|count| wanted(*count))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_failures_are_noted_and_taken_back_and_are_no_edits() {
    noted_and_taken_back(Office::open().await).await;
}

/// The log then tells only the columns that we noted.
#[tokio::test(flavor = "multi_thread")]
async fn w7_nor_are_they_edits_where_the_log_tells_only_what_changed() {
    let options = Options::default().arg("--sql-mode=").arg("--binlog-row-image=MINIMAL");
    let server = Arc::new(MariaDb::start(options).await.unwrap());
    noted_and_taken_back(Office::on(server, Engine::InnoDb).await).await;
}

async fn noted_and_taken_back(office: Office) {
    let mut office = prepared(office).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    assert_eq!(failures(&office).await, 0);
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    let first = office.event().await;
    until_failures(&office, |count| count > 0).await;
    let stuck = office.date_time_start(1).await;
    let reason = office.value("SELECT FailureReason FROM apisubscription").await;
    assert_eq!(reason.as_deref(), Some("answered 503 Service Unavailable"));
    let times = "DateTimeLastFailure BETWEEN NOW() - INTERVAL 1 MINUTE AND NOW() \
                 AND DateTimeNextRetry BETWEEN DateTimeLastFailure AND NOW() + INTERVAL 2 MINUTE";
    let times = format!("SELECT CAST({times} AS CHAR) FROM apisubscription");
    assert_eq!(office.value(&times).await.as_deref(), Some("1"));

    // The log shows the UPDATE before the next attempt; its window is the same all the same.
    let again = office.event().await;
    assert_eq!(again.id(), first.id());
    assert_eq!(office.date_time_start(1).await, stuck, "it stands still while the event fails");
    office.receiver.behave(Behavior::status(200));
    until_failures(&office, |count| count == 0).await;
    let rest = "SELECT CONCAT(FailureReason, DateTimeNextRetry) FROM apisubscription";
    assert_eq!(office.value(rest).await.as_deref(), Some("0001-01-01 00:00:00"));
    let last = "SELECT CAST(DateTimeLastFailure > '2020-01-01' AS CHAR) FROM apisubscription";
    assert_eq!(office.value(last).await.as_deref(), Some("1"), "the last failure stays");
    while let Some(event) = office.receiver.try_next() {
        assert_eq!(event.header("webhook-id"), first.id());
    }
    office.ticking(1).await;
    office.exec(&insert(2)).await;
    assert_eq!(office.event().await.field("AptNum"), ["2"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_on_after_a_restart_and_a_time_to_come_is_not_waited_for() {
    let mut office = prepared(Office::open().await).await;
    let values = "SubsequentFailures=41, FailureReason='old', DateTimeNextRetry=NOW() + INTERVAL 1 DAY";
    office.exec(&format!("UPDATE apisubscription SET {values}")).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    assert_eq!(failures(&office).await, 41, "nothing was sent yet");
    office.receiver.behave(Behavior::status(500));
    office.exec(&insert(1)).await;
    office.event().await;
    until_failures(&office, |count| count > 41).await;
    bridge.stop().await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.bridge();
    until_failures(&office, |count| count == 0).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_write_them_costs_only_the_notes() {
    let mut office = prepared(Office::open().await).await;
    let (database, account) = (&office.database, format!("'{}'@'127.0.0.1'", office.database));
    office
        .exec(&format!(
            "REVOKE UPDATE ON {database}.apisubscription FROM {account}; \
             GRANT UPDATE (DateTimeStart) ON {database}.apisubscription TO {account}"
        ))
        .await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(500));
    office.exec(&insert(1)).await;
    let failed = office.event().await;
    assert_eq!(office.event().await.id(), failed.id());
    office.receiver.behave(Behavior::status(200));
    office.ticking(1).await;
    assert_eq!(failures(&office).await, 0);
    bridge.stop().await;
}
