//! kill -9 at random instants while a practice is at work: in the end every subscriber knows every row's last state.

use std::time::Duration;

use opendental_cdc::sandbox::receiver::Behavior;

use crate::{
    office::{Event, Office, subscription_row},
    workload::{Told, Workload, seed, watched},
};

/// How often the bridge is killed.
const KILLS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_kill_9_at_random_instants() {
    let seed = seed();
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 100\nretry_max_seconds = 1\n");
    let mut session = office.connect().await;
    let workload = Workload::new(seed);
    workload.prepare(&mut session).await;
    for (num, table) in (1..).zip(watched::ALL) {
        // Before the first rows, so that these are sent too.
        let row =
            subscription_row(num, &office.receiver.url(&format!("/{num}/")), table.watch, 1 + num % 2, "'2020-01-01'");
        office.exec(&row).await;
    }
    // Some attempts fail, one way or another.
    office.receiver.behave_by(|_| match fastrand::u8(0..24) {
        0 => Behavior::status(503),
        1 => Behavior::Disconnect,
        2 => Behavior::Answer { status: 200, headers: Vec::new(), delay: Duration::from_millis(300) },
        _ => Behavior::status(200),
    });
    let mut told = Told::default();
    let mut bridge = office.process();
    let writing = workload.start(&office.server.url(&office.database));
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.u64(100..2000))).await;
        bridge.kill();
        bridge = office.process();
        while let Some(received) = office.receiver.try_next() {
            learn(&mut told, &Event::new(received));
        }
    }
    let written = writing.stop().await;
    for (num, table) in (1..).zip(watched::ALL) {
        let rows = table.rows(&mut session).await;
        while !told.lacks(num, &rows).is_empty() {
            let event = office.event().await;
            learn(&mut told, &event);
        }
    }
    println!("{written:?}, {KILLS} kills, {} elements, {} of them known already", told.elements, told.repeats);
    bridge.kill();
}

fn learn(told: &mut Told, event: &Event) {
    let table = watched::ALL[usize::try_from(event.subscription()).unwrap() - 1];
    told.learn(event.subscription(), table, &event.elements);
}
