//! The short form of the main job on MySQL 9.7: GTIDs, caching_sha2_password, both engines.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MySql, Options},
};

use crate::office::Office;

async fn main_job(engine: Engine) {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().gtid().zone("Europe/Berlin").arg("--sql-mode=")).await.unwrap();
    let mut office = Office::on(Arc::new(server), engine).await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let before = office.value("SELECT CAST(NOW() AS CHAR)").await.unwrap();
    office
        .exec("INSERT INTO appointment (AptNum, PatNum, AptStatus, Note) VALUES (1, 1, 1, 'ünï'), (2, 1, 5, '')")
        .await;
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["1", "2"]);
    assert_eq!(event.field("AptStatus"), ["Scheduled", "Broken"]);
    assert_eq!(event.field("Note"), ["ünï", ""]);
    assert!(event.field("DateTStamp")[0] >= before, "stamps are shown in the server's local time");
    office.exec("UPDATE appointment SET Note=Note; UPDATE appointment SET Note='changed' WHERE AptNum=2").await;
    assert_eq!(office.event().await.field("Note"), ["changed"]);

    // After a restart reading goes on by GTID.
    bridge.stop().await;
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (3, 1)").await;
    let bridge = office.bridge();
    assert_eq!(office.event().await.field("AptNum"), ["3"]);
    let start = office.date_time_start(1).await;
    office.date_time_start_after(1, &start).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_mysql_with_myisam() {
    main_job(Engine::MyIsam).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_mysql_with_innodb() {
    main_job(Engine::InnoDb).await;
}
