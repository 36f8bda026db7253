//! Subscriptions that are edited while they wait for the second reader (rules W7 and W8).

use super::{BEGUN, DONE, LeftBehind, arrive, insert, start};
use crate::{
    office::{Event, subscription_row},
    proxy::Fate,
};

/// One that has begun, and takes long.
async fn waiting() -> (LeftBehind, crate::office::Process) {
    let left = LeftBehind::new().await;
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.ticking(2).await;
    (left, bridge)
}

fn rows(events: &[Event], num: i64) -> Vec<String> {
    events.iter().filter(|event| event.subscription() == num).flat_map(|event| event.field("AptNum")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_endpoint_stop_and_deletion_count_while_the_second_pass_is_awaited() {
    let (mut left, bridge) = waiting().await;
    let url = left.office.receiver.url("/11/");
    left.office.exec(&format!("UPDATE apisubscription SET EndPointUrl='{url}' WHERE ApiSubscriptionNum=1")).await;
    left.office.exec("UPDATE apisubscription SET DateTimeStop='2020-01-01' WHERE ApiSubscriptionNum=4").await;
    // Another subscription under the same number.
    left.office.exec("DELETE FROM apisubscription WHERE ApiSubscriptionNum=3").await;
    left.until_told("it was deleted").await;
    let again = subscription_row(3, &left.office.receiver.url("/3/"), "Appointment", 1, "NOW()");
    left.office.exec(&again).await;
    left.office.ticking(3).await;
    left.office.exec(&insert(4)).await;
    let mut events = arrive(&mut left.office, &[(2, "AptNum", 4), (3, "AptNum", 4)]).await;
    assert_eq!(left.told(DONE), 0, "a new subscription waited for the second reader");
    left.proxy.dumps(Fate::Forwarded);
    events.extend(arrive(&mut left.office, &[(11, "AptNum", 1), (11, "AptNum", 2), (11, "AptNum", 4)]).await);
    left.until_told(DONE).await;
    left.office.exec(&insert(5)).await;
    events.extend(arrive(&mut left.office, &[(2, "AptNum", 5), (3, "AptNum", 5), (11, "AptNum", 5)]).await);
    assert_eq!(rows(&events, 1), [""; 0], "sent to yesterday's endpoint");
    assert_eq!(rows(&events, 4), [""; 0], "sent to one that has expired");
    assert_eq!((rows(&events, 2), rows(&events, 3)), (vec!["4".into(), "5".into()], vec!["4".into(), "5".into()]));
    assert!(!rows(&events, 11).contains(&"3".to_owned()), "a deleted row was sent");
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_events_wanted_again_and_another_watch_table_count_while_the_second_pass_is_awaited() {
    let (mut left, bridge) = waiting().await;
    // All that there is, though it was stamped long before.
    left.office.exec("SET SESSION sql_log_bin=0; INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (77, 1, '2019-01-01')").await;
    left.office.exec("UPDATE apisubscription SET DateTimeStart='2018-01-01' WHERE ApiSubscriptionNum=1").await;
    left.office.exec("UPDATE apisubscription SET WatchTable='LabCase' WHERE ApiSubscriptionNum=4").await;
    left.until_told("its WatchTable changed").await;
    left.office.exec("INSERT INTO labcase (LabCaseNum, Instructions) VALUES (8, '')").await;
    let mut events = arrive(&mut left.office, &[(4, "LabCaseNum", 8)]).await;
    assert_eq!(left.told(DONE), 0, "a new subscription waited for the second reader");
    left.proxy.dumps(Fate::Forwarded);
    let wanted = [(1, "AptNum", 77), (1, "AptNum", 1), (1, "AptNum", 2), (3, "LabCaseNum", 5), (3, "LabCaseNum", 6)];
    events.extend(arrive(&mut left.office, &wanted).await);
    left.until_told(DONE).await;
    left.office.exec(&insert(5)).await;
    events.extend(arrive(&mut left.office, &[(1, "AptNum", 5), (2, "AptNum", 5)]).await);
    assert!(rows(&events, 4).iter().all(|row| row != "1" && row != "2"), "rows of yesterday's watch table");
    assert!(!rows(&events, 1).contains(&"3".to_owned()), "a deleted row was sent");
    bridge.kill();
}
