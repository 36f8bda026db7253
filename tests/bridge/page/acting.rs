//! The buttons, with and without JavaScript.

use std::time::Duration;

use opendental_cdc::sandbox::receiver::Behavior;
use serde_json::Value;

use super::{Address, assert_content, tab::Tab};
use crate::office::{Office, Running};

/// A subscription whose event will not be tried again by itself before an hour is over.
async fn failing(office: &mut Office, address: &Address) -> Running {
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Patient", 1).await;
    let bridge = address.bridge(office).await;
    office.ticking(1).await;
    let headers = vec![("Retry-After".to_owned(), "3600".to_owned())];
    office.receiver.behave(Behavior::Answer { status: 503, headers, delay: Duration::ZERO });
    office.exec("INSERT INTO patient (PatNum) VALUES (1)").await;
    office.event().await;
    bridge
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_comes_first_and_is_tried_again_at_once() {
    for scripts in [true, false] {
        let Some(mut tab) = Tab::open().await else { return };
        let (mut office, address) = (Office::open().await, Address::free());
        let bridge = failing(&mut office, &address).await;
        if !scripts {
            tab.without_scripts().await;
        }
        office
            .until("the failure is shown", async || {
                tab.go(&address.url("/?show=need-attention")).await;
                let text = tab.text("#subscriptions").await;
                text.contains("answered 503 Service Unavailable").then_some(())
            })
            .await;
        assert_eq!(tab.value("document.querySelector('#subscriptions tbody tr').id").await, "subscription-2");
        assert_eq!(tab.value("document.querySelectorAll('#subscriptions tbody tr').length").await, 1);
        tab.click("#retry-2").await;
        assert_eq!(office.event().await.field("PatNum"), ["1"]);
        office.receiver.behave(Behavior::status(204));
        office
            .until("it can be tried again", async || {
                tab.go(&address.url("/?show=need-attention")).await;
                (tab.value("document.querySelector('#retry-2') !== null").await == true).then_some(())
            })
            .await;
        tab.click("#retry-2").await;
        assert_eq!(office.event().await.field("PatNum"), ["1"]);
        office
            .until("it works again", async || {
                tab.go(&address.url("/?show=need-attention")).await;
                tab.text("#subscriptions").await.contains("No subscription is like that").then_some(())
            })
            .await;
        assert_content(&mut tab);
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_rewind_is_confirmed_and_sends_again() {
    for scripts in [true, false] {
        let Some(mut tab) = Tab::open().await else { return };
        let (mut office, address) = (Office::open().await, Address::free());
        office.subscribe(1, "Appointment", 1).await;
        let bridge = address.bridge(&office).await;
        office.ticking(1).await;
        let before = office.value("SELECT CAST(NOW() - INTERVAL 1 MINUTE AS CHAR)").await.unwrap();
        office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (7, 1)").await;
        let first = office.event().await;
        if !scripts {
            tab.without_scripts().await;
        }
        tab.go(&address.url("/")).await;
        tab.click("#rewind-1").await;
        tab.until("location.pathname === '/subscriptions/1/rewind'").await;
        let from = Value::from(before.replace(' ', "T"));
        tab.value(&format!("document.querySelector('#from').value = {from}")).await;
        tab.click("main button[type=submit]").await;
        tab.until_it_says("DateTimeStart was moved back.").await;
        let again = office.event().await;
        assert_eq!(again.field("AptNum"), ["7"]);
        assert_ne!(again.id(), first.id());
        assert_content(&mut tab);
        bridge.stop().await;
    }
}
