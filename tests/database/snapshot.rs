//! Snapshots and the point of the log that they are paired with.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use opendental_cdc::{binlog::LogPoint, row::Row};
use tokio_util::sync::CancellationToken;

use crate::practice::{Kind, Practice};

const WRITERS: usize = 4;

fn table(writer: usize) -> String {
    format!("writer{writer}")
}

/// Where each event of the log begins, and which writer's table it announces.
async fn announcements(practice: &Practice, file: &str) -> Vec<(LogPoint, usize)> {
    let events = practice.server.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).await.unwrap();
    let tables: BTreeMap<String, usize> =
        (0..WRITERS).map(|writer| (format!("opendental.{})", table(writer)), writer)).collect();
    let events = events.iter().filter(|event| event[2].as_deref() == Some("Table_map"));
    let announced = events.filter_map(|event| {
        let point = LogPoint::new(file, event[1].as_ref()?.parse().ok()?)?;
        let info = event[5].as_ref()?;
        let writer = tables.iter().find(|(name, _)| info.ends_with(name.as_str()))?.1;
        Some((point, *writer))
    });
    announced.collect()
}

/// Each writer inserts 1, 2, 3, … into a table of its own, one row a transaction. Whatever the log has before a
/// snapshot's point must be in the snapshot.
#[tokio::test]
async fn r9_whatever_lies_before_the_point_is_in_the_snapshot() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        for writer in 0..WRITERS {
            practice.exec(&format!("CREATE TABLE {} (id BIGINT PRIMARY KEY AUTO_INCREMENT)", table(writer))).await;
        }
        if kind.is_mysql() && kind.engine().name() == "InnoDB" {
            // It lets transactions wait between the log and their tables, half a second: an eternity for a snapshot.
            practice.exec("SET GLOBAL binlog_group_commit_sync_delay = 500000").await;
        }
        let stop = CancellationToken::new();
        let mut writing = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (mut session, stop) = (practice.server.connect().await.unwrap(), stop.clone());
            let insert = format!("INSERT INTO {} VALUES (NULL)", table(writer));
            writing.spawn(async move {
                while !stop.is_cancelled() {
                    session.query_drop(&insert).await.unwrap();
                }
            });
        }
        let mut snapshots = Vec::new();
        for _ in 0..if kind.is_mysql() { 2 } else { 6 } {
            // Right after something went into the log, and may be on its way to its table.
            let end = practice.database.barrier().await.unwrap().point;
            while practice.database.barrier().await.unwrap().point == end {
                tokio::task::yield_now().await;
            }
            let mut snapshot = practice.database.snapshot().await.unwrap();
            let mut seen = Vec::new();
            for writer in 0..WRITERS {
                seen.push(snapshot.select_all(&table(writer), &["id"]).await.unwrap().len());
            }
            snapshots.push((snapshot.point(), seen));
            snapshot.finish().await;
        }
        stop.cancel();
        while let Some(ended) = writing.join_next().await {
            ended.unwrap();
        }
        let file = practice.server.query(practice.status()).await.unwrap()[0][0].clone().unwrap();
        let announced = announcements(&practice, &file).await;
        for (point, seen) in snapshots {
            for (writer, seen) in seen.into_iter().enumerate() {
                let before = announced.iter().filter(|(at, of)| *of == writer && *at < point).count();
                assert!(seen >= before, "{kind:?}: {before} rows are in the log before the point, {seen} were seen");
                if matches!(kind, Kind::MariaDbInnoDb | Kind::MariaDb11) {
                    assert_eq!(seen, before, "{kind:?}: a consistent snapshot holds nothing more");
                }
            }
        }
    }
}

#[tokio::test]
async fn r9_a_snapshot_does_not_wait_for_a_transaction_that_never_ends() {
    let kinds = Kind::all().filter(|kind| *kind == Kind::MySqlGtid);
    for kind in kinds {
        let practice = Practice::new(kind).await;
        let uuid = practice.value("SELECT @@server_uuid").await;
        // Owns a GTID and holds no lock.
        let mut idle = practice.server.connect().await.unwrap();
        idle.query_drop(format!("SET gtid_next = '{uuid}:1000000'; BEGIN")).await.unwrap();
        practice.exec("INSERT INTO site (Description) VALUES ('a')").await;
        let mut snapshot = practice.database.snapshot().await.unwrap();
        assert_eq!(snapshot.select_all("site", &["Description"]).await.unwrap().len(), 1);
        assert_eq!(snapshot.point(), practice.database.barrier().await.unwrap().point);
    }
}

#[tokio::test]
async fn a_snapshot_selects_the_columns_asked_for_or_all() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("INSERT INTO site (SiteNum, Description, Note) VALUES (7, 'é😀', '')").await;
        let mut snapshot = practice.database.snapshot().await.unwrap();
        let rows = snapshot.select_all("site", &["Note", "SiteNum"]).await.unwrap();
        assert_eq!((rows[0].text_at(0), rows[0].text_at(1)), (Some(""), Some("7")));
        let rows = snapshot.select_all::<&str>("site", &[]).await.unwrap();
        assert_eq!(rows[0].columns()[0].as_ref(), "SiteNum");
        assert!(rows[0].columns().len() > 5);
        assert_eq!(snapshot.select_all("clinic", &["ClinicNum"]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn r9_a_table_that_is_altered_under_a_snapshot_can_be_read_by_another() {
    let mut refused = 0;
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let mut snapshot = practice.database.snapshot().await.unwrap();
        practice.exec("ALTER TABLE site ADD COLUMN Added INT NOT NULL FIRST, ALGORITHM=COPY").await;
        if let Err(error) = snapshot.select_all::<&str>("site", &[]).await {
            assert!(error.is_retryable(), "{kind:?}: {error}");
            refused += 1;
        }
        let mut snapshot = practice.database.snapshot().await.unwrap();
        snapshot.select_all::<&str>("site", &[]).await.unwrap();
    }
    assert!(refused > 0, "no server minds");
}
