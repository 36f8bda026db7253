//! Each release, with everything that differs between them: one server goes through all of it.

use opendental_cdc::sandbox::{Options, Release};

use crate::{
    account, good, practice, replication, server_settings,
    stage::{Stage, available},
};

/// Each part mends what it broke, but for the last.
async fn everything(release: Release) {
    let Some(release) = available(&[release]).next() else { return };
    let mut stage = Stage::new(release, Options::default().arg("--relay-log=relay")).await;
    good::documented(&mut stage).await;
    account::rights(&mut stage).await;
    account::login(&mut stage).await;
    replication::replica(&mut stage).await;
    replication::ids(&mut stage).await;
    replication::no_server_id(&mut stage).await;
    server_settings::statements(&mut stage).await;
    server_settings::running(&mut stage).await;
    practice::foreign_keys(&mut stage).await;
    practice::tables(&mut stage).await;
}

#[tokio::test]
async fn what_check_prints_mends_mariadb_10_5() {
    everything(Release::MariaDb10_5).await;
}

#[tokio::test]
async fn what_check_prints_mends_mariadb_10_11() {
    everything(Release::MariaDb10_11).await;
}

#[tokio::test]
async fn what_check_prints_mends_mariadb_11_8() {
    everything(Release::MariaDb11_8).await;
}

#[tokio::test]
async fn what_check_prints_mends_mysql_5_6() {
    everything(Release::MySql5_6).await;
}

#[tokio::test]
async fn what_check_prints_mends_mysql_9_7() {
    everything(Release::MySql9_7).await;
}
