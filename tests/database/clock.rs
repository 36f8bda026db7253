//! Barriers, positions and the office's time zone.

use chrono::NaiveDateTime;
use opendental_cdc::{
    binlog::{Gtids, LogPoint},
    sandbox::{MariaDb, Options},
    source::{Database, TimeZone},
};

use crate::practice::{GRANTS, Kind, Practice, config, furnish};

#[tokio::test]
async fn w2_a_barrier_is_the_clock_and_then_the_end_of_the_log() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let before = practice.database.barrier().await.unwrap();
        practice.exec("INSERT INTO site (Description) VALUES ('a')").await;
        let after = practice.database.barrier().await.unwrap();
        let status = practice.server.query(practice.status()).await.unwrap();
        let end = LogPoint::new(status[0][0].as_ref().unwrap(), status[0][1].as_ref().unwrap().parse().unwrap());
        assert_eq!(after.point, end.unwrap(), "{kind:?}");
        assert!(before.point < after.point && before.now < after.now, "{kind:?}");
        assert_eq!(before.identity, practice.database.identity().await.unwrap());
        // What the practice sees on its clock, though the connection is a library's that likes UTC.
        let local = TimeZone::named("America/New_York").unwrap().local(after.now);
        assert_eq!(after.local, local.format("%Y-%m-%d %H:%M:%S").to_string(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_position_has_the_gtids_of_all_before_it() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("INSERT INTO site (Description) VALUES ('a')").await;
        let position = practice.database.current_position().await.unwrap();
        let gtids = match kind {
            Kind::MySqlNoGtid => None,
            kind if kind.is_mysql() => {
                let set = practice.value("SELECT @@GLOBAL.gtid_executed").await;
                Some(Gtids::Mysql(set.parse().unwrap()))
            }
            _ => {
                let sql = format!("SELECT BINLOG_GTID_POS('{}', {})", position.file, position.offset);
                Some(Gtids::Mariadb(practice.value(&sql).await.parse().unwrap()))
            }
        };
        assert_eq!(position.gtids, gtids, "{kind:?}");
        assert_eq!(position.point(), practice.database.barrier().await.unwrap().point, "{kind:?}");
    }
}

#[tokio::test]
async fn a_position_under_writes_has_the_gtids_that_the_log_has_there() {
    for kind in [Kind::MariaDbMyIsam, Kind::MariaDbInnoDb] {
        let practice = Practice::new(kind).await;
        let mut writer = practice.server.connect().await.unwrap();
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let writing = tokio::spawn(async move {
            while stopped.try_recv().is_err() {
                let insert = "INSERT INTO site (Description) VALUES ('a')";
                mysql_async::prelude::Queryable::query_drop(&mut writer, insert).await.unwrap();
            }
        });
        let mut positions = Vec::new();
        for _ in 0..200 {
            positions.push(practice.database.current_position().await.unwrap());
        }
        stop.send(()).unwrap();
        writing.await.unwrap();
        let selects = positions
            .iter()
            .map(|position| format!("SELECT BINLOG_GTID_POS('{}', {})", position.file, position.offset));
        let lists = practice.server.query(&selects.collect::<Vec<_>>().join(" UNION ALL ")).await.unwrap();
        assert_eq!(lists.len(), positions.len());
        for (position, list) in positions.into_iter().zip(lists.into_iter().flatten()) {
            assert_eq!(position.gtids, Some(Gtids::Mariadb(list.unwrap().parse().unwrap())), "{kind:?}");
        }
    }
}

/// Instants on both sides of both changes of 2026, and others.
fn instants() -> Vec<i64> {
    let changes = [1_772_953_200, 1_793_512_800, 1_774_746_000, 1_775_314_800, 1_790_434_800];
    let around = changes.iter().flat_map(|at| [at - 3600, at - 1, *at, at + 1, at + 3600]);
    around.chain([1, 500_000_000, 1_000_000_000, 1_500_000_000, 2_100_000_000]).collect()
}

async fn agrees_with_the_server(database: &Database, server: &opendental_cdc::sandbox::Server) {
    let zone = database.time_zone().await.unwrap();
    let instants = instants();
    let selects = instants.iter().map(|at| format!("SELECT {at}, FROM_UNIXTIME({at})"));
    let rows = server.query(&selects.collect::<Vec<_>>().join(" UNION ALL ")).await.unwrap();
    assert_eq!(rows.len(), instants.len());
    for row in rows {
        let at: i64 = row[0].as_ref().unwrap().parse().unwrap();
        let shown = NaiveDateTime::parse_from_str(row[1].as_ref().unwrap(), "%Y-%m-%d %H:%M:%S").unwrap();
        let instant = chrono::DateTime::from_timestamp(at, 0).unwrap();
        assert_eq!(zone.local(instant), shown, "at {at}");
        // The way back: an hour shown twice means the earlier instant.
        let back = zone.utc(shown);
        assert_eq!(zone.local(back), shown, "at {at}");
        assert!(back <= instant, "at {at}");
    }
}

#[tokio::test]
async fn w2_the_zone_is_what_the_servers_clock_does() {
    let zones = [
        Options::default().zone("Europe/Berlin"),
        Options::default().zone("Australia/Lord_Howe"),
        Options::default().zone("America/Phoenix"),
        Options::default().zone("America/New_York").arg("--default-time-zone=+05:45"),
    ];
    for options in zones {
        let server = Kind::MariaDbMyIsam.start(options).await;
        agrees_with_the_server(&furnish(Kind::MariaDbMyIsam, &server).await, &server).await;
    }
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        agrees_with_the_server(&practice.database, &practice.server).await;
        let zone = practice.database.time_zone().await.unwrap();
        assert_eq!(zone, TimeZone::named("America/New_York").unwrap(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_configured_zone_wins_over_the_servers() {
    let server = MariaDb::start(Options::default().zone("America/New_York")).await.unwrap();
    server.exec(GRANTS.rsplit_once(';').unwrap().0).await.unwrap();
    let mut config = config(&server.url_for("cdc", "s3cret", "opendental"));
    config.time_zone = "America/Denver".to_owned();
    let database = Database::connect(&config).await.unwrap();
    assert_eq!(database.time_zone().await.unwrap(), TimeZone::named("America/Denver").unwrap());
    config.time_zone = "Eastern Standard Time".to_owned();
    let database = Database::connect(&config).await.unwrap();
    let refusal = database.time_zone().await.unwrap_err().to_string();
    assert!(refusal.starts_with("mysql.time_zone: "), "{refusal}");
}
