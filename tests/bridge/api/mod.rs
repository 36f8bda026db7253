//! The Subscriptions API, as Open Dental documents it, and what comes of it at the endpoints.

pub(crate) mod client;
mod keys;
mod refusals;

use std::sync::Arc;

use opendental_cdc::{
    config::Config,
    opendental::schema::Engine,
    polling::Polling,
    sandbox::{MySql, Options, receiver::Behavior},
};
use tokio_util::sync::CancellationToken;

use crate::office::{Event, Office};
use client::{Api, PATH, grant, started};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

/// The documented examples, byte for byte, and what is stored of them.
async fn documented_examples(office: Office) {
    let (bridge, api) = started(&office).await;
    let made = api
        .post(r#"{"EndPointUrl":"https://myserver/apievents/","Workstation":"MOLLYR","WatchTable":"Appointment","PollingSeconds":5,"DateTimeStart":"2022-01-31"}"#)
        .await;
    let num = made.num();
    let documented = r#"{"SubscriptionNum":14,"EndPointUrl":"https://myserver/apievents/","Workstation":"MOLLYR","CustomerKey":"VzkmZEaUWOjnQX2z","WatchTable":"Appointment","PollingSeconds":5,"UiEventType":"","DateTimeStart":"2022-01-31 00:00:00","DateTimeStop":"0001-01-01 00:00:00","Note":""}"#;
    let documented = documented.replace("\"SubscriptionNum\":14", &format!("\"SubscriptionNum\":{num}"));
    assert_eq!((made.status, &made.body), (201, &documented));
    assert!(made.head.contains("content-type: application/json"), "{}", made.head);
    assert!(made.head.contains(&format!("location: {PATH}/{num}\r\n")), "{}", made.head);
    assert_eq!(api.get(&format!("{PATH}/{num}")).await.body, documented);

    let before = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
    let ui = api.post(r#"{"EndPointUrl":"http://localhost:2097/","UiEventType":"PatientSelected"}"#).await;
    assert_eq!(ui.status, 201);
    let after = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
    let listed = ui.json();
    let start = listed["DateTimeStart"].as_str().unwrap().to_owned();
    assert!(before <= start && start <= after, "the server's clock: {before} {start} {after}");
    let expected = format!(
        r#"{{"SubscriptionNum":{},"EndPointUrl":"http://localhost:2097/","Workstation":"","CustomerKey":"VzkmZEaUWOjnQX2z","WatchTable":"","PollingSeconds":0,"UiEventType":"PatientSelected","DateTimeStart":"{start}","DateTimeStop":"0001-01-01 00:00:00","Note":""}}"#,
        ui.num()
    );
    assert_eq!(ui.body, expected);
    assert_eq!(api.get(PATH).await.body, format!("[{documented},{expected}]"));
    assert_eq!(api.get(&format!("{PATH}?Limit=1&Offset=1")).await.body, format!("[{expected}]"));
    assert_eq!(api.get(&format!("{PATH}?Offset=2")).await.body, "[]");

    // What is not given stays.
    let changed =
        api.put(num, r#"{"EndPointUrl":"https://myserver/other/?type=a","PollingSeconds":60,"Note":"n"}"#).await;
    let expected = documented.replace("/apievents/", "/other/?type=a").replace(":5,", ":60,");
    assert_eq!((changed.status, changed.body), (200, expected.replace("\"Note\":\"\"", "\"Note\":\"n\"")));
    let stop = api.put(num, r#"{"DateTimeStop":"2022-02-01 12:00:00","Workstation":""}"#).await;
    assert_eq!(stop.json()["DateTimeStop"], "2022-02-01 12:00:00");
    assert_eq!(stop.json()["Workstation"], "");
    // As a client sends back what it got.
    assert_eq!(api.put(num, &stop.body).await.body, stop.body);

    let deleted = api.delete(num).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (200, ""));
    for gone in [api.delete(num).await, api.put(num, "{}").await, api.get(&format!("{PATH}/{num}")).await] {
        assert_eq!(gone.status, 404);
        assert!(gone.words().contains("not found"), "{}", gone.words());
    }
    assert_eq!(api.get(PATH).await.json().as_array().unwrap().len(), 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_requests_get_the_documented_answers() {
    documented_examples(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_requests_get_the_documented_answers_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    // As its packages set it up: strict.
    let server = MySql::start(Options::default().gtid().zone("Europe/Berlin")).await.unwrap();
    documented_examples(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}

/// A subscription of the receiver's path `/1/`.
fn ours(office: &Office, more: &str) -> String {
    let url = office.receiver.url("/1/");
    format!(r#"{{"EndPointUrl":"{url}","Workstation":"CDC-TEST","WatchTable":"Appointment","PollingSeconds":1{more}}}"#)
}

async fn numbers(office: &mut Office) -> Vec<String> {
    office.event().await.field("AptNum")
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_subscription_works_as_soon_as_it_is_made_and_no_longer_once_it_is_deleted() {
    let mut office = Office::open().await;
    let (bridge, api) = started(&office).await;
    let num = api.post(&ours(&office, "")).await.num();
    office.exec(&insert(1)).await;
    let event: Event = office.event().await;
    assert_eq!(event.field("AptNum"), ["1"]);
    assert_eq!(event.received.header("authorization"), "VzkmZEaUWOjnQX2z");

    // Another endpoint, at once.
    let moved = office.receiver.url("/2/");
    api.put(num, &format!(r#"{{"EndPointUrl":"{moved}"}}"#)).await;
    office.exec(&insert(2)).await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (2, vec!["2".to_owned()]));

    // Another one, with whose windows those of the deleted one would close.
    api.post(&ours(&office, "").replace("/1/", "/3/")).await;
    assert_eq!(api.delete(num).await.status, 200);
    for last in ["3", "4"] {
        office.exec(&insert(last.parse().unwrap())).await;
        loop {
            let event = office.event().await;
            let numbers = event.field("AptNum");
            assert!(event.subscription() == 3 || numbers == ["2"], "sent to the deleted one");
            if numbers.iter().any(|num| num == last) {
                break;
            }
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_date_time_start_set_back_sends_again_and_a_new_subscription_may_begin_in_the_past() {
    let mut office = Office::open().await;
    let (bridge, api) = started(&office).await;
    office.exec(&insert(1)).await;
    office.exec("UPDATE appointment SET DateTStamp='2020-05-05 12:00:00'").await;
    let num = api.post(&ours(&office, r#","DateTimeStart":"2020-05-05""#)).await.num();
    assert_eq!(numbers(&mut office).await, ["1"], "from the past");
    office.ticking(num).await;
    let set_back = api.put(num, r#"{"DateTimeStart":"2020-05-05 11:00:00"}"#).await;
    assert_eq!(set_back.json()["DateTimeStart"], "2020-05-05 11:00:00");
    assert_eq!(numbers(&mut office).await, ["1"], "again");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_date_time_start_moved_forwards_leaves_out_what_changed_before_it() {
    let mut office = Office::open().await;
    let (bridge, api) = started(&office).await;
    let num = api.post(&ours(&office, "")).await.num();
    office.ticking(num).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    office.exec("UPDATE appointment SET DateTStamp=NOW() - INTERVAL 1 HOUR").await;
    assert_eq!(numbers(&mut office).await, ["1"], "refused");
    let before = office.date_time_start(num).await;
    // The clock must have gone on, for now to lie ahead of it.
    let now = office
        .until("a second passes", async || office.value("SELECT CAST(NOW() AS CHAR)").await.filter(|now| *now > before))
        .await;
    let skipped = api.put(num, &format!(r#"{{"DateTimeStart":"{now}","Note":"skipped"}}"#)).await;
    assert_eq!(skipped.status, 200, "{}", skipped.body);
    assert_eq!((skipped.json()["DateTimeStart"].as_str(), &skipped.json()["Note"]), (Some(&*now), &"skipped".into()));
    office.receiver.behave(Behavior::status(200));
    while office.receiver.try_next().is_some() {}
    office.exec(&insert(2)).await;
    office.until("DateTimeStart goes on", async || (office.date_time_start(num).await > now).then_some(())).await;
    let sent = std::iter::from_fn(|| office.receiver.try_next()).map(|event| Event::new(event).field("AptNum"));
    assert!(sent.flatten().all(|num| num == "2"), "what was left out is not sent");

    // Beyond now it is a pause, and nothing is left out.
    let later = office.value("SELECT CAST(NOW() + INTERVAL 1 HOUR AS CHAR)").await.unwrap();
    let paused = api.put(num, &format!(r#"{{"DateTimeStart":"{later}"}}"#)).await;
    assert_eq!(paused.json()["DateTimeStart"].as_str(), Some(&*later));
    assert_eq!(office.date_time_start(num).await, later);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_26_added_is_shown_after_the_note() {
    let office = Office::open().await;
    office
        .exec(
            "ALTER TABLE apisubscription ADD DateTimeLastFailure datetime NOT NULL, ADD FailureReason varchar(255) NOT \
             NULL, ADD SubsequentFailures int NOT NULL, ADD DateTimeNextRetry datetime NOT NULL",
        )
        .await;
    let (bridge, api) = started(&office).await;
    let made = api.post(&ours(&office, "").replace("CDC-TEST", "OTHER")).await;
    let more = r#","Note":"","DateTimeLastFailure":"0001-01-01 00:00:00","FailureReason":"","SubsequentFailures":0,"DateTimeNextRetry":"0001-01-01 00:00:00"}"#;
    assert!(made.body.ends_with(more), "{}", made.body);
    // As a client sends back what it got.
    assert_eq!(api.put(made.num(), &made.body).await.body, made.body);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_equal_requests_at_once_one_makes_a_subscription() {
    for office in [Office::open().await, Office::open_innodb().await] {
        // However many ask, the bridge takes few of the server's connections.
        let account = format!("'{}'@'127.0.0.1'", office.database);
        office.exec(&format!("ALTER USER {account} WITH MAX_USER_CONNECTIONS 8")).await;
        let (bridge, api) = started(&office).await;
        let body = ours(&office, "");
        let answers = futures_util::future::join_all((0..40).map(|_| api.post(&body))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (201, &[400; 39][..]));
        let refused = answers.iter().find(|answer| answer.status == 400).unwrap().words();
        assert!(refused.contains("already"), "{refused}");
        assert_eq!(office.value("SELECT CAST(COUNT(*) AS CHAR) FROM apisubscription").await.unwrap(), "1");
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_while_polling_too() {
    let mut office = Office::open().await;
    grant(&office).await;
    office.poll();
    let api = Api::new();
    let config = Config { http: api.http(), ..Config::from_toml(&office.toml()).unwrap() };
    let stop = CancellationToken::new();
    let task = tokio::spawn(Polling::new(config).run(stop.clone()));
    office
        .until("the API answers", async || (api.listening() && api.get(PATH).await.status == 200).then_some(()))
        .await;
    let made = api.post(&ours(&office, r#","DateTimeStart":"2020-05-05""#)).await;
    assert_eq!(made.status, 201);
    office.exec(&insert(1)).await;
    assert_eq!(numbers(&mut office).await, ["1"]);
    assert_eq!(api.delete(made.num()).await.status, 200);
    stop.cancel();
    task.await.unwrap().unwrap();
}
