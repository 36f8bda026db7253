use bytes::Bytes;
use chrono::TimeDelta;
use clap::Parser;
use hyper::{HeaderMap, Method};

use super::*;
use crate::delivery::sign;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER: &str = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: ReceiveArgs,
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 123_000_000).unwrap()
}

fn event(body: &str, signed_by: &[&str]) -> ReceivedEvent {
    let mut headers = HeaderMap::new();
    headers.insert("event-type", "WatchTable: Appointment".parse().unwrap());
    headers.insert("webhook-id", "msg_1".parse().unwrap());
    if !signed_by.is_empty() {
        let secrets: Vec<Secret> = signed_by.iter().map(|secret| secret.parse().unwrap()).collect();
        let signatures = sign(&secrets, "msg_1", at().timestamp(), body.as_bytes());
        headers.insert("webhook-timestamp", at().timestamp().into());
        headers.insert("webhook-signature", signatures.parse().unwrap());
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    ReceivedEvent { method: Method::POST, path: "/hook".to_owned(), headers, body, at: at() }
}

fn printed(event: &ReceivedEvent, secrets: &[&str], quiet: bool) -> String {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| secret.parse().unwrap()).collect();
    let mut out = Vec::new();
    print_event(event, &secrets, quiet, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn one_line_then_the_elements_as_sent() {
    let event = event(r#"[{"b":1,"a":"x"},{"b":2}]"#, &[]);
    let line =
        "2023-11-14T22:13:20.123Z  POST /hook  WatchTable: Appointment  msg_1  2 elements  not signed\n".to_owned();
    assert_eq!(printed(&event, &[], true), line);
    assert_eq!(printed(&event, &[], false), line + "  {\"b\":1,\"a\":\"x\"}\n  {\"b\":2}\n");
}

#[test]
fn a_ui_event_is_one_element_and_other_bytes_are_counted() {
    assert!(printed(&event(r#"{"PatNum":1}"#, &[]), &[], true).contains("  1 element  "));
    assert!(printed(&event("PatNum=1", &[]), &[], true).contains("  8 bytes that are not JSON  "));
}

#[test]
fn d3_tells_good_from_bad_signatures() {
    let state = |event: &ReceivedEvent, secrets: &[&str]| {
        let line = printed(event, secrets, true);
        line.trim_end().rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(state(&event("[]", &[SECRET]), &[SECRET]), "signature good");
    assert_eq!(state(&event("[]", &[OTHER, SECRET]), &[SECRET]), "signature good");
    assert_eq!(state(&event("[]", &[OTHER]), &[SECRET]), "WRONG SIGNATURE");
    assert_eq!(state(&event("[]", &[SECRET]), &[]), "signed, not checked (no --secret)");
    let mut changed = event("[]", &[SECRET]);
    changed.body = Bytes::from_static(b"[1]");
    assert_eq!(state(&changed, &[SECRET]), "WRONG SIGNATURE");
    let mut late = event("[]", &[SECRET]);
    late.at += TimeDelta::seconds(301);
    assert_eq!(state(&late, &[SECRET]), "signature good, but its timestamp is more than five minutes off");
    let mut timeless = event("[]", &[SECRET]);
    timeless.headers.remove("webhook-timestamp");
    assert_eq!(state(&timeless, &[SECRET]), "SIGNATURE WITHOUT A TIMESTAMP");
}

#[test]
fn d4_refuses_values_out_of_range_without_showing_secrets() {
    for bad in [["--status", "42"], ["--status", "600"], ["--delay", "-1"], ["--delay", "NaN"], ["--delay", "1e99"]] {
        assert!(Cli::try_parse_from([&["receive"], &bad[..]].concat()).is_err(), "{bad:?}");
    }
    let good = Cli::try_parse_from(["receive", "--delay", "0.5", "--secret", SECRET]).ok().unwrap().args;
    assert_eq!(good.delay, Duration::from_millis(500));
    assert!(!format!("{good:?}").contains("C2FVsBQ"));
    let error = parse(&["whsec_short".into()]).unwrap_err().to_string();
    assert!(error.starts_with("--secret, number 1: ") && !error.contains("short"), "{error}");
}

/// A pipe from the command to the test, which reads it line by line.
struct Lines(tokio::sync::mpsc::UnboundedSender<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn prints_its_address_answers_as_told_and_stops() {
    let args = Cli::try_parse_from(["receive", "--listen", "127.0.0.1:0", "--status", "503"]).ok().unwrap().args;
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let cancel = cancel.clone();
        async move { receive(&args, &mut Lines(sender), cancel).await }
    });
    let mut output = String::new();
    while !output.ends_with('\n') {
        output.push_str(std::str::from_utf8(&lines.recv().await.unwrap()).unwrap());
    }
    let url = output.trim().strip_prefix("listening on ").unwrap().to_owned();
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
    let answer = client.post(&url).body(r#"[{"AptNum":1}]"#).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    while !output.contains("  {\"AptNum\":1}\n") {
        output.push_str(std::str::from_utf8(&lines.recv().await.unwrap()).unwrap());
    }
    cancel.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let args = Cli::try_parse_from(["receive", "--listen", &listen]).ok().unwrap().args;
    let error = receive(&args, &mut Vec::new(), CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("--listen {listen}: cannot listen there: ")), "{error}");
}
