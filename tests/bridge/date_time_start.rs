//! W7: DateTimeStart is written over the value last seen only, and whatever is found means something.

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::Office;

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_moved_back_sends_again_from_there_under_new_ids() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(1)).await;
    let first = office.event().await;
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW() - INTERVAL 1 DAY").await;
    let again = office.event().await;
    assert_eq!(again.field("AptNum"), ["1"]);
    assert_ne!(again.id(), first.id());
    office
        .until("DateTimeStart comes back to now", async || {
            let behind =
                office.value("SELECT CAST(TIMESTAMPDIFF(HOUR, DateTimeStart, NOW()) AS CHAR) FROM apisubscription");
            (behind.await.as_deref() == Some("0")).then_some(())
        })
        .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_moved_forward_by_another_sender_neither_skips_nor_delays() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    // The endpoint is down while another sender claims to have sent everything.
    office.receiver.behave(Behavior::status(500));
    office.exec(&insert(1)).await;
    let failed = office.event().await;
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW()").await;
    office.receiver.behave(Behavior::status(200));
    let retried = office.event().await;
    assert_eq!((retried.id(), retried.field("AptNum")), (failed.id(), vec!["1".to_owned()]));
    office.exec(&insert(2)).await;
    let mut event = office.event().await;
    while event.id() == failed.id() {
        event = office.event().await;
    }
    assert_eq!(event.field("AptNum"), ["2"]);
    office.ticking(1).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_beyond_now_is_a_pause_that_loses_nothing() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("UPDATE apisubscription SET DateTimeStart='2099-01-01' WHERE ApiSubscriptionNum=1").await;
    office.exec(&insert(1)).await;
    assert_eq!(office.event().await.subscription(), 2);
    office.ticking(2).await;
    assert!(office.receiver.try_next().is_none(), "nothing is sent during the pause");
    assert_eq!(office.date_time_start(1).await, "2099-01-01 00:00:00", "the pause is left alone");
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW() WHERE ApiSubscriptionNum=1").await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("AptNum")), (1, vec!["1".to_owned()]));
    bridge.stop().await;
}
