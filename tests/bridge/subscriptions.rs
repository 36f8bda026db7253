//! W1 and W8: which subscriptions are served, and how they follow `apisubscription`.

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Office, subscription_row};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_only_our_own_unexpired_window_subscriptions_are_served() {
    let mut office = Office::open().await;
    for num in 1..=7 {
        office.subscribe(num, "Appointment", 1).await;
    }
    office.exec("UPDATE apisubscription SET Workstation='cdc-test' WHERE ApiSubscriptionNum=2").await;
    office.exec("UPDATE apisubscription SET Workstation='All Workstations' WHERE ApiSubscriptionNum=3").await;
    office.exec("UPDATE apisubscription SET Workstation='FRONTDESK' WHERE ApiSubscriptionNum=4").await;
    office.exec("UPDATE apisubscription SET DateTimeStop='2020-01-01' WHERE ApiSubscriptionNum=5").await;
    office
        .exec("UPDATE apisubscription SET WatchTable='', UiEventType='PatientSelected' WHERE ApiSubscriptionNum=6")
        .await;
    office.exec("UPDATE apisubscription SET DateTimeStart='2099-01-01' WHERE ApiSubscriptionNum=7").await;
    let untouched = office.date_time_start(5).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    let mut served = Vec::new();
    for _ in 0..3 {
        served.push(office.event().await.subscription());
    }
    served.sort_unstable();
    assert_eq!(served, [1, 2, 3]);
    assert_eq!(office.date_time_start(5).await, untouched);
    assert_eq!(office.date_time_start(7).await, "2099-01-01 00:00:00");
    assert!(office.receiver.try_next().is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_subscription_ends_when_its_date_time_stop_passes_though_an_event_waits_to_be_tried_again() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nretry_max_seconds = 1\n");
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    office.receiver.behave_by(|event| Behavior::status(if event.path == "/1/" { 503 } else { 200 }));
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    while office.event().await.subscription() != 1 {}
    let only = "WHERE ApiSubscriptionNum=1";
    office.exec(&format!("UPDATE apisubscription SET DateTimeStop = NOW() + INTERVAL 2 SECOND {only}")).await;
    // It goes on until then.
    while office.event().await.subscription() != 1 {}
    let passed = format!("SELECT 1 FROM apisubscription {only} AND DateTimeStop < NOW() - INTERVAL 1 SECOND");
    office.until("DateTimeStop passes", async || office.value(&passed).await).await;
    while office.receiver.try_next().is_some() {}
    for _ in 0..3 {
        office.ticking(2).await;
    }
    assert!(office.receiver.try_next().is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_subscriptions_made_changed_and_deleted_while_running_take_effect_from_the_log() {
    let mut office = Office::open().await;
    let bridge = office.bridge();
    office.subscribe(1, "Appointment", 1).await;
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.subscription(), 1);
    // A window whose answer has not been heard yet would start again at the new endpoint.
    office.ticking(1).await;

    // Another endpoint.
    let url = office.receiver.url("/2/");
    office.exec(&format!("UPDATE apisubscription SET EndPointUrl='{url}' WHERE ApiSubscriptionNum=1")).await;
    office.exec(&insert(2)).await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (2, vec!["2".to_owned()]));

    // Another key.
    office.exec("UPDATE apisubscription SET CustomerKey='other' WHERE ApiSubscriptionNum=1").await;
    office.exec(&insert(3)).await;
    assert_eq!(office.event().await.received.header("authorization"), "other");

    // Another watch table: a new subscription under the same number.
    office
        .exec("UPDATE apisubscription SET WatchTable='Patient', DateTimeStart=NOW() WHERE ApiSubscriptionNum=1")
        .await;
    office.ticking(1).await;
    office.exec(&insert(4)).await;
    office.exec("INSERT INTO patient (PatNum, LName) VALUES (5, 'Doe')").await;
    let event = office.event().await;
    assert_eq!(event.received.header("event-type"), "WatchTable: Patient");

    // Deleted: nothing is sent any more, though another is served meanwhile.
    office.exec("DELETE FROM apisubscription WHERE ApiSubscriptionNum=1").await;
    office.subscribe(9, "Patient", 1).await;
    office.ticking(9).await;
    office.exec("INSERT INTO patient (PatNum, LName) VALUES (6, 'Roe')").await;
    let mut event = office.event().await;
    while event.field("PatNum") == ["5"] {
        event = office.event().await;
    }
    assert_eq!(event.subscription(), 9);
    office.ticking(9).await;
    assert!(office.receiver.try_next().is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_an_open_window_starts_again_at_a_new_endpoint_under_a_new_id() {
    use opendental_cdc::sandbox::receiver::Behavior;
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave_by(|event| match event.path.as_str() {
        "/1/" => Behavior::Hang,
        _ => Behavior::status(200),
    });
    office.exec(&insert(1)).await;
    let hanging = office.event().await;
    let url = office.receiver.url("/2/");
    office.exec(&format!("UPDATE apisubscription SET EndPointUrl='{url}' WHERE ApiSubscriptionNum=1")).await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (2, vec!["1".to_owned()]));
    assert_ne!(event.id(), hanging.id());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_lookup_that_changes_is_seen_in_the_next_event() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO provider (ProvNum, Abbr) VALUES (3, 'DOC')").await;
    office.exec("INSERT INTO definition (DefNum, Category, ItemName) VALUES (19, 2, 'Not Called')").await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("INSERT INTO appointment (AptNum, ProvNum, Confirmed) VALUES (1, 3, 19)").await;
    let event = office.event().await;
    assert_eq!((event.field("provAbbr"), event.field("confirmed")), (vec!["DOC".into()], vec!["Not Called".into()]));
    office.exec("UPDATE provider SET Abbr='HYG' WHERE ProvNum=3").await;
    office.exec("UPDATE definition SET ItemName='Called' WHERE DefNum=19").await;
    office.exec("UPDATE appointment SET Note='n' WHERE AptNum=1").await;
    let event = office.event().await;
    assert_eq!((event.field("provAbbr"), event.field("confirmed")), (vec!["HYG".into()], vec!["Called".into()]));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_polling_interval_below_one_counts_as_one() {
    let mut office = Office::open().await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", -5, "NOW()")).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.stop().await;
}
