//! What `memory.budget` promises: however much there is to tell, all of it arrives.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Mutex,
};

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Event, Office, subscription_row};

/// The smallest budget. An event's body then has at most [`EVENT`] bytes.
const SMALL: &str = "[memory]\nbudget = \"16 MB\"\n[delivery]\nretry_max_seconds = 1\n";
const EVENT: usize = 250_000;

/// A practice with a table of scanned documents, which are large.
async fn with_documents() -> Office {
    let mut office = Office::open().await;
    office.configure(SMALL);
    office.configure("[opendental]\ntables = [\"scanned\"]\n");
    let columns = "id BIGINT PRIMARY KEY, text LONGTEXT, changed TIMESTAMP DEFAULT NOW() ON UPDATE NOW()";
    office.exec(&format!("CREATE TABLE scanned ({columns})")).await;
    office
}

/// Refuses each event once.
fn refuse_once(office: &Office) {
    let seen = Mutex::new(HashSet::new());
    office.receiver.behave_by(move |event| {
        let is_new = seen.lock().unwrap().insert(event.header("webhook-id").to_owned());
        Behavior::status(if is_new { 503 } else { 200 })
    });
}

/// The next event that is taken, behind the same one that was refused.
async fn refused_and_taken(office: &mut Office) -> Event {
    let (refused, taken) = (office.event().await, office.event().await);
    assert_eq!((refused.id(), refused.received.body), (taken.id(), taken.received.body.clone()));
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_an_event_ends_before_it_becomes_too_large_and_the_rest_is_in_the_next() {
    let mut office = with_documents().await;
    refuse_once(&office);
    let rows = "SELECT seq, REPEAT('x', 60000) FROM seq_1_to_9 UNION SELECT 10, REPEAT('y', 700000)";
    office.exec(&format!("INSERT INTO scanned (id, text) {rows}")).await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "scanned", 1, "'2020-01-01'")).await;
    let bridge = office.bridge();
    for read in ["by their keys, as a catch-up found them", "in the log"] {
        let (mut arrived, mut ids) = (Vec::new(), BTreeSet::new());
        while arrived.len() < 10 {
            let event = refused_and_taken(&mut office).await;
            let bytes = event.received.body.len();
            assert!(bytes <= EVENT || event.elements.len() == 1, "{bytes} bytes, read {read}");
            assert!(ids.insert(event.id()));
            arrived.extend(event.field("id"));
        }
        assert_eq!(arrived, (1..=10).map(|id| id.to_string()).collect::<Vec<_>>(), "read {read}");
        assert_eq!(ids.len(), 4, "read {read}: no smaller events than need be");
        office.ticking(1).await;
        office.exec("UPDATE scanned SET text=REVERSE(CONCAT(text, 'z'))").await;
    }
    bridge.stop().await;
}
