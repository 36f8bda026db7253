//! `/metrics` and `/readyz` of a bridge at work: what they tell is what happened.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use opendental_cdc::{
    config::HttpConfig,
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, receiver::Behavior},
};

use crate::office::{Office, Running, subscription_row};

/// A bridge that listens.
struct Monitored {
    address: String,
    bridge: Running,
}

impl Monitored {
    fn start(office: &Office) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let bridge = office.bridge_with(|config| config.http = HttpConfig::on(&address));
        Self { address, bridge }
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = std::net::TcpStream::connect(&self.address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The value of a metric, named with its labels; `None`: there is none.
    async fn value(&self, metric: &str) -> Option<f64> {
        let answer = tokio::task::block_in_place(|| self.get("/metrics"))?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let line = body.lines().find_map(|line| line.strip_prefix(&format!("opendental_cdc_{metric} ")))?;
        line.parse().ok()
    }

    /// Waits until a metric's value is as wanted.
    async fn until(&self, office: &Office, metric: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        office.until(metric, async || self.value(metric).await.filter(|value| wanted(*value))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_was_read_sent_and_refused() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    office.exec(&subscription_row(2, "http://127.0.0.1:9/secret?token=secret", "Appointment", 1, "NOW()")).await;
    office.exec(&subscription_row(3, "http://127.0.0.1:9/", "Appointment", 1, "'2999-01-01'")).await;
    office.exec("UPDATE apisubscription SET Workstation='ANOTHER' WHERE ApiSubscriptionNum=3").await;
    let monitored = Monitored::start(&office);
    office.ticking(1).await;
    office
        .exec("INSERT INTO appointment (AptNum, PatNum, Note) VALUES (1, 1, 'Zyx'), (2, 1, 'Zyx'), (3, 1, 'Zyx')")
        .await;
    assert_eq!(office.event().await.elements.len(), 3);
    let of = |num: i64, metric: &str| format!("{metric}{{subscription=\"{num}\",watch_table=\"Appointment\"}}");

    monitored.until(&office, "delivered_elements_total", |value| value == 3.0).await;
    monitored.until(&office, &of(2, "subscription_failures"), |value| value >= 1.0).await;
    monitored
        .until(&office, "delivery_attempts_total{outcome=\"accepted\",status=\"200\"}", |value| value == 1.0)
        .await;
    monitored.until(&office, "delivery_attempts_total{outcome=\"connect\",status=\"\"}", |value| value >= 1.0).await;
    monitored.until(&office, "window_delay_seconds_count", |value| value == 2.0).await;
    monitored.until(&office, &of(1, "subscription_pending_rows"), |value| value == 0.0).await;
    assert_eq!(monitored.value(&of(2, "subscription_pending_rows")).await, Some(3.0));
    assert_eq!(monitored.value("subscriptions{state=\"retrying\"}").await, Some(1.0));
    assert_eq!(monitored.value("subscriptions{state=\"other-workstation\"}").await, Some(1.0));
    assert_eq!(monitored.value("change_log_rows").await, Some(3.0));
    // Those of apisubscription are among them.
    assert!(monitored.value("row_changes_total").await.unwrap() >= 3.0);
    monitored.until(&office, "log_lag_bytes", |value| value == 0.0).await;
    monitored.until(&office, "log_lag_seconds", |value| value == 0.0).await;
    let all = monitored.get("/metrics").unwrap();
    assert!(!all.contains("Zyx") && !all.contains("secret") && !all.contains("key2"), "D4: {all}");

    // The server closes the connection.
    let find = "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' AND USER=DATABASE()";
    let dump = office.value(find).await.unwrap();
    office.exec(&format!("KILL {dump}")).await;
    monitored.until(&office, "log_connections_lost_total", |value| value == 1.0).await;
    monitored.until(&office, "ready", |value| value == 1.0).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (4, 1)").await;
    assert_eq!(office.event().await.elements.len(), 1);
    monitored.until(&office, "delivered_elements_total", |value| value == 4.0).await;
    let last = of(1, "subscription_last_event_time_seconds");
    let accepted = monitored.value(&last).await.unwrap();
    monitored.bridge.stop().await;

    let monitored = Monitored::start(&office);
    let again = monitored.until(&office, &last, |_| true).await;
    assert!((again - accepted).abs() < 1.0, "the state file knows it: {accepted} {again}");
    assert_eq!(monitored.value("delivered_elements_total").await, Some(0.0));
    monitored.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubts_and_the_searches_that_answer_them_are_counted_and_told() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let monitored = Monitored::start(&office);
    office.ticking(1).await;
    assert_eq!(monitored.value("notices{kind=\"doubt\"}").await, Some(0.0));
    let searches = monitored.value("catch_ups_total").await.unwrap();
    office.exec("SET SESSION binlog_format=STATEMENT; INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    monitored.until(&office, "doubts_total", |value| value >= 1.0).await;
    monitored.until(&office, "catch_ups_total", |value| value > searches).await;
    monitored.until(&office, "notices{kind=\"doubt\"}", |value| value == 1.0).await;
    monitored.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_endpoint_is_counted_and_what_it_took_is_not() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 10\nretry_max_seconds = 1\n");
    office.subscribe(1, "Appointment", 1).await;
    let asked = AtomicUsize::new(0);
    // The first of three events is taken.
    office
        .receiver
        .behave_by(move |_| Behavior::status(if asked.fetch_add(1, Ordering::Relaxed) == 0 { 200 } else { 503 }));
    let monitored = Monitored::start(&office);
    office.ticking(1).await;
    let rows: Vec<String> = (1..=25).map(|num| format!("({num}, 1)")).collect();
    office.exec(&format!("INSERT INTO appointment (AptNum, PatNum) VALUES {}", rows.join(", "))).await;
    let pending = "subscription_pending_rows{subscription=\"1\",watch_table=\"Appointment\"}";
    monitored.until(&office, pending, |value| value == 15.0).await;
    monitored.until(&office, "subscriptions{state=\"retrying\"}", |value| value == 1.0).await;
    office.receiver.behave(Behavior::status(200));
    monitored.until(&office, pending, |value| value == 0.0).await;
    monitored.until(&office, "delivered_elements_total", |value| value == 25.0).await;
    assert!(monitored.value("delivery_attempts_total{outcome=\"status\",status=\"503\"}").await >= Some(1.0));
    monitored.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_another_sender_is_counted_and_told() {
    let office = Office::open().await;
    office.subscribe(1, "Appointment", 2).await;
    let monitored = Monitored::start(&office);
    office.ticking(1).await;
    assert_eq!(monitored.value("notices{kind=\"other-sender\"}").await, Some(0.0));
    let moved = async || {
        office.exec("UPDATE apisubscription SET DateTimeStart=NOW() WHERE DateTimeStart<NOW()").await;
        monitored.value("other_sender_moves_total").await.filter(|moves| *moves > 0.0)
    };
    office.until("a move is seen", moved).await;
    assert_eq!(monitored.value("notices{kind=\"other-sender\"}").await, Some(1.0));
    monitored.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_counts_go_on_when_the_log_is_lost_and_the_loss_is_told() {
    let server = Arc::new(MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap());
    let mut office = Office::on(server, Engine::MyIsam).await;
    office.subscribe(1, "Appointment", 1).await;
    let monitored = Monitored::start(&office);
    office.ticking(1).await;
    let insert = |num: i64| format!("INSERT INTO appointment (AptNum, PatNum) VALUES ({num}, 1);");
    office.exec(&insert(1)).await;
    office.event().await;
    monitored.until(&office, "delivered_elements_total", |value| value == 1.0).await;
    // The new log is seen to be new as long as it is shorter.
    office.exec(&"INSERT INTO patient (LName) VALUES ('filler');".repeat(50)).await;
    office.ticking(1).await;
    assert_eq!(monitored.value("log_losses_total").await, Some(0.0));
    let events = monitored.value("log_events_total").await;
    office.exec(&format!("RESET MASTER; {}", insert(2))).await;
    monitored.until(&office, "log_losses_total", |value| value >= 1.0).await;
    // Both are sent again, in one event or more.
    monitored.until(&office, "delivered_elements_total", |value| value >= 3.0).await;
    assert!(monitored.value("notices{kind=\"log-lost\"}").await >= Some(1.0));
    assert!(monitored.value("log_events_total").await > events);
    assert!(monitored.value("catch_ups_total").await >= Some(1.0));
    monitored.bridge.stop().await;
}
