//! R6: servers that log only parts of rows (`binlog_row_image`): the rest is read by primary key.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Server},
};

use crate::office::Office;

async fn rows_arrive_whole(server: Server, engine: Engine) {
    let mut office = Office::on(Arc::new(server), engine).await;
    office
        .exec(
            "INSERT INTO provider (ProvNum, Abbr) VALUES (1, 'DOC'); INSERT INTO schedule (ScheduleNum, DateTStamp) VALUES (1, '2020-01-01'); \
             INSERT INTO appointment (AptNum, PatNum, ProvNum, Pattern, Note, ProcDescript, DateTStamp) VALUES \
             (1, 4, 1, '/X/', 'long', 'Seal', '2020-01-01'), (2, 4, 1, '/X/', 'long', 'Seal', '2020-01-01'), (3, 4, 1, '/X/', 'long', 'Seal', '2020-01-01')",
        )
        .await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;

    // One column of few bytes, one text, one that is logged as text; the row that is deleted is not sent.
    office.exec("UPDATE appointment SET Pattern='/XX/' WHERE AptNum=1").await;
    let event = office.event().await;
    let whole = ["AptNum", "PatNum", "Pattern", "Note", "ProcDescript", "provAbbr"];
    assert_eq!(whole.map(|field| event.field(field).join()), ["1", "4", "/XX/", "long", "Seal", "DOC"]);
    office.exec("UPDATE appointment SET Note='n' WHERE AptNum=2; DELETE FROM appointment WHERE AptNum=2").await;
    office.exec("UPDATE appointment SET AptNum=5 WHERE AptNum=3; INSERT INTO appointment (AptNum) VALUES (6)").await;
    let mut seen = std::collections::BTreeMap::new();
    while !(seen.contains_key("5") && seen.contains_key("6")) {
        let event = office.event().await;
        seen.extend(event.field("AptNum").into_iter().zip(event.field("Note")));
    }
    assert_eq!(seen.remove("5").as_deref(), Some("long"), "under its new key");
    assert_eq!(seen.remove("6").as_deref(), Some(""));
    assert!(seen.keys().all(|key| key == "2"), "{seen:?}: a deleted row may only be sent before it is deleted");

    // Lookups and subscriptions, too.
    office.exec("UPDATE provider SET Abbr='NEW' WHERE ProvNum=1").await;
    office.exec("UPDATE appointment SET Note='again' WHERE AptNum=1").await;
    let event = office.event().await;
    assert_eq!((event.field("Note").join(), event.field("provAbbr").join()), ("again".to_owned(), "NEW".to_owned()));
    office.subscribe(2, "AppointmentDeleted", 1).await;
    office.subscribe(3, "Schedule", 1).await;
    office.ticking(3).await;
    office.exec("INSERT INTO histappointment (HistApptNum, HistApptAction, AptNum) VALUES (1, 1, 9), (2, 4, 9)").await;
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("HistApptNum").join()), (2, "2".to_owned()));
    office.exec("UPDATE schedule SET Note='changed' WHERE ScheduleNum=1").await;
    assert_eq!(office.event().await.field("Note"), ["changed"]);
    bridge.stop().await;
}

/// The list of schedules that arrive, each with its operatories.
async fn scheduled(office: &mut Office, nums: &[&str]) -> Vec<(String, String)> {
    let mut seen = std::collections::BTreeMap::new();
    while !nums.iter().all(|num| seen.contains_key(*num)) {
        let event = office.event().await;
        seen.extend(event.field("ScheduleNum").into_iter().zip(event.field("operatories")));
    }
    seen.into_iter().collect()
}

fn pair(num: &str, operatories: &str) -> (String, String) {
    (num.to_owned(), operatories.to_owned())
}

async fn operatories_and_write_backs_need_no_reload(server: Server, engine: Engine) {
    let mut office = Office::on(Arc::new(server), engine).await;
    office
        .exec(
            "INSERT INTO schedule (ScheduleNum, DateTStamp) VALUES (1, '2020-01-01'), (2, '2020-01-01'), (3, '2020-01-01'); \
             INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum, OperatoryNum) VALUES (10, 1, 5), (11, 1, 6)",
        )
        .await;
    office.subscribe(1, "Schedule", 1).await;
    office.subscribe(2, "Schedule", 1).await;
    office.exec("UPDATE apisubscription SET Workstation='FRONTDESK' WHERE ApiSubscriptionNum=2").await;
    let bridge = office.process();
    office.ticking(1).await;
    office.exec("UPDATE scheduleop SET OperatoryNum=7 WHERE ScheduleOpNum=10").await;
    assert_eq!(scheduled(&mut office, &["1"]).await, [pair("1", "7,6")]);
    office.exec("UPDATE scheduleop SET ScheduleNum=2 WHERE ScheduleOpNum=11").await;
    assert_eq!(scheduled(&mut office, &["1", "2"]).await, [pair("1", "7"), pair("2", "6")]);
    office.exec("DELETE FROM scheduleop WHERE ScheduleOpNum=10").await;
    assert_eq!(scheduled(&mut office, &["1"]).await, [pair("1", "")]);
    // Another sender writes its DateTimeStart, too.
    office.exec("UPDATE apisubscription SET DateTimeStart=NOW() WHERE ApiSubscriptionNum=2").await;
    office.exec("UPDATE apisubscription SET Note='n', PollingSeconds=2 WHERE ApiSubscriptionNum=1").await;
    office.exec("UPDATE scheduleop SET OperatoryNum=8").await;
    assert_eq!(scheduled(&mut office, &["2"]).await, [pair("2", "8")]);
    let loads = || std::fs::read_to_string(office.log()).unwrap().matches("lookups loaded").count();
    assert_eq!(loads(), 1, "all of it was known from the log");
    // A subscription that becomes ours.
    office.exec("UPDATE apisubscription SET Workstation='' WHERE ApiSubscriptionNum=2").await;
    office.ticking(2).await;
    assert_eq!(loads(), 1);
    // What no image tells is read: a new row of which only a part is logged, and a table that was emptied.
    office.exec("INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum) VALUES (12, 3)").await;
    assert_eq!(scheduled(&mut office, &["3"]).await, [pair("3", "0")]);
    office.exec("TRUNCATE scheduleop").await;
    assert_eq!(scheduled(&mut office, &["2", "3"]).await, [pair("2", ""), pair("3", "")]);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_operatories_and_write_backs_need_no_reload_on_mariadb() {
    let server = MariaDb::start(options("MINIMAL")).await.unwrap();
    operatories_and_write_backs_need_no_reload(server, Engine::MyIsam).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_operatories_and_write_backs_need_no_reload_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(options("MINIMAL")).await.unwrap();
    operatories_and_write_backs_need_no_reload(server, Engine::InnoDb).await;
}

trait Join {
    fn join(self) -> String;
}

impl Join for Vec<String> {
    fn join(self) -> String {
        self[..].join(",")
    }
}

fn options(image: &str) -> Options {
    Options::default().arg("--sql-mode=").arg(format!("--binlog-row-image={image}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_partly_logged_rows_arrive_whole_from_mariadb() {
    for (image, engine) in [("MINIMAL", Engine::MyIsam), ("NOBLOB", Engine::InnoDb), ("MINIMAL", Engine::InnoDb)] {
        rows_arrive_whole(MariaDb::start(options(image)).await.unwrap(), engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_partly_logged_rows_arrive_whole_from_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    for (image, engine) in [("MINIMAL", Engine::InnoDb), ("NOBLOB", Engine::MyIsam)] {
        let options = options(image).gtid().arg("--binlog-transaction-compression=ON");
        rows_arrive_whole(MySql::start(options).await.unwrap(), engine).await;
    }
}
