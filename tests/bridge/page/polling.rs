//! The page of `engine = "polling"`: what polling knows, and nothing that only the log could tell.

use tokio::net::TcpStream;

use super::{
    Address,
    accessible::{assert_usable, axe},
    assert_content,
    tab::{Screen, Tab},
};
use crate::office::{Office, Process, subscription_row};

/// A practice that is polled, with a subscription that is served, one that fails, and two that cannot be served.
async fn polled(address: &Address) -> (Office, Process) {
    let mut office = Office::open().await;
    office.poll();
    office.listen(&address.0.to_string());
    office.subscribe(1, "Appointment", 1).await;
    // Nobody listens there.
    office.exec(&subscription_row(2, "http://127.0.0.1:9/", "Patient", 1, "'2020-01-01'")).await;
    office.exec("INSERT INTO patient (PatNum) VALUES (1)").await;
    office.subscribe(3, "PatFieldDeleted", 1).await;
    office.exec(&subscription_row(4, "http://127.0.0.1:9/", "", 0, "NOW()")).await;
    office.exec("UPDATE apisubscription SET UiEventType='PatientSelected' WHERE ApiSubscriptionNum=4").await;
    let polling = office.process();
    office.until("the page can be opened", async || TcpStream::connect(address.0).await.ok()).await;
    (office, polling)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_polling_knows_and_nothing_of_a_log() {
    let Some(mut tab) = Tab::open().await else { return };
    let address = Address::free();
    let (mut office, polling) = polled(&address).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#state h1').innerText === 'Polling'").await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    tab.until("document.querySelector('#subscription-1 .moves') !== null").await;
    let start = "document.querySelector('#subscription-1 .moves').innerText";
    let before = tab.value(start).await;
    tab.until(&format!("{start} > {before}")).await;
    let row = |num| format!("#subscription-{num}");
    tab.until_it_says("next search at").await;
    tab.until_it_says("tried again in the next round").await;
    let served = tab.text(&row(1)).await;
    assert!(served.contains("Waiting for its search") && served.contains("not known"), "{served}");
    for num in [3, 4] {
        let left_alone = tab.text(&row(num)).await;
        assert!(
            left_alone.contains("Cannot be served") && left_alone.contains("polling sends no UI events"),
            "{left_alone}"
        );
    }
    assert_eq!(tab.value("document.querySelector('#retry-2')").await, serde_json::Value::Null, "it would be refused");
    let facts = tab.text("#facts").await;
    assert!(facts.contains("searched by time stamps"), "{facts}");
    assert!(facts.contains("UTC-05:00") || facts.contains("UTC-04:00"), "New York's: {facts}");
    let shown = tab.text("main").await;
    for of_a_log in ["Log read", "Behind", "behind", "byte", "kB", "up to date", "binary log"] {
        assert!(!shown.contains(of_a_log), "{of_a_log}: {shown}");
    }
    // What it found out about its set-up when it started.
    tab.until_it_says("Something is not set up as it should be").await;
    let notices = tab.text("#notices").await;
    assert!(
        notices.contains("endpoint http://127.0.0.1:9/: ") && notices.contains("UPDATE apisubscription"),
        "{notices}"
    );

    let earlier = office.value("SELECT CAST(NOW() - INTERVAL 1 MINUTE AS CHAR)").await.unwrap();
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (7, 1)").await;
    assert_eq!(office.event().await.field("AptNum"), ["7"]);
    tab.until("document.querySelector('#attempts').innerText.includes('Accepted 200')").await;
    tab.click("#rewind-1").await;
    tab.until("location.pathname === '/subscriptions/1/rewind'").await;
    let from = serde_json::Value::from(earlier.replace(' ', "T"));
    tab.value(&format!("document.querySelector('#from').value = {from}")).await;
    tab.click("main button[type=submit]").await;
    tab.until_it_says("DateTimeStart was moved back.").await;
    assert_eq!(office.event().await.field("AptNum"), ["7"]);
    tab.go(&address.url("/subscriptions/1")).await;
    tab.until_it_says("Polling keeps no log of deliveries.").await;
    assert_content(&mut tab);
    polling.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_used_by_everybody() {
    let (Some(axe), Some(mut tab)) = (axe(), Tab::open().await) else { return };
    let address = Address::free();
    let (_office, polling) = polled(&address).await;
    tab.go(&address.url("/")).await;
    tab.until_it_says("Something is not set up as it should be").await;
    for screen in [Screen::DESKTOP, Screen::DESKTOP.dark(), Screen::PHONE] {
        tab.show_on(screen).await;
        for page in ["/", "/subscriptions/2", "/subscriptions/3", "/subscriptions/1/rewind"] {
            assert_usable(&mut tab, &axe, &address.url(page)).await;
        }
    }
    polling.kill();
}
