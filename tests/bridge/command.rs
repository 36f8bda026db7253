//! `opendental-cdc subscriptions list|add|remove`, as the program does it.

use std::{process::Output, sync::Arc};

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MySql, Options},
};
use serde_json::Value;

use crate::{api::client::grant, office::Office};

const KEY: &str = "VzkmZEaUWOjnQX2z";

fn run(office: &Office, arguments: &[&str]) -> Output {
    office.command(&[&["subscriptions"], arguments].concat())
}

/// What it says; it ends with this code.
fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let said = if code == 0 { &output.stdout } else { &output.stderr };
    String::from_utf8(said.clone()).unwrap()
}

fn add<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["add", "--endpoint", "https://user:pass@myserver/apievents/?token=hidden", "--key", KEY], more].concat()
}

async fn rows_are_added_listed_and_removed(office: Office) {
    grant(&office).await;
    assert_eq!(
        said(&run(&office, &["list"]), 0),
        "There are no subscriptions. `opendental-cdc subscriptions add` makes one.\n"
    );
    let before = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
    let added = said(&run(&office, &add(&["--table", "appointment", "--note", "Zähne"])), 0);
    let expected =
        "Added subscription 1: Appointment every 5 s to https://myserver/apievents/, workstation CDC-TEST, from ";
    assert!(added.starts_with(expected), "{added}");
    let more = ["--table", "Patient", "--seconds", "60", "--workstation", "MOLLYR", "--start", "2022-01-31", "--json"];
    let patient: Value = serde_json::from_str(&said(&run(&office, &add(&more)), 0)).unwrap();
    assert_eq!(patient["DateTimeStart"], "2022-01-31 00:00:00");
    assert_eq!(patient["EndPointUrl"], "https://user:pass@myserver/apievents/?token=hidden");
    said(&run(&office, &add(&["--ui"])), 0);

    let listed: Value = serde_json::from_str(&said(&run(&office, &["list", "--json"]), 0)).unwrap();
    assert_eq!(listed[1], patient);
    let appointment = &listed[0];
    assert_eq!((&appointment["Note"], &appointment["CustomerKey"]), (&Value::from("Zähne"), &Value::from(KEY)));
    assert!(appointment["DateTimeStart"].as_str().unwrap() >= before.as_str(), "{appointment}");
    assert_eq!((&listed[2]["UiEventType"], &listed[2]["PollingSeconds"]), (&"PatientSelected".into(), &0.into()));

    let table = said(&run(&office, &["list"]), 0);
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect()).collect();
    let start = appointment["DateTimeStart"].as_str().unwrap();
    let (endpoint, key) = ("https://myserver/apievents/", "Vz***");
    assert_eq!(
        lines[0],
        ["NUM", "WATCHES", "EVERY", "WORKSTATION", "ENDPOINT", "KEY", "DATETIMESTART", "STATE", "NOTE"]
    );
    assert_eq!(lines[1], ["1", "Appointment", "5 s", "CDC-TEST", endpoint, key, start, "ours", "Zähne"]);
    assert_eq!(
        lines[2][1..],
        ["Patient", "60 s", "MOLLYR", endpoint, key, "2022-01-31 00:00:00", "another workstation's"]
    );
    assert_eq!(lines[3][1..5], ["PatientSelected", "(all)", endpoint, key]);
    for secret in [KEY, "hidden", "pass"] {
        assert!(!table.contains(secret) && !added.contains(secret), "{secret}");
    }

    assert!(said(&run(&office, &["remove", "2"]), 2).contains("Add --yes."));
    assert!(
        said(&run(&office, &["remove", "2", "--yes"]), 0).starts_with("Removed subscription 2: Patient every 60 s to")
    );
    assert!(said(&run(&office, &["remove", "2", "--yes"]), 1).contains("there is no subscription 2"));
    assert_eq!(office.column("SELECT ApiSubscriptionNum FROM apisubscription ORDER BY 1").await, ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_added_listed_and_removed_on_mariadb() {
    rows_are_added_listed_and_removed(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_added_listed_and_removed_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().zone("America/New_York").arg("--sql-mode=")).await.unwrap();
    rows_are_added_listed_and_removed(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_and_stores_nothing() {
    let office = Office::open().await;
    // Whoever may only read and write back is told what is missing.
    let denied = said(&run(&office, &add(&["--table", "Patient"])), 1);
    assert!(denied.contains("GRANT INSERT"), "{denied}");
    grant(&office).await;
    let refused = said(&run(&office, &add(&["--table", "Patients", "--seconds", "0", "--stop", "2026-02-30"])), 2);
    for field in
        ["WatchTable must be one of Appointment,", "PollingSeconds must be", "DateTimeStop must be a real date"]
    {
        assert!(refused.contains(field), "{refused}");
    }
    assert!(
        said(&run(&office, &add(&["--table", "Patient", "--note", &"x".repeat(256)])), 2).contains("Note must have")
    );
    assert!(said(&run(&office, &add(&["--table", "Patient", "--ui"])), 2).contains("cannot be used with"));
    assert!(said(&run(&office, &add(&[])), 2).contains("--table"));
    let neither = run(&office, &["add", "--endpoint", "http://myserver/", "--table", "Patient"]);
    assert!(said(&neither, 2).contains("--key"));
    let denied = ["add", "--endpoint", "http://169.254.169.254/?token=hidden", "--key", KEY, "--table", "Patient"];
    let denied = said(&run(&office, &denied), 2);
    assert!(
        denied.contains("EndPointUrl is where no event may go: 169.254.169.254 is a link-local address"),
        "{denied}"
    );
    assert!(!denied.contains("hidden"), "{denied}");
    assert_eq!(office.column("SELECT ApiSubscriptionNum FROM apisubscription").await, [""; 0]);
    said(&run(&office, &add(&["--table", "Patient"])), 0);
    assert!(said(&run(&office, &add(&["--table", "Patient", "--seconds", "9"])), 1).contains("sends the same already"));
    assert!(said(&run(&office, &["rewind", "1", "--to", "soon"]), 2).contains("--to must be"));
    assert!(said(&run(&office, &["rewind", "1", "--to", "9000-01-01"]), 2).contains("--to must be"));
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_a_key_may_come_from_a_file() {
    let office = Office::open().await;
    grant(&office).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
    let file = file.path().to_str().unwrap();
    let add = ["add", "--endpoint", "http://myserver/", "--key-file", file, "--table", "Patient"];
    said(&run(&office, &add), 0);
    assert_eq!(office.value("SELECT CustomerKey FROM apisubscription").await.as_deref(), Some(KEY));
    let add = ["add", "--endpoint", "http://myserver/", "--key-file", "no/such/file", "--table", "Patient"];
    assert!(said(&run(&office, &add), 2).contains("--key-file: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_an_added_subscription_is_served_at_once() {
    let mut office = Office::open().await;
    grant(&office).await;
    let bridge = office.bridge();
    let url = office.receiver.url("/1/");
    said(&run(&office, &["add", "--endpoint", &url, "--key", KEY, "--table", "Appointment", "--seconds", "1"]), 0);
    office.ticking(1).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    let event = office.event().await;
    assert_eq!((event.field("AptNum"), event.received.header("authorization")), (vec!["1".to_owned()], KEY));
    bridge.stop().await;
}
