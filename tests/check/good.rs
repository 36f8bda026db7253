//! Set-ups with nothing wrong.

use std::collections::BTreeSet;

use opendental_cdc::{
    check::{Outcome, Report},
    sandbox::{Release, receiver::Receiver},
};

use crate::stage::{Stage, said};

fn looks(report: &Report) -> BTreeSet<String> {
    report.findings.iter().map(|finding| finding.look().split(" http").next().unwrap().to_owned()).collect()
}

/// A practice with the documented grants.
pub(crate) async fn documented(stage: &mut Stage) {
    let release = stage.release;
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    stage.subscribe(1, &receiver.url("/hook?token=hushhushtoken"), "CDC-BRIDGE", "Appointment", 5).await;
    let report = stage.report().await;
    let printed: Vec<String> =
        report.findings.iter().map(|finding| format!("{}: {}", finding.look(), said(finding))).collect();
    let printed = printed.join("\n");
    println!("{release}\n{printed}\n");
    assert!(report.can_run(), "{release}:\n{printed}");
    assert_eq!(report.count(Outcome::Warning), 0, "{release}:\n{printed}");
    for secret in ["s3cret", "hushhush"] {
        assert!(!printed.contains(secret), "D4: {printed}");
    }
    for look in [
        "connection",
        "encryption",
        "primary server",
        "clock",
        "time zone",
        "binlog",
        "binlog format",
        "row image",
        "retention",
        "server_id",
        "databases in the log",
        "sql_log_bin",
        "right REPLICATION SLAVE",
        "logged statements",
        "right SELECT",
        "right UPDATE",
        "right INSERT, DELETE",
        "foreign keys",
        "table appointment",
        "table apisubscription",
        "lookup tables",
        "workstation",
        "subscriptions",
        "second sender",
        "write-back",
        "endpoint",
        "state file",
        "disk",
        "http.listen",
    ] {
        assert!(looks(&report).contains(look), "{release}: no look at {look}:\n{printed}");
    }
    assert_eq!(std::fs::read_dir(stage.folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn polling_needs_no_log_and_no_right_to_it() {
    let options = opendental_cdc::sandbox::Options::default().arg("--skip-log-bin");
    let mut stage = Stage::new(Release::MariaDb10_11, options).await;
    stage.set("engine", "\"polling\"");
    stage.exec("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM cdc@'127.0.0.1'").await;
    let report = stage.report().await;
    assert!(report.can_run() && report.count(Outcome::Warning) == 0, "{report:#?}");
    for look in ["binlog", "retention", "server_id", "right REPLICATION SLAVE", "state file", "foreign keys"] {
        assert!(!looks(&report).contains(look), "{look}");
    }
}
