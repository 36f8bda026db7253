//! R7: whatever happens to the server or to the way there, the bridge comes back by itself and loses nothing; and W2:
//! nothing closes meanwhile.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options, Server, receiver::Behavior},
};

use crate::{
    office::Office,
    proxy::{Fate, Proxy},
};

fn insert(num: i64) -> String {
    format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES ({num}, 1, NOW())")
}

async fn own_server() -> Arc<Server> {
    Arc::new(MariaDb::start(Options::default().zone("America/New_York").arg("--sql-mode=")).await.unwrap())
}

fn server(office: &mut Office) -> &mut Server {
    Arc::get_mut(&mut office.server).unwrap()
}

/// Takes in events until all rows `nums` have arrived.
async fn arrive(office: &mut Office, nums: &[i64]) {
    let mut missing: Vec<String> = nums.iter().map(i64::to_string).collect();
    while !missing.is_empty() {
        let arrived = office.event().await.field("AptNum");
        missing.retain(|num| !arrived.contains(num));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_server_that_is_killed_and_comes_back() {
    for engine in [Engine::MyIsam, Engine::InnoDb] {
        let mut office = Office::on(own_server().await, engine).await;
        office.subscribe(1, "Appointment", 2).await;
        let bridge = office.bridge();
        office.ticking(1).await;
        for round in 0..3 {
            office.exec(&insert(10 * round + 1)).await;
            server(&mut office).kill();
            server(&mut office).restart().await.unwrap();
            office.exec(&insert(10 * round + 2)).await;
            arrive(&mut office, &[10 * round + 1, 10 * round + 2]).await;
            office.ticking(1).await;
        }
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_server_that_is_shut_down_while_an_event_is_tried_again() {
    let mut office = Office::on(own_server().await, Engine::MyIsam).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(503));
    office.exec(&insert(1)).await;
    let failed = office.event().await;
    server(&mut office).stop().await.unwrap();
    office.receiver.behave(Behavior::status(200));
    let mut event = office.event().await;
    while event.received.at < failed.received.at {
        event = office.event().await;
    }
    assert_eq!(event.id(), failed.id(), "the server is not needed for what is in the change log");
    let start = {
        server(&mut office).restart().await.unwrap();
        office.date_time_start(1).await
    };
    office.date_time_start_after(1, &start).await;
    office.exec(&insert(2)).await;
    arrive(&mut office, &[2]).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_connections_that_are_cut_or_go_silent() {
    let mut office = Office::open().await;
    let proxy = Proxy::before(office.server.port()).await;
    office.behind(proxy.port);
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let mut num = 0;
    for fate in [Fate::Cut, Fate::Silent] {
        for all in [true, false] {
            if all {
                proxy.all(fate)
            } else {
                proxy.dumps(fate)
            }
            num += 2;
            office.exec(&insert(num)).await;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            office.exec(&insert(num + 1)).await;
            if fate == Fate::Silent && !all {
                // The connection is never answered again; only a new one goes through.
                proxy.dumps(Fate::Cut);
            }
            proxy.all(Fate::Forwarded);
            arrive(&mut office, &[num, num + 1]).await;
            office.ticking(1).await;
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_no_window_closes_while_the_log_is_not_being_read() {
    let mut office = Office::open().await;
    let proxy = Proxy::before(office.server.port()).await;
    office.behind(proxy.port);
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    for fate in [Fate::Cut, Fate::Silent] {
        proxy.dumps(fate);
        // A barrier that was under way may still count: it had been read up to.
        let stands = async || {
            let before = office.date_time_start(1).await;
            office.exec("DO SLEEP(3)").await;
            (office.date_time_start(1).await == before).then_some(before)
        };
        let stuck = office.until("DateTimeStart stands still", stands).await;
        office.exec(&insert(1)).await;
        // SQL is answered all the while.
        office.exec("DO SLEEP(3)").await;
        assert_eq!(office.date_time_start(1).await, stuck, "{fate:?}");
        assert!(office.receiver.try_next().is_none());
        proxy.dumps(Fate::Forwarded);
        arrive(&mut office, &[1]).await;
        office.exec("DELETE FROM appointment").await;
        office.ticking(1).await;
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_log_that_is_rotated_in_the_middle_of_a_window_and_an_idle_one_after_that() {
    let mut office = Office::on(own_server().await, Engine::MyIsam).await;
    office.subscribe(1, "Appointment", 2).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&format!("{}; FLUSH BINARY LOGS; {}; FLUSH LOGS", insert(1), insert(2))).await;
    arrive(&mut office, &[1, 2]).await;
    office.exec("FLUSH BINARY LOGS").await;
    office.ticking(1).await;
    // The cursor stands in the new file; the old ones may go.
    office.exec("SET GLOBAL max_binlog_size=4096").await;
    for num in 3..60 {
        office.exec(&insert(num)).await;
    }
    arrive(&mut office, &(3..60).collect::<Vec<_>>()).await;
    bridge.stop().await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&insert(100)).await;
    arrive(&mut office, &[100]).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_catch_up_right_after_the_log_was_rotated_needs_no_further_commit() {
    let mut office = Office::on(own_server().await, Engine::MyIsam).await;
    office.exec(&insert(1)).await;
    office.subscribe(1, "Appointment", 1).await;
    office.exec("UPDATE apisubscription SET DateTimeStart='2020-01-01'").await;
    office.exec("FLUSH BINARY LOGS").await;
    let bridge = office.bridge();
    arrive(&mut office, &[1]).await;
    bridge.stop().await;
}
