//! Starting and stopping in awkward moments.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    bridge::BridgeError,
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
    source::DatabaseError,
};

use crate::office::{Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn own_office(options: Options) -> Office {
    let server = MariaDb::start(options.zone("America/New_York").arg("--sql-mode=")).await.unwrap();
    Office::on(Arc::new(server), Engine::MyIsam).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_server_that_is_not_up_yet_is_waited_for() {
    let mut office = own_office(Options::default()).await;
    office.subscribe(1, "Appointment", 1).await;
    Arc::get_mut(&mut office.server).unwrap().stop().await.unwrap();
    let bridge = office.process();
    office
        .until("the bridge says that it waits", async || {
            std::fs::read_to_string(office.log()).unwrap().contains("trying again").then_some(())
        })
        .await;
    Arc::get_mut(&mut office.server).unwrap().restart().await.unwrap();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_refused_is_not_waited_for() {
    let office = Office::open().await;
    office.exec(&format!("ALTER USER '{}'@'127.0.0.1' IDENTIFIED BY 'another'", office.database)).await;
    let error = office.bridge().error().await;
    assert!(matches!(error, BridgeError::Database(DatabaseError::AccessDenied { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_the_servers_clock_counts_from_the_start_even_if_it_is_an_hour_ahead_of_ours() {
    // The clock of every session but root's stands where it stood an hour after the session began.
    let options = Options::default().arg("--init-connect=SET timestamp = UNIX_TIMESTAMP() + 3600");
    let office = own_office(options).await;
    let url = office.receiver.url("/1/");
    let start = "FROM_UNIXTIME(UNIX_TIMESTAMP() + 3590)";
    office.exec(&subscription_row(1, &url, "Appointment", 1, start)).await;
    let before = office.date_time_start(1).await;
    let bridge = office.bridge();
    office.date_time_start_after(1, &before).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_pause_goes_on_after_a_restart_and_loses_nothing() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("UPDATE apisubscription SET DateTimeStart='2099-01-01' WHERE ApiSubscriptionNum=1").await;
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.subscription(), 2);
    bridge.stop().await;
    office.exec(&insert(2)).await;
    let bridge = office.bridge();
    assert_eq!(office.event().await.subscription(), 2);
    office.ticking(2).await;
    office.ticking(2).await;
    assert_eq!(office.date_time_start(1).await, "2099-01-01 00:00:00");
    assert!(office.receiver.try_next().is_none());
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW() WHERE ApiSubscriptionNum=1").await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (1, vec!["1".to_owned(), "2".to_owned()]));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_event_that_is_still_in_the_queue_of_endpoints_that_hang() {
    let mut office = Office::open().await;
    office.configure("[delivery]\ntimeout_seconds = 5\nconcurrency = 1\nconcurrency_per_host = 1\n");
    office.receiver.behave(Behavior::Hang);
    for num in 1..=40 {
        office.subscribe(num, "Appointment", 1).await;
    }
    let bridge = office.bridge();
    office.ticking(40).await;
    office.exec(&insert(1)).await;
    office.event().await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_scan() {
    let mut office = Office::open().await;
    office.exec(&insert(1)).await;
    office.subscribe(2, "Patient", 1).await;
    let bridge = office.bridge();
    office.ticking(2).await;
    let mut session = office.connect().await;
    session.query_drop("LOCK TABLES appointment WRITE").await.unwrap();
    let row = subscription_row(1, &office.receiver.url("/1/"), "Appointment", 1, "'2020-01-01'");
    office.exec(&row).await;
    let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB=DATABASE() \
                   AND INFO LIKE '%FROM `appointment`%' AND ID<>CONNECTION_ID()";
    office
        .until("the scan waits for the lock", async || {
            (office.value(waiting).await.as_deref() != Some("0")).then_some(())
        })
        .await;
    bridge.stop().await;
    session.query_drop("UNLOCK TABLES").await.unwrap();
    let bridge = office.bridge();
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_a_write_back_that_failed_is_made_up_for_before_the_next_window() {
    let office = Office::open().await;
    let account = format!("'{}'@'127.0.0.1'", office.database);
    let grant = format!("UPDATE ON {}.apisubscription", office.database);
    office.exec(&format!("REVOKE {grant} FROM {account}")).await;
    let url = office.receiver.url("/1/");
    // The next window is an hour away.
    office.exec(&subscription_row(1, &url, "Appointment", 3600, "NOW() - INTERVAL 3599 SECOND")).await;
    let before = office.date_time_start(1).await;
    let bridge = office.process();
    office
        .until("the write-back fails", async || {
            std::fs::read_to_string(office.log()).unwrap().contains("could not be written back").then_some(())
        })
        .await;
    office.exec(&format!("GRANT {grant} TO {account}")).await;
    office.date_time_start_after(1, &before).await;
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_a_row_that_cannot_be_told_as_json_stops_its_own_subscription_only() {
    let mut office = Office::open().await;
    office.exec("ALTER TABLE patient MODIFY Birthdate VARCHAR(20) NOT NULL").await;
    office.subscribe(1, "Patient", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.ticking(2).await;
    office.exec("INSERT INTO patient (PatNum, LName, Birthdate) VALUES (1, 'Doe', 'nonsense')").await;
    office
        .until("the error is told", async || {
            std::fs::read_to_string(office.log()).unwrap().contains("a row cannot be sent").then_some(())
        })
        .await;
    assert!(!std::fs::read_to_string(office.log()).unwrap().contains("nonsense"), "D4");
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.subscription(), 2);
    office.exec("UPDATE patient SET Birthdate='2001-02-03'").await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("Birthdate")), (1, vec!["2001-02-03".to_owned()]));
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_an_endpoint_that_was_changed_while_we_were_away_gets_the_open_window_under_a_new_id() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(500));
    office.exec(&insert(1)).await;
    let failed = office.event().await;
    bridge.kill();
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    office.exec(&format!("UPDATE apisubscription SET EndPointUrl='{}'", office.receiver.url("/7/"))).await;
    let bridge = office.process();
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (7, vec!["1".to_owned()]));
    assert_ne!(event.id(), failed.id());
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_log_that_is_started_anew_is_made_up_for_by_a_catch_up() {
    let mut office = own_office(Options::default()).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    // While we are away.
    bridge.stop().await;
    office.exec(&format!("{}; RESET MASTER", insert(1))).await;
    let bridge = office.bridge();
    let mut seen = office.event().await.field("AptNum");
    office.ticking(1).await;
    // While we read; the new log is seen to be new as long as it is shorter.
    let filler = "INSERT INTO patient (LName) VALUES ('filler');".repeat(50);
    office.exec(&filler).await;
    office.ticking(1).await;
    office.exec(&format!("{}; RESET MASTER; {}", insert(2), insert(3))).await;
    while !["1", "2", "3"].iter().all(|num| seen.iter().any(|seen| seen == num)) {
        seen.extend(office.event().await.field("AptNum"));
    }
    office.ticking(1).await;
    bridge.stop().await;
}
