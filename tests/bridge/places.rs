//! R8: a place in the log that the server can no longer serve is made up for by a catch-up, of that subscription only.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Server, receiver::Behavior},
};

use crate::office::{Event, Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn own_office() -> Office {
    let options = Options::default().zone("America/New_York").arg("--sql-mode=");
    Office::on(Arc::new(MariaDb::start(options).await.unwrap()), Engine::MyIsam).await
}

fn server(office: &mut Office) -> &mut Server {
    Arc::get_mut(&mut office.server).unwrap()
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

fn log(office: &Office) -> String {
    std::fs::read_to_string(office.log()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_only_the_subscription_whose_place_was_purged_catches_up() {
    let mut office = own_office().await;
    office.configure("[delivery]\ncatch_up_overlap = \"2h\"\n");
    office
        .exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (90, 1, NOW() - INTERVAL 90 MINUTE)")
        .await;
    office.exec("INSERT INTO labcase (LabCaseNum, Instructions) VALUES (5, '')").await;
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    office.subscribe(3, "LabCaseDeleted", 1).await;
    office.receiver.behave_by(|event| Behavior::status(if event.path == "/1/" { 503 } else { 200 }));
    let bridge = office.process();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    let events = arrive(&mut office, &[(1, "AptNum", 1), (2, "AptNum", 1)]).await;
    let failed = events.iter().find(|event| event.subscription() == 1).unwrap().id();
    // The place of the first stays in the first file, that of the others moves on.
    office.exec("FLUSH BINARY LOGS").await;
    office.ticking(2).await;
    office.ticking(3).await;
    office.ticking(2).await;
    office.ticking(3).await;
    bridge.kill();
    while office.receiver.try_next().is_some() {}
    let present = office.server.value("SHOW MASTER STATUS").await.unwrap().unwrap();
    office.exec(&format!("PURGE BINARY LOGS TO '{present}'")).await;
    office.exec(&format!("{}; DELETE FROM labcase", insert(2))).await;
    office.receiver.behave(Behavior::status(200));

    let bridge = office.process();
    let wanted = [(1, "AptNum", 90), (1, "AptNum", 1), (1, "AptNum", 2), (2, "AptNum", 2), (3, "LabCaseNum", 5)];
    for event in arrive(&mut office, &wanted).await {
        match event.subscription() {
            1 => assert_ne!(event.id(), failed, "another window"),
            2 => assert_eq!(event.field("AptNum"), ["2"], "its place was still there"),
            _ => {}
        }
    }
    bridge.kill();
    let log = log(&office);
    assert!(log.contains("has deleted its log from their place on") && log.contains("subscriptions=[1]"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_another_server_with_the_same_data_is_noticed_and_nothing_is_lost() {
    another_server(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_another_server_with_the_same_data_is_noticed_after_a_restart_and_nothing_is_lost() {
    another_server(false).await;
}

/// Another server takes the place of the first, while the bridge is `running` or off.
async fn another_server(running: bool) {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let options = Options::default().gtid().zone("Europe/Berlin").arg("--sql-mode=");
    let mut office = Office::on(Arc::new(MySql::start(options).await.unwrap()), Engine::InnoDb).await;
    office.subscribe(1, "Appointment", 1).await;
    let mut bridge = Some(office.process());
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    arrive(&mut office, &[(1, "AptNum", 1)]).await;
    if !running {
        bridge = None;
    }
    office.exec(&insert(2)).await;
    // A promoted replica: the same rows, another UUID.
    server(&mut office).stop().await.unwrap();
    std::fs::remove_file(office.server.data().join("auto.cnf")).unwrap();
    server(&mut office).restart().await.unwrap();
    office.exec(&insert(3)).await;
    let bridge = bridge.unwrap_or_else(|| office.process());
    arrive(&mut office, &[(1, "AptNum", 2), (1, "AptNum", 3)]).await;
    office.ticking(1).await;
    office.exec(&insert(4)).await;
    arrive(&mut office, &[(1, "AptNum", 4)]).await;
    bridge.kill();
    assert!(log(&office).contains("this is another server than before"), "{}", log(&office));
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_max_catch_up_cuts_off_what_is_older_and_says_so() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_catch_up = \"3d\"\n");
    office
        .exec(
            "INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW() - INTERVAL 5 DAY), \
             (2, 1, NOW() - INTERVAL 70 HOUR), (3, 1, NOW())",
        )
        .await;
    office.exec(&subscription_row(1, &office.receiver.url("/1/"), "Appointment", 1, "NOW() - INTERVAL 9 DAY")).await;
    let bridge = office.process();
    assert_eq!(office.event().await.field("AptNum"), ["2", "3"]);
    bridge.kill();
    assert!(log(&office).contains("reaches back further than delivery.max_catch_up"), "{}", log(&office));
}

/// So many transactions and bytes that a log begun with them passes every place of the log before.
const GROWTH: usize = 400;

/// Starts the log anew and lets it grow beyond all that the old one had, in one go.
async fn start_log_anew(office: &Office, reset: &str, behind: &str) {
    let rows = "INSERT INTO patient (LName) VALUES ('filler');".repeat(GROWTH);
    let large = format!("INSERT INTO document (Note) VALUES ('{}');", "x".repeat(2 << 20));
    office.exec(&format!("{reset}; {behind}; {large} {rows} DO 0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_a_log_that_was_started_anew_is_noticed_though_it_has_grown_beyond_our_place() {
    for running in [false, true] {
        let mut office = own_office().await;
        log_started_anew(&mut office, "RESET MASTER", running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_a_log_of_mysql_that_was_started_anew_is_noticed_though_it_has_grown_beyond_our_place() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    for (gtid, running) in [(true, false), (false, true)] {
        let options = Options::default().zone("Europe/Berlin").arg("--sql-mode=");
        let options = if gtid { options.gtid() } else { options.arg("--gtid-mode=OFF") };
        let mut office = Office::on(Arc::new(MySql::start(options).await.unwrap()), Engine::MyIsam).await;
        log_started_anew(&mut office, "RESET BINARY LOGS AND GTIDS", running).await;
    }
}

async fn log_started_anew(office: &mut Office, reset: &str, running: bool) {
    office.exec("CREATE TABLE document (Note LONGTEXT)").await;
    office.subscribe(1, "Appointment", 1).await;
    let mut bridge = Some(office.process());
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    arrive(office, &[(1, "AptNum", 1)]).await;
    office.ticking(1).await;
    if !running {
        bridge = None;
    }
    start_log_anew(office, reset, &insert(2)).await;
    let bridge = bridge.unwrap_or_else(|| office.process());
    arrive(office, &[(1, "AptNum", 2)]).await;
    office.exec(&insert(3)).await;
    arrive(office, &[(1, "AptNum", 3)]).await;
    office.ticking(1).await;
    bridge.kill();
    assert!(log(office).contains("was started anew"), "{}", log(office));
}
