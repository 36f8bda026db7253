//! Whether people who see little or nothing can use the page, by rules that are not ours: axe-core's, among them WCAG's
//! levels A and AA.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    Address,
    tab::{Screen, Tab},
};
use crate::office::{Office, subscription_row};

/// `None`, and a line that says so, where it has not been fetched.
pub(super) fn axe() -> Option<String> {
    let servers = std::env::var_os("CDC_TEST_SERVERS").map_or("target/servers".into(), PathBuf::from);
    let script = std::fs::read_to_string(servers.join("axe-core/axe.min.js")).ok();
    if script.is_none() {
        println!("accessibility was NOT tested: scripts/fetch-servers has not brought axe-core");
    }
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    let (Some(axe), Some(mut tab)) = (axe(), Tab::open().await) else { return };
    let (office, address) = (Office::open().await, Address::free());
    office.subscribe(1, "Appointment", 3600).await;
    // Nobody listens there.
    office.exec(&subscription_row(2, "http://127.0.0.1:9/", "Patient", 1, "'2020-01-01'")).await;
    office.exec(&subscription_row(3, "http://127.0.0.1:9/", "Nonsense", 1, "NOW()")).await;
    office.exec("INSERT INTO patient (PatNum) VALUES (1)").await;
    let bridge = address.bridge(&office).await;
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#retry-2') !== null").await;
    for screen in [Screen::DESKTOP, Screen::DESKTOP.dark(), Screen::PHONE] {
        tab.show_on(screen).await;
        for page in ["/", "/?find=nothing", "/subscriptions/2", "/subscriptions/2/rewind", "/subscriptions/9", "/login"]
        {
            assert_usable(&mut tab, &axe, &address.url(page)).await;
        }
    }
    bridge.stop().await;
}

/// Opens a page, and finds nothing against it.
pub(super) async fn assert_usable(tab: &mut Tab, axe: &str, url: &str) {
    tab.go(url).await;
    tab.value(&format!("{axe}; true")).await;
    let found = tab.value("axe.run().then((found) => found.violations)").await;
    let found: Vec<Value> = found.as_array().unwrap().iter().map(in_short).collect();
    assert!(found.is_empty(), "{url}: {found:#?}");
}

fn in_short(violation: &Value) -> Value {
    let nodes = violation["nodes"].as_array().unwrap();
    let nodes: Vec<_> = nodes.iter().map(|node| [&node["html"], &node["failureSummary"]]).collect();
    json!({ "rule": violation["id"], "help": violation["help"], "nodes": nodes })
}
