//! The practice's tables, clock and subscriptions.

use std::time::Duration;

use opendental_cdc::{
    check::Outcome,
    sandbox::{Options, Release, receiver::Receiver},
};

use crate::stage::{Stage, said};

/// Tables that are not as Open Dental makes them; leaves them so.
pub(crate) async fn tables(stage: &mut Stage) {
    let release = stage.release;
    stage
        .exec("ALTER TABLE site MODIFY SiteNum BIGINT NOT NULL; ALTER TABLE labcase MODIFY LabCaseNum BIGINT NOT NULL")
        .await;
    stage.exec("ALTER TABLE labcase DROP PRIMARY KEY").await;
    let good = "ok: MyISAM, key LabCaseNum, time stamp DateTStamp";
    let broken = "wrong: its primary key is none; LabCaseNum was expected \
                  | SQL: ALTER TABLE `labcase` ADD PRIMARY KEY (`LabCaseNum`);";
    stage.mends("a table without its primary key", "table labcase", broken, good).await;
    stage.exec("ALTER TABLE labcase DROP PRIMARY KEY, ADD PRIMARY KEY (LabCaseNum, PatNum)").await;
    let broken = "wrong: its primary key is LabCaseNum, PatNum; LabCaseNum was expected \
                  | SQL: ALTER TABLE `labcase` DROP PRIMARY KEY, ADD PRIMARY KEY (`LabCaseNum`);";
    stage.mends("a table with another primary key", "table labcase", broken, good).await;
    stage.exec("ALTER TABLE labcase MODIFY DateTStamp TIMESTAMP NOT NULL DEFAULT '2020-01-01'").await;
    let broken = "warning: DateTStamp is not set with each write: a catch-up would miss rows \
                  | SQL: ALTER TABLE `labcase` MODIFY `DateTStamp` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP \
                  ON UPDATE CURRENT_TIMESTAMP;";
    stage.mends("a time stamp that updates leave alone", "table labcase", broken, good).await;
    stage.exec("ALTER TABLE labcase DROP COLUMN DateTStamp").await;
    let broken = "warning: it has no time stamp DateTStamp: no catch-up can be made \
                  | do: update Open Dental, which adds the column";
    stage.says("a table without its time stamp", "table labcase", broken).await;
    stage.exec("ALTER TABLE patfield ENGINE = MRG_MyISAM").await;
    let engine = if release.is_mariadb() { "MRG_MyISAM" } else { "MRG_MYISAM" };
    let broken = format!(
        "warning: its engine is {engine}: rows may change without the log of this server \
         | SQL: ALTER TABLE `patfield` ENGINE = MyISAM;"
    );
    let good = "ok: MyISAM, key PatFieldNum, time stamp SecDateTEdit";
    stage.mends("a strange engine", "table patfield", &broken, good).await;
    stage.exec("DROP TABLE labcase; DROP TABLE site; ALTER TABLE apisubscription DROP COLUMN Note").await;
    let update = "do: update Open Dental, or let mysql.url name its database";
    let broken = format!("warning: not there: subscriptions to LabCase get nothing | {update}");
    stage.says("a watch table is not there", "table labcase", &broken).await;
    stage.says("a lookup table is not there", "lookup tables", &format!("wrong: not there: site | {update}")).await;
    let broken = format!("wrong: not there: apisubscription.Note | {update}");
    stage.says("a column is not there", "table apisubscription", &broken).await;
    stage
        .exec("ALTER TABLE operatory RENAME TO real_operatory; CREATE VIEW operatory AS SELECT * FROM real_operatory")
        .await;
    let broken = "warning: it is a view, which no log tells of \
                  | do: let mysql.url name the database in which it is a table";
    stage.says("a view in a table's place", "table operatory", broken).await;
}

#[tokio::test]
async fn tables_of_the_configuration_must_be_there_and_have_a_key() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    stage.exec("CREATE TABLE procedurelog (ProcNum BIGINT PRIMARY KEY); CREATE TABLE keyless (a INT)").await;
    stage.set("opendental.tables", "[\"procedurelog\", \"keyless\"]");
    let broken = "wrong: \"keyless\" has no primary key, so its rows cannot be told apart \
                  | config: opendental.tables = [\"procedurelog\"]";
    let finding = stage.says("opendental.tables names a table without key", "table keyless", broken).await;
    stage.mend(&finding).await;
    assert!(stage.report().await.can_run());
    let good = "ok: MyISAM, key ProcNum, no time stamp: a catch-up sends all of its rows";
    assert_eq!(said(&stage.found("table procedurelog").await[0]), good);
}

/// Rule R10: foreign keys that change watched rows, where the log does not tell of it.
pub(crate) async fn foreign_keys(stage: &mut Stage) {
    const LOOK: &str = "foreign keys";
    let release = stage.release;
    let key = "ALTER TABLE patient ENGINE = InnoDB; ALTER TABLE labcase ENGINE = InnoDB; \
               ALTER TABLE labcase ADD CONSTRAINT fk_lab FOREIGN KEY (PatNum) REFERENCES patient (PatNum) ON DELETE CASCADE";
    stage.exec(key).await;
    if release == Release::MySql9_7 {
        stage.says("ON DELETE CASCADE", LOOK, "ok: what they change is logged by this server").await;
        stage.exec("ALTER TABLE labcase DROP FOREIGN KEY fk_lab; ALTER TABLE labcase ENGINE = MyISAM").await;
        return;
    }
    let broken = "warning: rows change without being logged when others do, by fk_lab of labcase \
                  | SQL: ALTER TABLE `labcase` DROP FOREIGN KEY `fk_lab`;";
    stage.mends("ON DELETE CASCADE", LOOK, broken, "ok: none changes rows of watched tables").await;
    stage.exec("ALTER TABLE labcase ENGINE = MyISAM").await;
}

#[tokio::test]
async fn a_clock_and_a_zone_that_are_not_the_offices_are_named() {
    // The clock of every session but root's stands where it stood an hour after the session began.
    let options = Options::default().arg("--init-connect=SET timestamp = UNIX_TIMESTAMP() + 3600");
    let mut stage = Stage::new(Release::MariaDb10_11, options).await;
    let finding = stage.found("clock").await.remove(0);
    assert_eq!(finding.outcome(), Outcome::Warning);
    assert!(finding.found().ends_with("ahead of this machine's: signatures carry the time of this one"), "{finding:?}");
    crate::stage::tell(Release::MariaDb10_11, "the server's clock is an hour ahead", &finding, stage.folder.path());

    stage.set("mysql.time_zone", "\"Asia/Tokyo\"");
    let summer = stage.server.value("SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), NOW())").await.unwrap().unwrap();
    let server = format!("UTC-0{}:00", summer.trim_start_matches('-'));
    let broken = format!(
        "wrong: Asia/Tokyo is at UTC+09:00, the server's sessions are at {server}: times would be sent wrong \
         | config: mysql.time_zone = \"auto\""
    );
    let finding = stage.says("mysql.time_zone is another's", "time zone", &broken).await;
    stage.mend(&finding).await;
    let found = stage.found("time zone").await.remove(0);
    assert_eq!(found.outcome(), Outcome::Ok);
    assert!(
        found.found().starts_with(&format!("auto: the server's is {server}; the clocks change to UTC")),
        "{found:?}"
    );
}

#[tokio::test]
async fn w1_a_workstation_that_open_dental_has_is_warned_of() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let url = receiver.url("/hook");
    stage.set("workstation", "\"FRONTDESK\"");
    stage.subscribe(1, &url, "FRONTDESK", "Appointment", 5).await;
    stage
        .exec(
            "INSERT INTO computer (CompName, LastHeartBeat) VALUES ('frontdesk', NOW()), ('CDC-Bridge', '2020-01-01')",
        )
        .await;
    let broken = "warning: FRONTDESK is a computer of the practice: Open Dental there sends the same subscriptions \
                  | config: workstation = \"CDC-BRIDGE-2\" \
                  | SQL: UPDATE apisubscription SET Workstation = 'CDC-BRIDGE-2' WHERE Workstation = 'FRONTDESK';";
    let mended = "ok: CDC-BRIDGE-2, which no computer of the practice is called";
    stage.mends("workstation is a computer's name", "workstation", broken, mended).await;
    assert_eq!(said(&stage.found("subscriptions").await[0]), "ok: 1 of 1 are ours to serve");

    stage.subscribe(2, &url, "", "Appointment", 5).await;
    stage.subscribe(3, &url, "All Workstations", "Patient", 5).await;
    let broken = "warning: subscriptions 2, 3 are everybody's: each of the 1 computers that run Open Dental may send \
                  them too | SQL: UPDATE apisubscription SET Workstation = 'CDC-BRIDGE-2' \
                  WHERE ApiSubscriptionNum IN (2, 3);";
    let finding = stage.says("subscriptions without a Workstation", "all workstations", broken).await;
    stage.mend(&finding).await;
    assert!(stage.report().await.findings.iter().all(|finding| finding.look() != "all workstations"));
}

#[tokio::test]
async fn w7_a_second_sender_is_seen_by_what_it_moves() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    stage.subscribe(1, &receiver.url("/hook"), "", "Appointment", 1).await;
    stage.subscribe(2, &receiver.url("/hook"), "CDC-BRIDGE", "Appointment", 1).await;
    // Open Dental's own: it serves what is everybody's.
    let mut sender = stage.server.connect().await.unwrap();
    let sending = tokio::spawn(async move {
        use mysql_async::prelude::Queryable;
        loop {
            sender.query_drop("UPDATE apisubscription SET DateTimeStart = NOW() WHERE Workstation = ''").await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let broken = "warning: DateTimeStart of subscriptions 1 moves, though no bridge runs: somebody else sends them \
                  | SQL: UPDATE apisubscription SET Workstation = 'CDC-BRIDGE' WHERE ApiSubscriptionNum IN (1);";
    let mended = "ok: none seen: DateTimeStart stands still while no bridge runs";
    stage.mends("another program serves a subscription", "second sender", broken, mended).await;
    sending.abort();
}

#[tokio::test]
async fn subscriptions_that_cannot_be_served_are_named() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    stage.exec("CREATE TABLE procedurelog (ProcNum BIGINT PRIMARY KEY)").await;
    stage.subscribe(1, &receiver.url("/hook?token=hush"), "CDC-BRIDGE", "ProcedureLogDeleted", 5).await;
    let broken = "warning: subscription 1: there is no watch table \"ProcedureLogDeleted\" \
                  | config: opendental.tables = [\"ProcedureLog\"]";
    let finding = stage.says("an unknown WatchTable", "subscriptions", broken).await;
    stage.mend(&finding).await;
    let found: Vec<String> = stage.found("subscriptions").await.iter().map(said).collect();
    assert_eq!(found, ["ok: 1 of 1 are ours to serve"]);

    let sql = "UPDATE apisubscription SET EndPointUrl = '<https://host/path>' WHERE ApiSubscriptionNum IN (1);";
    let look = "endpoint (unreadable URL)";
    stage.exec("UPDATE apisubscription SET EndPointUrl = 'example.com/hush'").await;
    let broken = format!(
        "warning: EndPointUrl is not a URL (relative URL without a base); it must look like https://host/path \
         (subscriptions 1) | SQL: {sql}"
    );
    let finding = stage.says("EndPointUrl is no URL", look, &broken).await;
    let good = receiver.url("/hook");
    stage.exec(&finding.mends()[0].text().replace("<https://host/path>", &good)).await;
    let mended = said(&stage.found(&format!("endpoint {good}")).await[0]);
    assert_eq!(mended, "ok: reached (subscriptions 1)");

    stage.exec("UPDATE apisubscription SET EndPointUrl = 'http://127.0.0.1:1/hook?token=hush'").await;
    let broken = format!(
        "warning: cannot connect: Connection refused (os error 111) (subscriptions 1) \
         | do: start the receiver, and let this machine through to its port | SQL: {sql}"
    );
    stage.says("nobody listens at the endpoint", "endpoint http://127.0.0.1:1/hook", &broken).await;

    stage.exec("UPDATE apisubscription SET EndPointUrl = 'http://169.254.169.254/latest?token=hush'").await;
    let denied = stage.found("endpoint http://169.254.169.254/latest").await.remove(0);
    assert!(denied.found().starts_with("not sent: 169.254.169.254 is a link-local address"), "{denied:?}");
    assert_eq!(denied.mends()[0].text(), "let delivery.allow and delivery.deny permit it, if it is meant to be");
    crate::stage::tell(stage.release, "an endpoint that is always denied", &denied, stage.folder.path());
}

#[tokio::test]
async fn w5_a_log_that_write_backs_fill_is_warned_of() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    for num in 1..=60 {
        stage.subscribe(num, &receiver.url("/hook"), "CDC-BRIDGE", "Appointment", 1).await;
    }
    let broken = "warning: DateTimeStart adds about 1326 MB a day to the server's log \
                  | SQL: UPDATE apisubscription SET PollingSeconds = 10 WHERE PollingSeconds < 10 AND WatchTable <> '';";
    let mended = "ok: DateTimeStart adds about 160 MB a day to the server's log";
    stage.mends("60 subscriptions with PollingSeconds = 1", "write-back", broken, mended).await;
}
