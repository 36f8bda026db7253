//! W7: skipping ahead on purpose, and sending again, by `opendental-cdc subscriptions rewind`.

use std::{process::Output, sync::Arc};

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MySql, Options, receiver::Behavior},
};

use crate::{
    api::client::Api,
    office::{Office, subscription_row},
};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn rewind(office: &Office, num: i64, to: &str) -> Output {
    office.command(&["subscriptions", "rewind", &num.to_string(), "--to", to, "--yes"])
}

/// The `AptNum`s of the next event that has this one in it.
async fn event_with(office: &mut Office, num: &str) -> Vec<String> {
    loop {
        let nums = office.event().await.field("AptNum");
        if nums.iter().any(|found| found == num) {
            return nums;
        }
    }
}

/// Lets the receiver refuse everything, and one event be refused.
async fn one_waits(office: &mut Office) {
    office.receiver.behave(Behavior::status(500));
    for num in 1..=3 {
        office.exec(&insert(num)).await;
    }
    event_with(office, "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_running_bridge_leaves_out_what_waits_and_goes_on_from_now() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    office.listen(&Api::new().address);
    let bridge = office.process();
    office.ticking(1).await;
    one_waits(&mut office).await;
    let before = office.date_time_start(1).await;
    let told = said(&rewind(&office, 1, "now"));
    assert!(told.starts_with("Subscription 1 goes on from ") && told.contains("left out: 3 changed rows"), "{told}");
    let now = office.date_time_start_after(1, &before).await;
    assert!(now > before);
    // What was refused before.
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    office.ticking(1).await;
    office.exec(&insert(4)).await;
    assert_eq!(office.event().await.field("AptNum"), ["4"]);
    office.ticking(1).await;
    bridge.kill();
    let bridge = office.process();
    office.exec(&insert(5)).await;
    assert_eq!(event_with(&mut office, "5").await, ["5"], "nor after a restart");
    assert_eq!(office.told("another sender"), 0);
    drop(bridge);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_skipping_to_a_time_leaves_out_what_was_stamped_before() {
    let mut office = Office::open().await;
    let rows = (1..=3).map(|num| format!("({num}, NOW() - INTERVAL {} MINUTE)", 40 - 10 * num)).collect::<Vec<_>>();
    office.exec(&format!("INSERT INTO appointment (AptNum, DateTStamp) VALUES {}", rows.join(", "))).await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "NOW() - INTERVAL 1 HOUR")).await;
    office.receiver.behave(Behavior::status(500));
    office.listen(&Api::new().address);
    let _bridge = office.process();
    assert_eq!(event_with(&mut office, "3").await, ["1", "2", "3"]);
    let to = office.value("SELECT CAST(NOW() - INTERVAL 15 MINUTE AS CHAR)").await.unwrap();
    said(&rewind(&office, 1, &to));
    assert_eq!(office.date_time_start(1).await, to);
    while office.receiver.try_next().is_some() {}
    office.receiver.behave(Behavior::status(200));
    assert_eq!(event_with(&mut office, "3").await, ["3"]);
    let told = rewind(&office, 1, "2001-01-01");
    assert!(said(&told).contains("is sent again what changed since 2001-01-01 00:00:00"), "{told:?}");
    assert_eq!(event_with(&mut office, "1").await, ["1", "2", "3"], "and back");
}

async fn a_stopped_bridge_goes_on_from_where_it_was_told_to(mut office: Office) {
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "PatFieldDeleted", 1).await;
    office.exec("INSERT INTO patfield (PatFieldNum, FieldName) VALUES (1, 'a'), (2, 'b')").await;
    let bridge = office.process();
    office.ticking(1).await;
    office.ticking(2).await;
    assert_eq!(bridge.terminate(), Some(0));
    office.exec(&insert(1)).await;
    office.exec("DELETE FROM patfield WHERE PatFieldNum=1").await;
    let before = office.date_time_start(1).await;
    for num in [1, 2] {
        let told = said(&rewind(&office, num, "now"));
        assert!(told.trim_end().ends_with("when the bridge is started."), "{told}");
    }
    assert!(office.date_time_start(1).await >= before);
    // What comes behind it is told, also deletions, which only the log has.
    office.exec(&insert(2)).await;
    office.exec("DELETE FROM patfield WHERE PatFieldNum=2").await;
    let _bridge = office.process();
    let events = [office.event().await, office.event().await];
    for event in events {
        match event.subscription() {
            1 => assert_eq!(event.field("AptNum"), ["2"]),
            _ => assert_eq!(event.field("PatFieldNum"), ["2"]),
        }
    }
    office.ticking(1).await;
    assert!(office.receiver.try_next().is_none());
    assert_eq!(office.told("another sender"), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w7_a_stopped_bridge_goes_on_from_where_it_was_told_to_on_mariadb() {
    a_stopped_bridge_goes_on_from_where_it_was_told_to(Office::open().await).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w7_a_stopped_bridge_goes_on_from_where_it_was_told_to_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().zone("America/New_York").arg("--sql-mode=")).await.unwrap();
    a_stopped_bridge_goes_on_from_where_it_was_told_to(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}

/// The log that is left out holds an ALTER TABLE which nobody has read.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_keep_their_names_behind_log_that_was_left_out() {
    let mut office = Office::open_innodb().await;
    office.exec("CREATE TABLE thing (id BIGINT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20))").await;
    office.configure("[opendental]\ntables = [\"thing\"]\n");
    office.subscribe(1, "thing", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("INSERT INTO thing VALUES (1, 'a1', 'b1')").await;
    assert_eq!(office.event().await.field("a"), ["a1"]);
    office.ticking(1).await;
    assert_eq!(bridge.terminate(), Some(0));
    office.exec("ALTER TABLE thing CHANGE a b VARCHAR(20), CHANGE b a VARCHAR(20)").await;
    said(&rewind(&office, 1, "now"));
    office.exec("INSERT INTO thing (id, a, b) VALUES (2, 'a2', 'b2')").await;
    let _bridge = office.process();
    let event = office.event().await;
    assert_eq!((event.field("a"), event.field("b")), (vec!["a2".to_owned()], vec!["b2".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_bridge_that_runs_and_cannot_be_asked_is_named() {
    let office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let _bridge = office.process();
    office.ticking(1).await;
    let output = rewind(&office, 1, "now");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("http.listen"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_polling_has_no_place_but_date_time_start() {
    let mut office = Office::open().await;
    office.poll();
    for (num, minutes) in [(1, 30), (2, 10)] {
        let stamp = format!("NOW() - INTERVAL {minutes} MINUTE");
        office.exec(&format!("INSERT INTO appointment (AptNum, DateTStamp) VALUES ({num}, {stamp})")).await;
    }
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "NOW() - INTERVAL 1 HOUR")).await;
    let to = office.value("SELECT CAST(NOW() - INTERVAL 20 MINUTE AS CHAR)").await.unwrap();
    said(&rewind(&office, 1, &to));
    let _polling = office.process();
    assert_eq!(office.event().await.field("AptNum"), ["2"]);
}
