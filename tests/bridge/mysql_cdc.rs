//! The main job with the log read by `mysql_cdc`.

use std::sync::Arc;

use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MySql, Options},
};

use crate::office::Office;

async fn main_job(mut office: Office) {
    office.read_with("mysql_cdc");
    office.subscribe(1, "Appointment", 1).await;
    let mut bridge = office.bridge();
    office.ticking(1).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, Note) VALUES (1, 1, 'ünï'), (2, 1, '')").await;
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["1", "2"]);
    assert_eq!(event.field("Note"), ["ünï", ""]);
    // Each crate goes on where the other stopped.
    for (client, number) in [("mysql_async", "3"), ("mysql_cdc", "4")] {
        bridge.stop().await;
        office.exec(&format!("INSERT INTO appointment (AptNum, PatNum) VALUES ({number}, 1)")).await;
        office.read_with(client);
        bridge = office.bridge();
        assert_eq!(office.event().await.field("AptNum"), [number]);
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_mariadb_with_mysql_cdc() {
    main_job(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_mysql_with_mysql_cdc() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(Options::default().gtid().arg("--sql-mode=")).await.unwrap();
    main_job(Office::on(Arc::new(server), Engine::InnoDb).await).await;
}
