//! D4: no row value, statement text, customer key or endpoint's query is ever written to the log, at any level.

use opendental_cdc::sandbox::receiver::Behavior;

use crate::office::{Office, subscription_row};

#[tokio::test(flavor = "multi_thread")]
async fn d4_nothing_of_a_patient_is_logged_at_any_level() {
    let mut office = Office::open().await;
    office.configure("[log]\nlevel = \"trace\"\n");
    let url = office.receiver.url("/Zanzibarpath/?token=Zanzibartoken");
    office.exec(&subscription_row(1, &url, "Patient", 1, "NOW()")).await;
    office.exec("UPDATE apisubscription SET CustomerKey='Zanzibarkey', Note='Zanzibarnote'").await;
    office.exec("INSERT INTO patient (PatNum, LName, DateTStamp) VALUES (1, 'Zanzibarold', '2020-01-01')").await;
    let bridge = office.process();
    office.ticking(1).await;

    // Accepted, refused and retried, cut off, caught up, and read by key.
    office.exec("INSERT INTO patient (PatNum, LName, SSN) VALUES (2, 'Zanzibarname', '078-05-1120')").await;
    office.event().await;
    office.receiver.behave(Behavior::status(500));
    office.exec("UPDATE patient SET FName='Zanzibarfirst' WHERE PatNum=2").await;
    office.event().await;
    office.receiver.behave(Behavior::Disconnect);
    office.event().await;
    office.receiver.behave(Behavior::status(200));
    office.exec("UPDATE apisubscription SET DateTimeStart='2019-01-01 00:00:00'").await;
    while !office.event().await.field("LName").contains(&"Zanzibarold".to_owned()) {}

    // What cannot be read is named, and not shown.
    office
        .exec(
            "SET SESSION binlog_format=STATEMENT; INSERT INTO patient (PatNum, LName) VALUES (3, 'Zanzibarstatement')",
        )
        .await;
    while !office.event().await.field("LName").contains(&"Zanzibarstatement".to_owned()) {}
    bridge.kill();

    let log = std::fs::read_to_string(office.log()).unwrap();
    assert!(log.contains("the log is in doubt, patient"), "the log names the table:\n{log}");
    for secret in ["Zanzibar", "078-05-1120", "078051120"] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in the log");
    }
}
