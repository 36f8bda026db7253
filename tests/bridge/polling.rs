//! `engine = "polling"`: what Open Dental documents of its own sender, with what that is documented to lose.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    config::{Config, HttpConfig},
    opendental::schema::Engine,
    polling::Polling,
    sandbox::{MariaDb, Options, Release, receiver::Behavior},
};
use tokio_util::sync::CancellationToken;

use crate::office::{Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, Confirmed) VALUES ({num}, 1, 19)")
}

/// A practice that is polled, by an account that may ask nothing about the log.
async fn polled(mut office: Office) -> Office {
    let account = format!("'{}'@'127.0.0.1'", office.database);
    office.exec(&format!("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM {account}")).await;
    office.poll();
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_log_is_polled_on_every_release() {
    for release in Release::ALL.into_iter().filter(|release| release.is_available()) {
        let options = Options::default().zone("America/New_York").arg("--sql-mode=").arg("--skip-log-bin");
        let server = Arc::new(release.start(options).await.unwrap());
        let mut office = polled(Office::on(server, Engine::MyIsam).await).await;
        office.exec("INSERT INTO definition (DefNum, Category, ItemName) VALUES (19, 2, 'Not Called')").await;
        office.subscribe(1, "Appointment", 1).await;
        let _polling = office.process();
        office.ticking(1).await;
        office.exec(&insert(1)).await;
        office.exec("UPDATE appointment SET Note='last'").await;
        let event = office.event().await;
        let shown = ["AptNum", "Note", "confirmed"].map(|field| event.field(field));
        assert_eq!(shown, [["1"], ["last"], ["Not Called"]], "{release}");
        let header = |name| event.received.header(name);
        assert_eq!((header("authorization"), header("event-type")), ("key1", "WatchTable: Appointment"));
        assert_eq!(header("workstation"), "CDC-TEST");
        office.ticking(1).await;
        assert!(office.receiver.try_next().is_none(), "{release}: it was sent once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_sent_in_pages_and_from_its_beginning_after_a_failure() {
    let mut office = polled(Office::open().await).await;
    office.configure("[delivery]\nmax_elements = 2\n");
    let rows = (1..=5).map(|num| format!("({num}, NOW() - INTERVAL 1 MINUTE)")).collect::<Vec<_>>().join(", ");
    office.exec(&format!("INSERT INTO appointment (AptNum, DateTStamp) VALUES {rows}")).await;
    let row = subscription_row(1, &office.receiver.url("/1/"), "Appointment", 1, "NOW() - INTERVAL 1 HOUR");
    office.exec(&row).await;
    let before = office.date_time_start(1).await;
    // The last page has one.
    office.receiver.behave_by(|event| {
        let elements: Vec<serde_json::Value> = serde_json::from_slice(&event.body).unwrap();
        Behavior::status(if elements.len() == 1 { 500 } else { 200 })
    });
    let _polling = office.process();
    for _ in 0..2 {
        for elements in [2, 2, 1] {
            assert_eq!(office.event().await.elements.len(), elements);
        }
        assert_eq!(office.date_time_start(1).await, before);
    }
    office.receiver.behave(Behavior::status(200));
    office.date_time_start_after(1, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_leaves_the_others_their_turn() {
    let mut office = polled(Office::open().await).await;
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    // These two can never be served.
    office.subscribe(3, "appointment_", 1).await;
    office.subscribe(4, "PatFieldDeleted", 1).await;
    office.receiver.behave_by(|event| Behavior::status(if event.path == "/1/" { 410 } else { 200 }));
    let _polling = office.process();
    office.ticking(2).await;
    office.exec(&insert(1)).await;
    let mut served = vec![office.event().await.subscription()];
    while !served.contains(&2) || served.len() < 4 {
        served.push(office.event().await.subscription());
    }
    assert_eq!(served.iter().filter(|num| **num == 2).count(), 1, "{served:?}");
    let log = std::fs::read_to_string(office.log()).unwrap();
    for said in ["410 Gone", "no such watch table", "cannot see deleted rows"] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_after_its_stamp_was_polled_is_lost() {
    let mut office = polled(Office::open_innodb().await).await;
    office.subscribe(1, "Appointment", 1).await;
    let _polling = office.process();
    office.ticking(1).await;
    let mut session = office.connect().await;
    session.query_drop(format!("BEGIN; {}", insert(1))).await.unwrap();
    office.ticking(1).await;
    office.ticking(1).await;
    session.query_drop("COMMIT").await.unwrap();
    office.ticking(1).await;
    office.exec(&insert(2)).await;
    assert_eq!(office.event().await.field("AptNum"), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_three_days_is_lost() {
    let mut office = polled(Office::open().await).await;
    for (num, days) in [(1, 1), (2, 2), (3, 4), (4, 0)] {
        office.exec(&insert(num)).await;
        let stamp = format!("NOW() - INTERVAL {days} DAY - INTERVAL 1 MINUTE");
        office.exec(&format!("UPDATE appointment SET DateTStamp={stamp} WHERE AptNum={num}")).await;
    }
    let row = subscription_row(1, &office.receiver.url("/1/"), "Appointment", 1, "'2020-01-01'");
    office.exec(&row).await;
    let _polling = office.process();
    assert_eq!(office.event().await.field("AptNum"), ["2", "1", "4"], "by their stamps");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_rows_of_the_history_that_tell_of_a_deletion_are_sent() {
    let mut office = polled(Office::open().await).await;
    office.subscribe(1, "AppointmentDeleted", 1).await;
    let _polling = office.process();
    office.ticking(1).await;
    office.exec("INSERT INTO histappointment (HistApptNum, HistApptAction) VALUES (1, 1), (2, 4), (3, 3)").await;
    assert_eq!(office.event().await.field("HistApptNum"), ["2"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_request_under_way_and_keeps_its_place() {
    let mut office = polled(Office::open().await).await;
    office.subscribe(1, "Appointment", 1).await;
    office.receiver.behave(Behavior::Answer { status: 200, headers: Vec::new(), delay: Duration::from_secs(1) });
    let polling = office.process();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    office.event().await;
    let before = office.date_time_start(1).await;
    assert_eq!(polling.terminate(), Some(0));
    assert_ne!(office.date_time_start(1).await, before);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_search() {
    let office = polled(Office::open().await).await;
    office.subscribe(1, "Appointment", 1).await;
    let polling = office.process();
    office.ticking(1).await;
    let mut session = office.connect().await;
    session.query_drop("LOCK TABLES appointment WRITE").await.unwrap();
    let waiting = "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB=DATABASE() AND ID<>CONNECTION_ID() \
                   AND INFO LIKE '%FROM `appointment`%' AND STATE LIKE '%lock%'";
    office.until("a search waits for the lock", async || office.value(waiting).await).await;
    assert_eq!(polling.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_while_the_server_can_be_asked_and_again_after_a_restart() {
    let server = Arc::new(MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap());
    let mut office = polled(Office::on(server, Engine::MyIsam).await).await;
    office.subscribe(1, "Appointment", 1).await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let http = HttpConfig::on(&free);
    let config = Config { http, ..Config::from_toml(&office.toml()).unwrap() };
    let stop = CancellationToken::new();
    let task = tokio::spawn(Polling::new(config).run(stop.clone()));
    office.ticking(1).await;
    assert!(answer(&free, "/healthz").unwrap().ends_with("alive\n"));
    assert!(answer(&free, "/readyz").unwrap().ends_with("ready\n"));
    let metrics = answer(&free, "/metrics").unwrap();
    assert!(metrics.contains("engine=\"polling\"} 1\n") && metrics.contains("subscriptions{state=\"gathering\"} 1\n"));
    Arc::get_mut(&mut office.server).unwrap().stop().await.unwrap();
    let not_ready = async || answer(&free, "/readyz").filter(|answer| answer.contains("not ready: waiting")).map(drop);
    office.until("it is not ready", not_ready).await;
    Arc::get_mut(&mut office.server).unwrap().restart().await.unwrap();
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    stop.cancel();
    task.await.unwrap().unwrap();
}

/// The whole answer to a GET.
fn answer(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
