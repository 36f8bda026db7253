//! UI events: a patient who is selected on a workstation is sent at once, as one object.

use std::{sync::Arc, time::Duration};

use opendental_cdc::{
    config::{Config, UiEventCallers},
    opendental::schema::Engine,
    polling::Polling,
    sandbox::{
        MySql, Options,
        receiver::{Behavior, ReceivedEvent},
    },
    state::DeliveryLog,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    api::client::{Answer, Api},
    office::{Office, Running},
};

const PATH: &str = "/api/v1/uievents";

/// A subscription for UI events.
fn ui_subscription(num: i64, url: &str, workstation: &str, start: &str, stop: &str) -> String {
    format!(
        "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
         PollingSeconds, UiEventType, DateTimeStart, DateTimeStop, Note) \
         VALUES ({num}, '{url}', '{workstation}', 'key{num}', '', 0, 'PatientSelected', {start}, {stop}, '')"
    )
}

/// With patients 1 to 3, and one subscription for all workstations.
async fn prepared(office: &Office) {
    office.exec("INSERT INTO provider (ProvNum, Abbr) VALUES (3, 'DOC')").await;
    for (pat_num, name, provider) in [(1, "Smith", 3), (2, "Jones", 0), (3, "Lee", 0)] {
        let values = format!("({pat_num}, '{name}', {provider}, '2020-01-01')");
        office.exec(&format!("INSERT INTO patient (PatNum, LName, PriProv, DateTStamp) VALUES {values}")).await;
    }
    let url = office.receiver.url("/1/?type=ui");
    office.exec(&ui_subscription(1, &url, "", "NOW()", "'0001-01-01'")).await;
}

async fn started(office: &Office, callers: UiEventCallers) -> (Running, Api) {
    let api = Api::new();
    let bridge = office.bridge_with(|config| {
        config.http = api.http();
        config.http.ui_events = callers;
    });
    let ready = async || (api.listening() && api.get("/readyz").await.status == 200).then_some(());
    office.until("the bridge is ready", ready).await;
    (bridge, api)
}

async fn select(api: &Api, pat_num: i64, workstation: &str) -> Answer {
    let body = json!({ "UiEventType": "PatientSelected", "PatNum": pat_num, "Workstation": workstation });
    api.send("POST", PATH, "Content-Type: application/json\r\n", body.to_string().as_bytes()).await
}

/// Selects a patient, of which so many subscriptions are told.
async fn selected(api: &Api, pat_num: i64, workstation: &str, events: usize) {
    let answer = select(api, pat_num, workstation).await;
    assert_eq!((answer.status, answer.body), (202, format!("{{\"Events\":{events}}}")));
}

async fn received(office: &mut Office) -> ReceivedEvent {
    tokio::time::timeout(Duration::from_secs(60), office.receiver.next()).await.expect("waited in vain").unwrap()
}

fn pat_num(event: &ReceivedEvent) -> i64 {
    serde_json::from_slice::<serde_json::Value>(&event.body).unwrap()["PatNum"].as_i64().unwrap()
}

async fn the_patient_is_sent_to_those_who_want_to_know(mut office: Office) {
    prepared(&office).await;
    let url = |num: i64| office.receiver.url(&format!("/{num}/"));
    let never = "'0001-01-01'";
    let rows = [
        ui_subscription(2, &url(2), "front", "NOW()", never),
        ui_subscription(3, &url(3), "BACK", "NOW()", never),
        ui_subscription(4, &url(4), "", "NOW()", "NOW() - INTERVAL 1 MINUTE"),
        ui_subscription(5, &url(5), "", "NOW() + INTERVAL 1 HOUR", never),
    ];
    office.exec(&rows.join(";")).await;
    office.subscribe(6, "Patient", 1).await;
    let (bridge, api) = started(&office, UiEventCallers::Loopback).await;
    office.ticking(6).await;
    // What a database event tells of the row.
    office.exec("UPDATE patient SET FName='Jane' WHERE PatNum=1").await;
    let element = received(&mut office).await.body;

    selected(&api, 1, "FRONT", 2).await;
    let mut events = [received(&mut office).await, received(&mut office).await];
    events.sort_by(|left, right| left.path.cmp(&right.path));
    for (event, (path, key)) in events.iter().zip([("/1/?type=ui", "key1"), ("/2/", "key2")]) {
        assert_eq!((event.path.as_str(), event.header("authorization")), (path, key));
        assert_eq!(event.header("workstation"), "FRONT");
        assert_eq!(event.header("event-type"), "UiEventType: PatientSelected");
        assert_eq!(event.header("content-type"), "application/json");
        assert!(event.header("webhook-id").starts_with("msg_"));
        assert_eq!(element, [b"[", &event.body[..], b"]"].concat(), "one object, as the API gives the row");
    }
    assert!(String::from_utf8_lossy(&events[0].body).contains(r#""priProvAbbr":"DOC""#));
    assert_ne!(events[0].header("webhook-id"), events[1].header("webhook-id"));

    // The same patient there is no event, nor is a selection that is cleared; elsewhere it is one.
    selected(&api, 1, "front ", 0).await;
    selected(&api, 0, "FRONT", 0).await;
    selected(&api, 1, "FRONT", 0).await;
    selected(&api, 1, "BACK", 2).await;
    let paths = [received(&mut office).await.path, received(&mut office).await.path];
    assert!(paths.contains(&"/3/".to_owned()), "{paths:?}");

    // A new subscription, and one that is deleted, take effect at once (rule W8).
    office.exec(&ui_subscription(7, &office.receiver.url("/7/"), "BACK", "NOW()", never)).await;
    office.exec("DELETE FROM apisubscription WHERE ApiSubscriptionNum IN (1, 3)").await;
    office.ticking(6).await;
    office.ticking(6).await;
    selected(&api, 2, "BACK", 1).await;
    let event = received(&mut office).await;
    assert_eq!((event.path.as_str(), pat_num(&event)), ("/7/", 2));
    assert!(office.receiver.try_next().is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_selected_patient_is_sent_to_those_who_want_to_know() {
    the_patient_is_sent_to_those_who_want_to_know(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_selected_patient_is_sent_on_mysql_too() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().zone("America/New_York").arg("--sql-mode=")).await.unwrap();
    the_patient_is_sent_to_those_who_want_to_know(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_selection_is_refused_and_an_unknown_patient_may_come_to_be_known() {
    let mut office = Office::open().await;
    prepared(&office).await;
    let (bridge, api) = started(&office, UiEventCallers::Loopback).await;
    let post = async |headers: &str, body: &str| api.send("POST", PATH, headers, body.as_bytes()).await;
    let json = "Content-Type: application/json\r\n";
    for body in
        ["", "[]", "{", r#"{"UiEventType":"PatientSelected"}"#, r#"{"UiEventType":"X","PatNum":1,"Workstation":"A"}"#]
    {
        let answer = post(json, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.words().len() > 20, "{}", answer.body);
    }
    let good = r#"{"UiEventType":"PatientSelected","PatNum":1,"Workstation":"A"}"#;
    assert_eq!(post("", good).await.status, 400, "a form of a web page could send it");
    assert_eq!(post(&format!("{json}X-Forwarded-For: 192.0.2.1\r\n"), good).await.status, 403, "from elsewhere");
    assert_eq!(api.get(PATH).await.status, 405);

    let unknown = select(&api, 4711, "A").await;
    assert_eq!((unknown.status, unknown.words()), (404, "Patient not found.".to_owned()));
    office.exec("INSERT INTO patient (PatNum) VALUES (4711)").await;
    selected(&api, 4711, "A", 1).await;
    assert_eq!(pat_num(&received(&mut office).await), 4711);
    assert!(office.receiver.try_next().is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_a_refused_event_is_tried_a_few_times_under_one_id_and_logged() {
    let mut office = Office::open().await;
    prepared(&office).await;
    office.receiver.behave(Behavior::status(503));
    let (bridge, api) = started(&office, UiEventCallers::Loopback).await;
    selected(&api, 1, "A", 1).await;
    let ids = [received(&mut office).await, received(&mut office).await, received(&mut office).await]
        .map(|event| event.header("webhook-id").to_owned());
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
    office.receiver.behave(Behavior::status(200));
    selected(&api, 2, "A", 1).await;
    assert_eq!(pat_num(&received(&mut office).await), 2, "the first was given up");
    bridge.stop().await;
    let log = DeliveryLog::open(&office.state()).await.unwrap().last(1, 10).await.unwrap();
    let statuses: Vec<_> = log.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(200), Some(503), Some(503), Some(503)]);
    let last = &log[1];
    assert_eq!((last.watch_table.as_str(), last.window, last.elements), ("PatientSelected", 0, 1));
    assert_eq!(last.webhook_id, ids[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_selection_comes_last_and_what_was_selected_between_is_left_out() {
    let mut office = Office::open().await;
    prepared(&office).await;
    let slow = Behavior::Answer { status: 503, headers: Vec::new(), delay: Duration::from_secs(1) };
    office.receiver.behave(slow);
    let (bridge, api) = started(&office, UiEventCallers::Loopback).await;
    selected(&api, 1, "A", 1).await;
    assert_eq!(pat_num(&received(&mut office).await), 1);
    // While the first is under way.
    office.receiver.behave(Behavior::status(200));
    selected(&api, 2, "A", 1).await;
    selected(&api, 3, "A", 1).await;
    // Another workstation does not wait for it.
    selected(&api, 2, "B", 1).await;
    let events = [received(&mut office).await, received(&mut office).await];
    let told = events.each_ref().map(|event| (event.header("workstation").to_owned(), pat_num(event)));
    assert_eq!(told, [("B".to_owned(), 2), ("A".to_owned(), 3)]);
    bridge.stop().await;
    assert!(office.receiver.try_next().is_none(), "the first is stale and not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_elsewhere_need_a_key_where_that_is_configured() {
    let mut office = Office::open().await;
    prepared(&office).await;
    let (bridge, api) = started(&office, UiEventCallers::Keys).await;
    for key in ["", "NFF6i0KrXrxDkZHt/wrong", "NFF6i0KrXrxDkZHt"] {
        assert_eq!(select(&api.as_key(key), 1, "A").await.status, 401, "{key}");
    }
    selected(&api, 1, "A", 1).await;
    assert_eq!(pat_num(&received(&mut office).await), 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_says_that_it_cannot() {
    let mut office = Office::open().await;
    office.poll();
    let api = Api::new();
    let config = Config { http: api.http(), ..Config::from_toml(&office.toml()).unwrap() };
    let stop = CancellationToken::new();
    let polling = tokio::spawn(Polling::new(config).run(stop.clone()));
    let refused = async || {
        let answer = if api.listening() { select(&api, 1, "A").await } else { return None };
        (answer.status == 501).then(|| answer.words())
    };
    let words = office.until("it polls", refused).await;
    assert!(words.contains("engine = \"binlog\""), "{words}");
    stop.cancel();
    polling.await.unwrap().unwrap();
}
