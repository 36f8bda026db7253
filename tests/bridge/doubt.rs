//! R4: what the log does not tell with certainty is caught up from the tables, and the bridge goes on.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, receiver::Behavior},
};

use crate::office::Office;

/// Reads events until the last that was told of every appointment is its present note.
async fn until_all_is_told(office: &mut Office, told: &mut BTreeMap<String, String>) {
    loop {
        let rows = office.column("SELECT CONCAT(AptNum, '=', Note) FROM appointment").await;
        let known =
            |row: &String| row.split_once('=').is_some_and(|(num, note)| told.get(num).is_some_and(|it| it == note));
        if rows.iter().all(known) {
            return;
        }
        let event = office.event().await;
        told.extend(event.field("AptNum").into_iter().zip(event.field("Note")));
    }
}

async fn statements_instead_of_rows(mut office: Office) {
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let mut told = BTreeMap::new();
    for statements in [
        "INSERT INTO appointment (AptNum, PatNum, Note) VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 1, 'a')",
        // In the log as rows, and changed at once by a statement: the image is out of date.
        "SET binlog_format=ROW; UPDATE appointment SET Note='b' WHERE AptNum=1; \
         SET binlog_format=STATEMENT; UPDATE appointment SET Note='c' WHERE AptNum<3",
        "INSERT INTO appointment (AptNum, PatNum, Note) SELECT AptNum + 10, 1, 'd' FROM appointment",
        "REPLACE INTO appointment (AptNum, PatNum, Note) SELECT AptNum, 2, 'e' FROM appointment WHERE AptNum < 12",
        "BEGIN; UPDATE appointment SET Note='f' WHERE AptNum=1; DELETE FROM appointment WHERE AptNum=2; COMMIT",
        "UPDATE appointment a JOIN patient p SET a.Note='g' WHERE a.PatNum=p.PatNum; UPDATE appointment SET Note='h'",
    ] {
        office.exec(&format!("SET SESSION binlog_format=STATEMENT; {statements}")).await;
        until_all_is_told(&mut office, &mut told).await;
    }
    // Rows that are logged as such again need no search.
    office.ticking(1).await;
    office.exec("SET SESSION binlog_format=ROW; UPDATE appointment SET Note='i' WHERE AptNum=1").await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_statement_format_writes_are_caught_up_on_mariadb() {
    statements_instead_of_rows(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_statement_format_writes_are_caught_up_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().gtid().zone("Europe/Berlin").arg("--sql-mode=")).await.unwrap();
    statements_instead_of_rows(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_loaded_file_is_caught_up() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office
        .exec(
            "SELECT 1, 1, 'loaded' UNION SELECT 2, 1, 'loaded' INTO OUTFILE 'appointments.txt'; \
             SET SESSION binlog_format=STATEMENT; \
             LOAD DATA INFILE 'appointments.txt' INTO TABLE appointment (AptNum, PatNum, Note)",
        )
        .await;
    assert_eq!(office.event().await.field("Note"), ["loaded", "loaded"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_windows_close_although_every_write_is_a_statement() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let mut session = office.connect().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        use mysql_async::prelude::Queryable;
        session.query_drop("SET SESSION binlog_format=STATEMENT").await.unwrap();
        let mut stopped = stopped;
        while stopped.try_recv().is_err() {
            session.query_drop("UPDATE appointment SET Note=CONCAT(LEFT(Note, 20), 'x')").await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    for _ in 0..3 {
        office.event().await;
        office.ticking(1).await;
    }
    stop.send(()).unwrap();
    writing.await.unwrap();
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_lookups_and_subscriptions_written_by_statements_are_read_again() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO provider (ProvNum, Abbr) VALUES (1, 'OLD')").await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("SET SESSION binlog_format=STATEMENT; UPDATE provider SET Abbr='NEW'").await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, ProvNum) VALUES (1, 1, 1)").await;
    assert_eq!(office.event().await.field("provAbbr"), ["NEW"]);
    let url = office.receiver.url("/2/");
    office.exec(&format!("SET SESSION binlog_format=STATEMENT; UPDATE apisubscription SET EndPointUrl='{url}'")).await;
    office.exec("UPDATE appointment SET Note='moved'").await;
    assert_eq!(office.event().await.subscription(), 2);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_server_that_logs_statements_by_default_is_served_all_the_same() {
    let options = Options::default().zone("Europe/Berlin").arg("--sql-mode=").arg("--binlog-format=MIXED");
    let server = MariaDb::start(options).await.unwrap();
    let mut office = Office::on(Arc::new(server), Engine::MyIsam).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let mut told = BTreeMap::new();
    for step in 1..=3 {
        office
            .exec(&format!(
                "INSERT INTO appointment (AptNum, PatNum, Note) VALUES ({step}, 1, 'n'); UPDATE appointment SET Note='{step}'"
            ))
            .await;
        until_all_is_told(&mut office, &mut told).await;
        office.ticking(1).await;
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_damaged_bytes_of_the_log_are_passed_over() {
    let options = Options::default().zone("Europe/Berlin").arg("--sql-mode=");
    let server = Arc::new(MariaDb::start(options).await.unwrap());
    let mut office = Office::on(server.clone(), Engine::MyIsam).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    bridge.stop().await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, Note) VALUES (1, 1, 'damaged soon')").await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, Note) VALUES (2, 1, 'behind it')").await;
    let log = server.data().join("mysql-bin.000001");
    let mut bytes = std::fs::read(&log).unwrap();
    // The statement stands before its row.
    let at = bytes.windows(12).rposition(|window| window == b"damaged soon").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let bridge = office.bridge();
    let mut told = BTreeMap::new();
    until_all_is_told(&mut office, &mut told).await;
    office.exec("UPDATE appointment SET Note='later' WHERE AptNum=2").await;
    until_all_is_told(&mut office, &mut told).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_killed_in_the_middle_of_a_doubts_catch_up() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 2\n");
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    let seen = Mutex::new(HashSet::new());
    office.receiver.behave_by(move |event| {
        let mut seen = seen.lock().unwrap();
        seen.insert(event.header("webhook-id").to_owned());
        if seen.len() == 1 { Behavior::status(200) } else { Behavior::Hang }
    });
    office
        .exec(
            "SET SESSION binlog_format=STATEMENT; INSERT INTO appointment (AptNum, PatNum, Note) \
             VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 1, 'a'), (4, 1, 'a'), (5, 1, 'a')",
        )
        .await;
    assert_eq!(office.event().await.field("AptNum"), ["1", "2"]);
    let second = office.event().await;
    bridge.kill();
    office.exec("UPDATE appointment SET Note='b' WHERE AptNum=5").await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let again = office.event().await;
    assert_eq!((again.id(), again.field("AptNum")), (second.id(), vec!["3".into(), "4".into()]));
    assert_eq!(office.event().await.field("Note"), ["b"]);
    bridge.kill();
}
