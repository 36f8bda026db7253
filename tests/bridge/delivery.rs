//! D1 to D3, as a subscriber sees them.

use opendental_cdc::{
    sandbox::receiver::{Behavior, Receiver},
    state::{Delivery, DeliveryLog},
};

use crate::office::{Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_the_request_is_what_open_dental_sends() {
    let mut office = Office::open().await;
    let url = office.receiver.url("/hook/?type=apptevent&x=%20");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "NOW()")).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    let event = office.event().await.received;
    assert_eq!(event.method, "POST");
    assert_eq!(event.path, "/hook/?type=apptevent&x=%20");
    assert_eq!(event.header("authorization"), "key1");
    assert_eq!(event.header("workstation"), "CDC-TEST");
    assert_eq!(event.header("event-type"), "WatchTable: Appointment");
    assert_eq!(event.header("content-type"), "application/json");
    assert!(event.header("webhook-id").starts_with("msg_"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_endpoints_that_hang_or_refuse_delay_no_other() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nconcurrency = 64\n");
    // A thousand subscriptions of one host that hangs, and a host that refuses.
    let hanging = Receiver::bind("127.0.0.1:0").await.unwrap();
    hanging.behave(Behavior::Hang);
    let rows = (1001..=2000).map(|num| subscription_row(num, &hanging.url("/"), "Appointment", 1, "NOW()"));
    office.exec(&rows.collect::<Vec<_>>().join(";")).await;
    office.exec(&subscription_row(200, "http://127.0.0.1:9/", "Appointment", 1, "NOW()")).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    for num in 1..=3 {
        office.exec(&insert(num)).await;
        assert_eq!(office.event().await.field("AptNum"), [num.to_string()]);
        office.ticking(1).await;
    }
    let stuck = office.date_time_start(1001).await;
    assert!(stuck < office.date_time_start(1).await);
    assert_eq!(hanging.most_under_way(), 16, "as many as one host gets");
    drop(hanging);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_events_are_signed_with_the_configured_secret() {
    let mut office = Office::open().await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    office.configure(&format!("[delivery]\nsecrets = [\"{secret}\"]\n"));
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    let event = office.event().await.received;
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    webhook.verify(&event.body, &event.headers).unwrap();
    bridge.stop().await;
}

async fn deliveries(office: &Office, subscription: i64) -> Vec<Delivery> {
    let mut log = DeliveryLog::open(&office.state()).await.unwrap();
    log.last(subscription, 100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_the_delivery_log_tells_what_became_of_each_attempt_and_nothing_of_a_patient() {
    let mut office = Office::open().await;
    let url = office.receiver.url("/Zanzibarpath/?token=Zanzibartoken");
    office.exec(&subscription_row(1, &url, "Patient", 1, "NOW()")).await;
    office.exec("UPDATE apisubscription SET CustomerKey='Zanzibarkey'").await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec("INSERT INTO patient (PatNum, LName) VALUES (1, 'Zanzibarname'), (2, 'Zanzibarname')").await;
    let event = office.event().await;
    // Nothing else is stored while the only event is tried again.
    let failed = office.until("a failure is logged", async || deliveries(&office, 1).await.pop()).await;
    let failure = failed.failure.unwrap();
    assert_eq!((failed.status, &*failure.kind), (Some(503), "status"));
    assert_eq!(failure.reason, "answered 503 Service Unavailable");
    office.receiver.behave(Behavior::status(202));
    let accepted = office
        .until("the success is logged", async || {
            deliveries(&office, 1).await.into_iter().next().filter(|delivery| delivery.failure.is_none())
        })
        .await;
    assert_eq!((accepted.status, accepted.elements, &*accepted.watch_table), (Some(202), 2, "Patient"));
    assert_eq!(accepted.bytes, u64::try_from(event.received.body.len()).unwrap());
    for delivery in [&failed.webhook_id, &accepted.webhook_id] {
        assert_eq!(*delivery, event.id());
    }
    assert_eq!(failed.window, accepted.window);
    assert!(failed.ended < accepted.ended);
    bridge.stop().await;
    let mut state = std::fs::read(office.state()).unwrap();
    // It is still there if somebody was looking into the file when the bridge ended.
    state.extend(std::fs::read(office.state().with_extension("db-wal")).unwrap_or_default());
    let holds = |text: &str| state.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds(&event.id()) && !holds("Zanzibar"), "the state file has nothing of row, key or URL");

    office.configure("[delivery]\nlog_days = 0\n");
    let bridge = office.bridge();
    office.until("the log is emptied", async || deliveries(&office, 1).await.is_empty().then_some(())).await;
    office.exec("UPDATE patient SET LName='Smith'").await;
    office.event().await;
    bridge.stop().await;
    assert_eq!(deliveries(&office, 1).await, []);
}
