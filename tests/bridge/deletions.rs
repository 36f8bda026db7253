//! The watch tables of deletions: what was deleted, from the log, in its last state.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Server, receiver::Behavior},
};

use crate::{
    office::{Event, Office, subscription_row},
    proxy::{Fate, Proxy},
};

/// Of each watch table: its table, its key, and a row with the JSON that its deletion must give.
const CASES: [(&str, &str, &str, &str, &str); 5] = [
    (
        "LabCaseDeleted",
        "labcase",
        "LabCaseNum",
        "LabCaseNum=226, PatNum=33, LaboratoryNum=1, Instructions='Repair clasps', LabFee=1.5, \
         DateTStamp='2022-10-05 14:24:12'",
        r#"{"LabCaseNum":226,"PatNum":33,"LaboratoryNum":1,"AptNum":0,"PlannedAptNum":0,"DateTimeDue":"0001-01-01 00:00:00","DateTimeCreated":"0001-01-01 00:00:00","DateTimeSent":"0001-01-01 00:00:00","DateTimeRecd":"0001-01-01 00:00:00","DateTimeChecked":"0001-01-01 00:00:00","ProvNum":0,"Instructions":"Repair clasps","LabFee":1.5,"DateTStamp":"2022-10-05 14:24:12","InvoiceNum":""}"#,
    ),
    (
        "MedicationPatDeleted",
        "medicationpat",
        "MedicationPatNum",
        "MedicationPatNum=7, PatNum=234, MedicationNum=3, PatNote='daily', DateStart='2024-05-30', \
         DateTStamp='2024-05-30 12:00:00'",
        r#"{"MedicationPatNum":7,"PatNum":"234","medName":"Amoxicillin","MedicationNum":3,"PatNote":"daily","DateStart":"2024-05-30","DateStop":"0001-01-01","ProvNum":0}"#,
    ),
    (
        "PatFieldDeleted",
        "patfield",
        "PatFieldNum",
        "PatFieldNum=5, PatNum=69, FieldName='Ins Verified', FieldValue='Yes', SecDateTEdit='2022-12-15 11:26:31'",
        r#"{"PatFieldNum":5,"PatNum":69,"FieldName":"Ins Verified","FieldValue":"Yes","SecDateEntry":"0001-01-01","SecDateTEdit":"2022-12-15 11:26:31"}"#,
    ),
    (
        "ScheduleDeleted",
        "schedule",
        "ScheduleNum",
        "ScheduleNum=9, SchedDate='2022-04-04', StartTime='08:00:00', StopTime='12:00:00', SchedType=2, \
         BlockoutType=300, Note='Lunch', DateTStamp='2022-04-04 08:16:42'",
        r#"{"ScheduleNum":"9","SchedDate":"2022-04-04","StartTime":"08:00:00","StopTime":"12:00:00","SchedType":"Blockout","ProvNum":"0","BlockoutType":"300","blockoutType":"Break","Note":"Lunch","operatories":"","EmployeeNum":"0","DateTStamp":"2022-04-04 08:16:42"}"#,
    ),
    (
        "ToothInitialDeleted",
        "toothinitial",
        "ToothInitialNum",
        "ToothInitialNum=344, PatNum=13, ToothNum='22', InitialType=6, Movement=-20, DrawingSegment='1,2', \
         SecDateTEdit='2024-05-30 12:42:57'",
        r#"{"ToothInitialNum":344,"PatNum":13,"ToothNum":"22","InitialType":"Rotate","Movement":"-20","DrawingSegment":"1,2","ColorDraw":"0,0,0","SecDateTEntry":"0001-01-01 00:00:00","SecDateTEdit":"2024-05-30 12:42:57","DrawText":""}"#,
    ),
];

const LOOKUPS: &str = "INSERT INTO medication (MedicationNum, MedName) VALUES (3, 'Amoxicillin'); \
    INSERT INTO definition (DefNum, Category, ItemName) VALUES (300, 25, 'Break')";

/// An office with a row in each table and a subscription to each watch table of deletions.
async fn office_with_rows(server: Option<Server>, engine: Engine) -> Office {
    let office = match server {
        Some(server) => Office::on(Arc::new(server), engine).await,
        None => Office::open().await,
    };
    office.exec(LOOKUPS).await;
    for (num, (watch, table, _, row, _)) in CASES.iter().enumerate() {
        office.exec(&format!("INSERT INTO {table} SET {row}")).await;
        office.subscribe(num as i64 + 1, watch, 1).await;
    }
    office
}

fn body(event: &Event) -> &str {
    std::str::from_utf8(&event.received.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deleted_row_is_told_as_it_was() {
    let mut office = office_with_rows(None, Engine::MyIsam).await;
    let bridge = office.bridge();
    office.ticking(CASES.len() as i64).await;
    for (watch, table, _, _, object) in CASES {
        office.exec(&format!("DELETE FROM {table}")).await;
        let event = office.event().await;
        assert_eq!(event.received.header("event-type"), format!("WatchTable: {watch}"));
        assert_eq!(body(&event), format!("[{object}]"));
    }
    bridge.stop().await;
}

/// With `MINIMAL` images a deletion tells its key, with `NOBLOB` all but the texts.
async fn partly_logged(server: Server, engine: Engine, minimal: bool) {
    let mut office = office_with_rows(Some(server), engine).await;
    let bridge = office.bridge();
    office.ticking(CASES.len() as i64).await;
    for (watch, table, key, _, object) in CASES {
        office.exec(&format!("DELETE FROM {table}")).await;
        let event = office.event().await;
        let whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).unwrap();
        let element = event.elements[0].as_object().unwrap();
        assert!(element.iter().all(|(name, value)| whole.get(name) == Some(value)), "{watch}: {}", body(&event));
        assert_eq!(element.get(key), whole.get(key), "{watch}");
        let texts = ["Instructions", "PatNote", "FieldValue", "Note", "DrawingSegment"];
        let held = whole.keys().filter(|name| match minimal {
            // The list of a schedule's operatories hangs on its key.
            true => **name == key || **name == "operatories",
            false => !texts.contains(&name.as_str()),
        });
        assert_eq!(element.keys().collect::<Vec<_>>(), held.collect::<Vec<_>>(), "{watch}");
    }
    bridge.stop().await;
}

fn options(image: &str) -> Options {
    Options::default().arg("--sql-mode=").arg(format!("--binlog-row-image={image}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_deletion_tells_what_its_image_holds_on_mariadb() {
    partly_logged(MariaDb::start(options("MINIMAL")).await.unwrap(), Engine::MyIsam, true).await;
    partly_logged(MariaDb::start(options("NOBLOB")).await.unwrap(), Engine::InnoDb, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_deletion_tells_what_its_image_holds_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    partly_logged(MySql::start(options("MINIMAL")).await.unwrap(), Engine::InnoDb, true).await;
}

async fn lab_cases(polling_seconds: i64) -> Office {
    let office = Office::open().await;
    let rows = "(1, 33, 'one', '2022-01-01'), (2, 33, 'two', '2021-01-01'), (3, 33, 'three', '2020-01-01')";
    office.exec(&format!("INSERT INTO labcase (LabCaseNum, PatNum, Instructions, DateTStamp) VALUES {rows}")).await;
    office.subscribe(1, "LabCaseDeleted", polling_seconds).await;
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_row_that_is_there_again_was_not_deleted() {
    let mut office = lab_cases(2).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office
        .exec(
            "REPLACE INTO labcase (LabCaseNum, PatNum) VALUES (1, 34); DELETE FROM labcase; \
             INSERT INTO labcase (LabCaseNum, PatNum) VALUES (1, 34), (3, 35); DELETE FROM labcase WHERE LabCaseNum=3",
        )
        .await;
    let event = office.event().await;
    assert_eq!(event.field("LabCaseNum"), ["2", "3"]);
    assert_eq!(event.field("PatNum"), ["33", "35"], "as it was last");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_changed_key_is_a_deletion_of_the_old_one() {
    let mut office = lab_cases(1).await;
    office.subscribe(2, "LabCase", 1).await;
    let bridge = office.bridge();
    office.ticking(2).await;
    office.exec("UPDATE labcase SET LabCaseNum=9 WHERE LabCaseNum=1").await;
    let mut events = [office.event().await, office.event().await];
    events.sort_by_key(Event::subscription);
    let seen = events.map(|event| (event.field("LabCaseNum"), event.field("Instructions")));
    assert_eq!(seen, ["1", "9"].map(|num| (vec![num.to_owned()], vec!["one".to_owned()])));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_deletions_are_ordered_by_commit_then_key() {
    let mut office = lab_cases(1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("DELETE FROM labcase ORDER BY LabCaseNum DESC").await;
    assert_eq!(office.event().await.field("LabCaseNum"), ["1", "2", "3"], "whatever their own stamps");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_killed_between_a_deletion_and_its_delivery() {
    let mut office = lab_cases(3).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.receiver.behave(Behavior::Hang);
    office.exec("DELETE FROM labcase WHERE LabCaseNum=1").await;
    // Before its window closes.
    bridge.kill();
    let bridge = office.process();
    let first = office.event().await;
    assert_eq!((first.field("LabCaseNum"), first.field("Instructions")), (vec!["1".into()], vec!["one".into()]));
    // While it is being sent.
    bridge.kill();
    office.exec("DELETE FROM labcase WHERE LabCaseNum=2").await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let again = office.event().await;
    assert_eq!((again.id(), body(&again)), (first.id(), body(&first)));
    assert_eq!(office.event().await.field("Instructions"), ["two"]);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_deletions_that_cannot_be_told_are_said_loudly() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO labcase (LabCaseNum) VALUES (1), (2), (3), (4)").await;
    let url = office.receiver.url("/1/");
    office.exec("DELETE FROM labcase WHERE LabCaseNum=1").await;
    office.exec(&subscription_row(1, &url, "LabCaseDeleted", 2, "'2024-01-01'")).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("DELETE FROM labcase WHERE LabCaseNum=2; TRUNCATE labcase").await;
    office.exec("INSERT INTO labcase (LabCaseNum) VALUES (5); DELETE FROM labcase").await;
    let mut seen = office.event().await.field("LabCaseNum");
    while !seen.contains(&"5".to_owned()) {
        seen.extend(office.event().await.field("LabCaseNum"));
    }
    assert_eq!(seen, ["2", "5"]);
    bridge.kill();
    let log = std::fs::read_to_string(office.log()).unwrap();
    for said in ["deleted before this subscription's place in the log", "no event tells of the rows that were in it"] {
        assert_eq!(log.matches(said).count(), 1, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_what_is_deleted_right_behind_a_new_subscription_is_told() {
    let mut office = lab_cases(1).await;
    let proxy = Proxy::before(office.server.port()).await;
    office.behind(proxy.port);
    office.exec("INSERT INTO patfield (PatFieldNum) VALUES (1)").await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let subscription = subscription_row(2, &office.receiver.url("/2/"), "PatFieldDeleted", 1, "NOW()");
    // What is held up behind the first deletion reaches the reader in one piece.
    proxy.dumps(Fate::Silent);
    office.exec("DELETE FROM labcase WHERE LabCaseNum=1").await;
    office.exec(&format!("{subscription}; DELETE FROM patfield")).await;
    proxy.dumps(Fate::Forwarded);
    let mut event = office.event().await;
    while event.subscription() != 2 {
        event = office.event().await;
    }
    assert_eq!(event.field("PatFieldNum"), ["1"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_after_a_lost_log_deletions_go_on() {
    let server = MariaDb::start(Options::default().arg("--sql-mode=")).await.unwrap();
    let mut office = Office::on(Arc::new(server), Engine::MyIsam).await;
    office.exec("INSERT INTO labcase (LabCaseNum) VALUES (1), (2), (3)").await;
    office.subscribe(1, "LabCaseDeleted", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("DELETE FROM labcase WHERE LabCaseNum=1").await;
    assert_eq!(office.event().await.field("LabCaseNum"), ["1"]);
    office.ticking(1).await;
    office.exec("RESET MASTER; DELETE FROM labcase WHERE LabCaseNum=2").await;
    // Whether this one is still told depends on when the loss is noticed.
    let start = office.date_time_start(1).await;
    office.date_time_start_after(1, &start).await;
    office.ticking(1).await;
    office.exec("DELETE FROM labcase WHERE LabCaseNum=3").await;
    while !office.event().await.field("LabCaseNum").contains(&"3".to_owned()) {}
    bridge.kill();
    let log = std::fs::read_to_string(office.log()).unwrap();
    assert!(log.contains("deleted before this subscription's place in the log"), "{log}");
}
