//! Gigabytes of log that were written while the bridge was off are passed within `memory.budget`.
//!
//! By hand, since it takes minutes and as much of the temporary folder as the log is large: `CDC_LOG_GIGABYTES=5 cargo
//! test --release --test bridge gigabytes -- --ignored --nocapture`.

use std::{collections::HashMap, sync::Arc, time::Instant};

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, Options},
};

use crate::office::Office;

/// Rows that are changed over and over, in megabytes of log for each time.
const ROWS: usize = 200_000;
const MEGABYTES: usize = 480;

/// `memory.budget`, and what the process may have resident at most, with all that is not counted.
const BUDGET: &str = "128 MB";
const RESIDENT: u64 = 256;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes and gigabytes of disk"]
async fn gigabytes_of_log_are_passed_within_the_budget() {
    let gigabytes = std::env::var("CDC_LOG_GIGABYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(5_usize);
    let rounds = (gigabytes * 1000).div_ceil(MEGABYTES);
    let server = Arc::new(MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap());
    let mut office = Office::on(server, Engine::MyIsam).await;
    office.configure(&format!("[memory]\nbudget = \"{BUDGET}\"\n"));
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    bridge.kill();
    let mut session = office.connect().await;
    let rows = format!("SELECT seq, seq % 5000, REPEAT('x', 1000) FROM seq_1_to_{ROWS}");
    session.query_drop(format!("INSERT INTO appointment (AptNum, PatNum, Note) {rows}")).await.unwrap();
    for round in 1..=rounds {
        for first in (0..ROWS).step_by(10_000) {
            let update = format!(
                "UPDATE appointment SET Note=CONCAT({round}, REPEAT('x', 1000)) WHERE AptNum > {first} AND AptNum <= {}",
                first + 10_000
            );
            session.query_drop(update).await.unwrap();
        }
    }
    let files: Vec<mysql_async::Row> = session.query("SHOW BINARY LOGS").await.unwrap();
    let bytes: u64 = files.iter().map(|file| file.get::<u64, _>(1).unwrap()).sum();
    assert!(bytes > gigabytes as u64 * 1_000_000_000, "{bytes} bytes of log");

    let began = Instant::now();
    let bridge = office.process();
    let mut told: HashMap<String, bool> = HashMap::new();
    let mut read = None;
    let mut elements = 0;
    while told.len() < ROWS || told.values().any(|is_last| !is_last) {
        // As long as it takes: nothing else ends it.
        let event = crate::office::Event::new(office.receiver.next().await.unwrap());
        read.get_or_insert_with(|| began.elapsed());
        for (num, note) in event.field("AptNum").into_iter().zip(event.field("Note")) {
            told.insert(num, note.starts_with(&format!("{rounds}x")));
            elements += 1;
        }
    }
    let resident = bridge.peak_megabytes();
    println!(
        "{:.1} GB of log, {} changes of {ROWS} rows: read after {:.0} s; {elements} elements delivered after {:.0} s; {} MB \
         resident at most, with a budget of {BUDGET}",
        bytes as f64 / 1e9,
        (rounds + 1) * ROWS,
        read.unwrap().as_secs_f64(),
        began.elapsed().as_secs_f64(),
        resident.unwrap_or_default()
    );
    assert!(resident.is_none_or(|resident| resident < RESIDENT));
    bridge.kill();
    assert_eq!(elements, ROWS, "each row once, in its last state");
}
