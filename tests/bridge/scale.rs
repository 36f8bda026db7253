//! Many subscriptions on one table.

use std::collections::HashMap;

use mysql_async::prelude::Queryable;

use crate::office::{Office, subscription_row};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscriptions_on_one_table_all_get_the_change() {
    let mut office = Office::open().await;
    let mut session = office.connect().await;
    for num in 1..=1000 {
        let url = office.receiver.url(&format!("/{num}/"));
        session.query_drop(subscription_row(num, &url, "Appointment", 1, "NOW()")).await.unwrap();
    }
    let bridge = office.bridge();
    office.ticking(1000).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW())").await;
    let mut received: HashMap<i64, String> = HashMap::new();
    while received.len() < 1000 {
        let event = office.event().await;
        assert_eq!(event.field("AptNum"), ["1"]);
        received.insert(event.subscription(), event.id());
    }
    let ids: std::collections::HashSet<&String> = received.values().collect();
    assert_eq!(ids.len(), 1000, "each subscription's event has an id of its own");
    bridge.stop().await;
}
