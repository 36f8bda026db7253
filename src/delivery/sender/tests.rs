//! Over real HTTP: our own receiver, or a peer that speaks raw bytes where a well-behaved server could not.

mod concurrency;
mod failures;
mod guarded;
mod log;
mod peer;
mod tls;

use bytes::Bytes;
use secrecy::SecretString;

use self::peer::Peer;
use super::*;
use crate::sandbox::receiver::{Behavior, Receiver};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const KEY: &str = "ODFHIRkeyKEYkey0123";
const BODY: &str = r#"[{"AptNum":21,"Note":"Zähne"}]"#;

fn config() -> DeliveryConfig {
    DeliveryConfig {
        timeout_seconds: 60,
        max_elements: 1000,
        retry_max_seconds: 60,
        max_catch_up: None,
        catch_up_overlap: Duration::ZERO,
        concurrency: 16,
        concurrency_per_host: 8,
        log_days: 30,
        secrets: Vec::new(),
        allow: Vec::new(),
        deny: Vec::new(),
    }
}

fn whole(workstation: &str, delivery: DeliveryConfig) -> Config {
    let config = Config::from_toml("mysql.url = 'mysql://u:p@192.0.2.200/d'").unwrap();
    Config { workstation: workstation.to_owned(), delivery, ..config }
}

/// It forbids nothing that the tests do.
fn no_guard() -> Guard {
    Guard::new(&whole("W", config()))
}

fn sender_with(config: &DeliveryConfig, answer: Duration) -> Sender {
    // No platform trust: what is tested with http does not depend on the machine.
    let tls = super::super::tls::tls_trusting(rustls::RootCertStore::empty()).unwrap();
    Sender::with(config, "CDC-BRIDGE", no_guard(), tls, Limits::new(answer)).unwrap()
}

/// For answers that come.
fn sender() -> Sender {
    sender_with(&config(), Duration::from_secs(60))
}

/// For answers that do not come.
fn impatient() -> Sender {
    sender_with(&config(), Duration::from_millis(200))
}

fn event(url: &str) -> Event {
    Event {
        id: "msg_0123456789abcdef".to_owned(),
        subscription: 4,
        url: url.to_owned(),
        customer_key: KEY.to_owned(),
        workstation: None,
        event_type: "WatchTable: Appointment".to_owned(),
        body: Bytes::from_static(BODY.as_bytes()),
        troubled: false,
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

async fn outcome_of(sender: &Sender, url: &str) -> Outcome {
    sender.attempt(&event(url), noon()).await.outcome
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Accepted { status } => panic!("accepted with {status}"),
    }
}

fn reason(outcome: Outcome) -> String {
    failure(outcome).reason
}

#[tokio::test]
async fn d1_d3_the_request_on_the_wire_is_exactly_this() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let signing = DeliveryConfig { secrets: vec![SecretString::from(SECRET)], ..config() };
    let sender = sender_with(&signing, Duration::from_secs(60));
    let url = peer.url("/hook/a%20b?token=x&y=%2F").replace("http://", "http://user:pass@") + "#fragment";
    assert_eq!(outcome_of(&sender, &url).await, Outcome::Accepted { status: 200 });

    let request = peer.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook/a%20b?token=x&y=%2F HTTP/1.1");
    lines.sort_unstable();
    let oracle = standardwebhooks::Webhook::new(SECRET).unwrap();
    // The queue is empty, so that the time of sending is the time of the call.
    let signature = oracle.sign("msg_0123456789abcdef", 1_700_000_000, BODY.as_bytes()).unwrap();
    let host = format!("Host: {}", peer.address());
    let signature = format!("Webhook-Signature: {signature}");
    let agent = format!("User-Agent: opendental-cdc/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        "Accept: */*",
        "Authorization: ODFHIRkeyKEYkey0123",
        "Content-Length: 31",
        "Content-Type: application/json",
        "Event-Type: WatchTable: Appointment",
        &host,
        &agent,
        "Webhook-Id: msg_0123456789abcdef",
        &signature,
        "Webhook-Timestamp: 1700000000",
        "Workstation: CDC-BRIDGE",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn d1_an_event_that_happened_on_another_machine_names_that_one() {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = |name: &str| Event { workstation: Some(name.to_owned()), ..event(&receiver.url("/")) };
    let (there, broken) = (elsewhere("FRONTDESK"), elsewhere("FRONT\nDESK"));
    sender().attempt(&there, noon()).await;
    assert_eq!(receiver.next().await.unwrap().header("workstation"), "FRONTDESK");
    assert!(reason(sender().attempt(&broken, noon()).await.outcome).starts_with("the workstation's name has"));
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn d3_without_a_secret_there_is_an_id_and_no_signature() {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    outcome_of(&sender(), &receiver.url("/")).await;
    let received = receiver.next().await.unwrap();
    assert_eq!(received.header("webhook-id"), "msg_0123456789abcdef");
    assert!(!received.headers.contains_key("webhook-signature"));
    assert!(!received.headers.contains_key("webhook-timestamp"));
}

/// The reference implementation is the receiver's side; it also judges the timestamp by the real clock.
#[tokio::test]
async fn d3_each_secret_of_a_rotation_verifies() {
    let old = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0IG9sZCBzZWNyZXQ=";
    let secrets = [SECRET, old].map(SecretString::from).to_vec();
    let sender = sender_with(&DeliveryConfig { secrets, ..config() }, Duration::from_secs(60));
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    sender.attempt(&event(&receiver.url("/")), Utc::now()).await;
    let received = receiver.next().await.unwrap();
    for secret in [SECRET, old] {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&received.body, &received.headers).unwrap();
    }
    let stranger = standardwebhooks::Webhook::new("whsec_c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5nZXI=").unwrap();
    assert!(stranger.verify(&received.body, &received.headers).is_err());
}

#[tokio::test]
async fn d2_every_2xx_is_success() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = sender();
    for status in [200, 201, 202, 203, 204, 205, 206, 226, 299] {
        receiver.behave(Behavior::status(status));
        assert_eq!(outcome_of(&sender, &receiver.url("/")).await, Outcome::Accepted { status });
    }
}

#[tokio::test]
async fn d2_an_interim_answer_is_not_the_answer() {
    let peer =
        Peer::answering("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(outcome_of(&sender(), &peer.url("/")).await, Outcome::Accepted { status: 202 });
}

#[tokio::test]
async fn connections_are_used_again() {
    // More than arrives with the head.
    let body = "x".repeat(60_000);
    let peer = Peer::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{body}")).await;
    let sender = sender();
    for _ in 0..5 {
        outcome_of(&sender, &peer.url("/")).await;
    }
    assert_eq!((peer.requests().len(), peer.connections()), (5, 1));
}

#[tokio::test]
async fn d1_an_address_of_ipv6_is_an_endpoint_like_any_other() {
    // Not every machine has it.
    let Ok(receiver) = Receiver::bind("[::1]:0").await else { return };
    let url = receiver.url("/");
    assert!(url.starts_with("http://[::1]:"), "{url}");
    assert_eq!(outcome_of(&sender(), &url).await, Outcome::Accepted { status: 200 });
}

/// The tests run as a process of its own, because the environment is the whole process's.
#[test]
fn proxies_of_the_environment_are_not_used() {
    let nobody = "http://127.0.0.1:9/";
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "delivery::sender::tests::d2_every_2xx_is_success"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, nobody)))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_secret_or_workstation_that_cannot_be_used_is_named() {
    let bad = DeliveryConfig { secrets: [SECRET, "whsec_short"].map(SecretString::from).to_vec(), ..config() };
    let error = Sender::new(&whole("W", bad)).err().unwrap().to_string();
    assert!(error.starts_with("delivery.secrets: entry 2: ") && !error.contains("short"), "{error}");
    let error = Sender::new(&whole("W\n", config())).err().unwrap().to_string();
    assert!(error.starts_with("workstation: "), "{error}");
}
