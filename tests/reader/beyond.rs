//! Offsets beyond 4 GiB, which the events' own headers cannot say.

use opendental_cdc::{
    binlog::{Gtids, Position},
    sandbox::{Options, Release},
    source::{Database, Gtid, Transaction},
};

use crate::following::{Following, config};

const LIMIT: u64 = 1 << 32;

/// One transaction makes the log's file that large: rows that nobody watches, and watched ones at its start and end.
async fn beyond(release: Release, options: Options, rows: &str) {
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = release.start(options).await.unwrap();
    server
        .exec(
            "CREATE TABLE t (id BIGINT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE big (id BIGINT, v LONGTEXT) ENGINE=BLACKHOLE;
             CREATE TRIGGER some AFTER INSERT ON big FOR EACH ROW INSERT INTO t SELECT NEW.id WHERE NEW.id IN (1, 4400)",
        )
        .await
        .unwrap();
    let mysql = config(&server.url("opendental"), "");
    let start = Database::connect(&mysql).await.unwrap().current_position().await.unwrap();
    server.exec(&format!("INSERT INTO big SELECT id, REPEAT('x', 1000000) FROM {rows}")).await.unwrap();
    server.exec("INSERT INTO t VALUES (5000); INSERT INTO t VALUES (5001)").await.unwrap();

    let mut following = Following::with(mysql.clone(), &["t"], Some(start.clone())).await;
    let transactions = following.transactions().await;
    let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
    assert_eq!(shown, ["+1 +4400", "+5000", "+5001"], "{release}");
    following.end().await;
    let Transaction { point, .. } = transactions[0];
    assert!(point.file == start.point().file && point.offset > LIMIT, "{release}: {point:?}");
    println!("{release}: a transaction ends at {}", point.offset);

    // By GTID, reading goes on there; by file and offset, the protocol does not reach so far.
    let there = Position { offset: point.offset, gtids: Some(behind(&start, &transactions[0])), ..start };
    let mut again = Following::with(mysql.clone(), &["t"], Some(there.clone())).await;
    assert_eq!(again.steps().await, shown[1..], "{release}");
    again.end().await;
    let by_file = Position { gtids: None, ..there };
    let error = Following::with(mysql, &["t"], Some(by_file)).await.error().await;
    assert!(error.to_string().contains("beyond 4 GiB"), "{error}");
}

/// The GTIDs up to a transaction.
fn behind(start: &Position, transaction: &Transaction) -> Gtids {
    let mut gtids = start.gtids.clone().unwrap();
    match (&mut gtids, transaction.gtid.unwrap()) {
        (Gtids::Mysql(set), Gtid::Mysql(gtid)) => set.add(gtid),
        (Gtids::Mariadb(list), Gtid::Mariadb(gtid)) => list.add(gtid),
        other => panic!("{other:?}"),
    }
    gtids
}

#[tokio::test]
#[ignore = "writes 9 GB: cargo test --test reader beyond -- --ignored --nocapture --test-threads=1"]
async fn r1_offsets_beyond_4_gib_are_read_from_mysql() {
    let rows = "(WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 4400)
                SELECT id FROM n) AS n";
    let options = Options::default().gtid().arg("--cte-max-recursion-depth=9999");
    beyond(Release::MySql9_7, options, rows).await;
}

#[tokio::test]
#[ignore = "writes 9 GB: cargo test --test reader beyond -- --ignored --nocapture --test-threads=1"]
async fn r1_offsets_beyond_4_gib_are_read_from_mariadb() {
    let options = Options::default()
        .arg("--plugin-load-add=ha_blackhole")
        // Otherwise so large a transaction becomes a file of its own.
        .arg("--binlog-large-commit-threshold=18446744073709551615");
    beyond(Release::MariaDb11_8, options, "(SELECT seq AS id FROM seq_1_to_4400) AS n").await;
}
