//! D1 to D3, as a subscriber sees them.

use opendental_cdc::sandbox::receiver::{Behavior, Receiver};

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
    office.configure("[delivery]\nconcurrency = 8\nconcurrency_per_host = 8\n");
    let hanging = Receiver::bind("127.0.0.1:0").await.unwrap();
    hanging.behave(Behavior::Hang);
    for num in 100..106 {
        let url = hanging.url(&format!("/{num}/"));
        office.exec(&subscription_row(num, &url, "Appointment", 1, "NOW()")).await;
    }
    // Nobody listens there.
    office.exec(&subscription_row(200, "http://127.0.0.1:9/", "Appointment", 1, "NOW()")).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    for num in 1..=3 {
        office.exec(&insert(num)).await;
        assert_eq!(office.event().await.field("AptNum"), [num.to_string()]);
        office.ticking(1).await;
    }
    let stuck = office.date_time_start(100).await;
    assert!(stuck < office.date_time_start(1).await);
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
