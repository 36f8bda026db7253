//! kill -9 at random instants under a random workload: in the end every subscriber knows every row's last state.

use std::{collections::HashMap, time::Duration};

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Event, Office};

/// How often the bridge is killed.
const KILLS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_kill_9_at_random_instants() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 7\nretry_max_seconds = 1\n");
    office.subscribe(1, "Appointment", 1).await;
    office.subscribe(2, "Appointment", 2).await;
    // One in four attempts fails, one way or another.
    office.receiver.behave_by(|_| match fastrand::u8(0..12) {
        0 => Behavior::status(503),
        1 => Behavior::Disconnect,
        2 => Behavior::Answer { status: 200, headers: Vec::new(), delay: Duration::from_millis(300) },
        _ => Behavior::status(200),
    });
    let mut known: HashMap<(i64, String), String> = HashMap::new();
    let mut repeats = 0;
    for _ in 0..KILLS {
        let bridge = office.process();
        for _ in 0..random.usize(1..8) {
            office.exec(&statement(&mut random)).await;
            tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
        }
        bridge.kill();
        office.exec(&statement(&mut random)).await;
        while let Some(received) = office.receiver.try_next() {
            learn(&mut known, &mut repeats, &Event::new(received));
        }
    }
    let bridge = office.process();
    let rows = rows(&office).await;
    while !knows_all(&known, &rows) {
        let event = office.event().await;
        learn(&mut known, &mut repeats, &event);
    }
    println!("{} rows, {KILLS} kills, {repeats} elements that were known already", rows.len());
    bridge.kill();
}

fn statement(random: &mut fastrand::Rng) -> String {
    let num = random.u64(1..60);
    let note = random.u32(..);
    match random.u8(0..10) {
        0..=4 => format!(
            "INSERT INTO appointment (AptNum, PatNum, Note) VALUES ({num}, 1, '{note}') \
             ON DUPLICATE KEY UPDATE Note='{note}'"
        ),
        5 => format!("REPLACE INTO appointment (AptNum, PatNum, Note) VALUES ({num}, 1, '{note}')"),
        6 => format!("UPDATE appointment SET Note=CONCAT(Note, 'x') WHERE AptNum % 7 = {}", num % 7),
        7 => format!("DELETE FROM appointment WHERE AptNum = {num}"),
        8 => format!("UPDATE IGNORE appointment SET AptNum = {} WHERE AptNum = {num}", 60 + num),
        _ => "FLUSH LOGS".to_owned(),
    }
}

fn learn(known: &mut HashMap<(i64, String), String>, repeats: &mut usize, event: &Event) {
    for (num, note) in event.field("AptNum").into_iter().zip(event.field("Note")) {
        let before = known.insert((event.subscription(), num), note.clone());
        *repeats += usize::from(before == Some(note));
    }
}

async fn rows(office: &Office) -> Vec<(String, String)> {
    use mysql_async::prelude::Queryable;
    let mut session = office.connect().await;
    let rows: Vec<(i64, String)> = session.query("SELECT AptNum, Note FROM appointment").await.unwrap();
    rows.into_iter().map(|(num, note)| (num.to_string(), note)).collect()
}

fn knows_all(known: &HashMap<(i64, String), String>, rows: &[(String, String)]) -> bool {
    let knows = |subscription| rows.iter().all(|(num, note)| known.get(&(subscription, num.clone())) == Some(note));
    knows(1) && knows(2)
}
