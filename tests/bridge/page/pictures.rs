//! Pictures of the page under load, for people to look at:
//!
//! `cargo test --locked --test bridge page::pictures -- --ignored`, and then look into `target/page`.

use std::{path::Path, time::Duration};

use mysql_async::prelude::Queryable;
use opendental_cdc::sandbox::receiver::Behavior;

use super::{
    Address,
    tab::{Screen, Tab},
};
use crate::office::{Office, subscription_row};

const TABLES: [&str; 6] = ["Appointment", "Patient", "Schedule", "Provider", "Operatory", "AppointmentDeleted"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "for people to look at"]
async fn of_a_busy_practice() {
    let Some(mut tab) = Tab::open().await else { return };
    let (mut office, address) = (Office::open().await, Address::free());
    for num in 1..=120 {
        let table = TABLES[num as usize % TABLES.len()];
        let url = office.receiver.url(&format!("/practice-{num}/events/"));
        office.exec(&subscription_row(num, &url, table, 1 + num % 10, "NOW()")).await;
    }
    office.exec("UPDATE apisubscription SET Workstation='FRONTDESK' WHERE ApiSubscriptionNum % 10 = 9").await;
    office.exec(&subscription_row(121, "http://127.0.0.1:9/events/", "Patient", 1, "NOW()")).await;
    office.exec(&subscription_row(122, "https://example.com/", "Nonsense", 5, "NOW()")).await;
    // Many rows to be searched.
    office.exec("INSERT INTO appointment (AptNum, PatNum) SELECT seq, seq FROM seq_1_to_400000").await;
    office.receiver.behave_by(|event| match event.path.contains("/practice-8/") {
        true => Behavior::status(503),
        false => Behavior::Answer { status: 200, headers: Vec::new(), delay: Duration::from_millis(30) },
    });
    let bridge = address.bridge(&office).await;
    office.ticking(1).await;
    for num in 1..=40 {
        let inserts = format!(
            "INSERT INTO patient (PatNum, LName) VALUES ({num}, 'A'); INSERT INTO provider (ProvNum) VALUES ({num}); \
             INSERT INTO schedule (ScheduleNum) VALUES ({num}); UPDATE appointment SET Note='{num}' WHERE AptNum={num}"
        );
        office.exec(&inserts).await;
    }
    // Another sender, and somebody who wants it all once more.
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW() WHERE ApiSubscriptionNum=18").await;
    // The search waits for whoever holds the table.
    let mut holding = office.connect().await;
    holding.query_drop("LOCK TABLES appointment WRITE").await.unwrap();
    office.exec("UPDATE apisubscription SET DateTimeStart='2020-01-01' WHERE ApiSubscriptionNum=12").await;
    while office.receiver.try_next().is_some() {}
    let folder = Path::new("target/page");
    std::fs::create_dir_all(folder).unwrap();
    tab.go(&address.url("/")).await;
    tab.until("document.querySelector('#retry-121') !== null").await;
    tab.until_it_says("A catch-up is in progress").await;
    tab.until_it_says("Another sender is at work").await;
    for (name, screen) in [
        ("light", Screen { height: 1200, ..Screen::DESKTOP }),
        ("dark", Screen { height: 1200, ..Screen::DESKTOP.dark() }),
        ("phone", Screen { height: 1600, ..Screen::PHONE }),
    ] {
        tab.show_on(screen).await;
        for (page, path) in [("page", "/"), ("one", "/subscriptions/121"), ("rewind", "/subscriptions/121/rewind")] {
            tab.go(&address.url(path)).await;
            if page == "page" {
                tab.until("document.querySelector('#liveness').innerText === 'Live'").await;
            }
            std::fs::write(folder.join(format!("{page}-{name}.png")), tab.picture().await).unwrap();
            while office.receiver.try_next().is_some() {}
        }
    }
    holding.disconnect().await.unwrap();
    bridge.stop().await;
}
