//! Endpoints that `delivery.deny` keeps events from: a failure like any other, until somebody changes the rules.

use opendental_cdc::{config::EndpointRule, state::DeliveryLog};

use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn d2_an_event_that_may_not_go_out_waits_until_the_rules_let_it() {
    let mut office = Office::open().await;
    office.exec("ALTER TABLE apisubscription ADD COLUMN FailureReason varchar(255) NOT NULL DEFAULT ''").await;
    office.subscribe(1, "Appointment", 1).await;
    // By a name, which is allowed, and whose address is not.
    office.exec("UPDATE apisubscription SET EndPointUrl = REPLACE(EndPointUrl, '127.0.0.1', 'localhost')").await;
    let rules = ["127.0.0.0/8", "::1"].iter().filter_map(|text| EndpointRule::parse(text)).collect();
    let bridge = office.bridge_with(|config| config.delivery.deny = rules);
    office.ticking(1).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW())").await;
    let reason = office
        .until("the failure is noted", async || {
            office.value("SELECT FailureReason FROM apisubscription").await.filter(|reason| !reason.is_empty())
        })
        .await;
    assert!(reason.starts_with("not sent: localhost (") && reason.ends_with(") is in delivery.deny"), "{reason}");
    bridge.stop().await;
    assert!(office.receiver.try_next().is_none());

    let bridge = office.bridge();
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.stop().await;
    let mut log = DeliveryLog::open(&office.state()).await.unwrap();
    let tried = log.last(1, 100).await.unwrap();
    assert!(tried.len() >= 2 && tried.iter().all(|delivery| delivery.webhook_id == tried[0].webhook_id));
    let kinds: Vec<_> = tried.into_iter().map(|delivery| delivery.failure.map(|failure| failure.kind)).collect();
    assert_eq!(kinds.first(), Some(&None), "the newest was accepted");
    assert_eq!(kinds.last(), Some(&Some("denied".to_owned())));
}
