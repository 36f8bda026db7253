//! What the page shows, and that it moves.

use serde_json::{Value, json};

use super::{
    Address, assert_content,
    tab::{Screen, Tab},
};
use crate::office::{Office, subscription_row};

#[tokio::test(flavor = "multi_thread")]
async fn date_time_start_moves_before_ones_eyes_and_events_are_told() {
    let Some(mut tab) = Tab::open().await else { return };
    let (mut office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 1).await;
    let bridge = address.bridge(&office).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#state h1').innerText === 'Reading, up to date'").await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    tab.value("window.loadedOnce = true").await;
    let start = "document.querySelector('#subscription-1 .moves').innerText";
    for _ in 0..2 {
        let before = tab.value(start).await;
        tab.until(&format!("{start} > {before}")).await;
    }
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1), (2, 1)").await;
    office.event().await;
    tab.until("document.querySelector('#subscription-1').innerText.includes('2 rows · 200')").await;
    tab.until("document.querySelector('#attempts').innerText.includes('Accepted 200')").await;
    assert_eq!(tab.value("window.loadedOnce").await, true, "the page was not loaded again");
    assert!(tab.text("#facts").await.contains(&office.database));
    tab.go(&address.url("/subscriptions/1")).await;
    tab.until_it_says("Accepted 200").await;
    assert_content(&mut tab);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_lives_on_after_a_restart() {
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 1).await;
    let bridge = address.bridge(&office).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    // It stops though somebody looks.
    bridge.stop().await;
    tab.until_it_says("Connection lost, trying again…").await;
    office.subscribe(2, "Patient", 1).await;
    let bridge = address.bridge(&office).await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    tab.until("document.querySelector('#subscription-2 .moves') !== null").await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_to_do_where_there_is_nothing_yet() {
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    let bridge = address.bridge(&office).await;
    tab.go(&address.url("/")).await;
    tab.until_it_says("No subscription yet").await;
    tab.until_it_says("No event has been sent since").await;
    // What the page says works as it stands.
    let statement = tab.text("#subscriptions pre").await;
    assert!(statement.contains("'CDC-TEST'"), "{statement}");
    office.exec(&statement).await;
    tab.until("document.querySelectorAll('#subscriptions tbody tr').length === 1").await;
    assert_content(&mut tab);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_others_stay_texts() {
    const EVIL: &str = "<img src=x onerror=document.title=1><script>document.title=2</script>\"><b>";
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    let url = format!("https://evil.example/{EVIL}?{EVIL}");
    office.exec(&subscription_row(1, &url, EVIL, 1, "NOW()")).await;
    office.exec(&format!("UPDATE apisubscription SET Workstation='{EVIL}', CustomerKey='{EVIL}', Note='{EVIL}'")).await;
    office.exec(&subscription_row(2, EVIL, "Appointment", 1, "NOW()")).await;
    let bridge = address.bridge(&office).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#subscription-2') !== null").await;
    for page in ["/", "/subscriptions/1", "/?find=%3Cscript%3Edocument.title=3%3C/script%3E%22%3E%3Cb%3E"] {
        tab.go(&address.url(page)).await;
        assert_eq!(tab.value("document.querySelectorAll('main :is(script, img, b)').length").await, 0, "{page}");
        assert!(tab.value("document.title").await.as_str().unwrap().ends_with("opendental-cdc"), "{page}");
    }
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
    tab.until(&format!("document.querySelector('#subscription-1 a').innerText.includes({})", Value::from(EVIL))).await;
    assert!(!tab.text("body").await.contains("key2"), "keys are masked");
    assert_content(&mut tab);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscriptions_on_a_phone() {
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    for thousand in (1..=1000).collect::<Vec<i64>>().chunks(250) {
        let rows: Vec<String> = thousand
            .iter()
            .map(|num| {
                let path = format!("/{num}/averyveryverylongpathwithoutanyplacewhereitcouldbebroken");
                subscription_row(*num, &office.receiver.url(&path), "Appointment", 5, "NOW()")
            })
            .collect();
        office.exec(&rows.join(";")).await;
    }
    let bridge = address.bridge(&office).await;
    tab.show_on(Screen::PHONE).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelectorAll('#subscriptions tbody tr').length === 50").await;
    tab.until_it_says("Page 1 of 20 · 1,000 subscriptions").await;
    for page in ["/", "/subscriptions/7", "/subscriptions/7/rewind", "/login"] {
        tab.go(&address.url(page)).await;
        let widths = tab.value("[document.documentElement.scrollWidth, window.innerWidth]").await;
        assert_eq!(widths, json!([360, 360]), "{page} has to be moved sideways");
    }
    tab.go(&address.url("/")).await;
    tab.click(".pages a").await;
    tab.until_it_says("Page 2 of 20").await;
    tab.type_into("#find", "#777").await;
    tab.click(".search button").await;
    tab.until("document.querySelectorAll('#subscriptions tbody tr').length === 1").await;
    assert!(tab.text("#subscriptions").await.contains("/777/"));
    assert_content(&mut tab);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_is_whole_and_loads_itself_again() {
    let Some(mut tab) = Tab::open().await else { return };
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 1).await;
    let bridge = address.bridge(&office).await;
    office.ticking(1).await;
    tab.without_scripts().await;
    tab.go(&address.url("/?find=Appoint")).await;
    assert!(tab.text("#subscription-1").await.contains("Appointment"));
    assert_eq!(tab.text("#liveness").await, "");
    assert_eq!(tab.value("document.querySelector('meta[http-equiv=refresh]').content").await, "10");
    bridge.stop().await;
}
