//! R5: never a value under a wrong name.

use opendental_cdc::{
    sandbox::{MariaDb, Options},
    source::Message,
};

use crate::following::{Following, changes, config, database, row};

/// The texts of the columns of the rows with these names and values.
async fn values(following: &mut Following) -> Vec<String> {
    let transactions = following.transactions().await;
    let zone = following.database.time_zone().await.unwrap();
    let show = |(name, value): (String, Option<String>)| format!("{name}={}", value.unwrap_or_default());
    let rows = changes(transactions);
    rows.iter().map(|change| row(change, &zone).into_iter().map(show).collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn r5_columns_that_change_while_reading_keep_their_names() {
    let server = database("altered").await;
    server.exec("USE altered; CREATE TABLE t (id BIGINT PRIMARY KEY, a INT, b INT)").await.unwrap();
    let mut following = Following::now(server, "altered", &["t", "late"]).await;
    server.exec("INSERT INTO altered.t VALUES (1, 10, 20)").await.unwrap();
    assert_eq!(values(&mut following).await, ["id=1 a=10 b=20"]);
    server.exec("ALTER TABLE altered.t CHANGE a b INT, CHANGE b a INT").await.unwrap();
    server.exec("INSERT INTO altered.t VALUES (2, 30, 40)").await.unwrap();
    assert_eq!(values(&mut following).await, ["id=2 b=30 a=40"]);
    server
        .exec("USE altered; CREATE TABLE late LIKE t; ALTER TABLE t ADD c VARCHAR(9) FIRST, RENAME INDEX x TO y")
        .await
        .unwrap_err();
    server.exec("USE altered; ALTER TABLE t ADD c VARCHAR(9) FIRST; INSERT INTO t VALUES ('z', 3, 1, 2); INSERT INTO late VALUES (1, 5, 6)").await.unwrap();
    assert_eq!(values(&mut following).await, ["c=z id=3 b=1 a=2", "id=1 b=5 a=6"]);
    following.end().await;
}

#[tokio::test]
async fn r5_two_changes_behind_a_lagging_reader_are_a_doubt_unless_the_log_has_names() {
    for metadata in ["NO_LOG", "MINIMAL", "FULL"] {
        let server = MariaDb::start(Options::default().arg(format!("--binlog-row-metadata={metadata}"))).await.unwrap();
        server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY, a INT, b INT); CREATE TABLE u (id BIGINT PRIMARY KEY, a INT)").await.unwrap();
        let mysql = config(&server.url("opendental"), "");
        let ready = Following::with(mysql.clone(), &["t"], None).await;
        let start = ready.boundary.position.clone();
        ready.end().await;
        // All this has happened when the reader comes; types and count are the same throughout.
        server
            .exec(
                "USE opendental; ALTER TABLE t CHANGE a b INT, CHANGE b a INT; INSERT INTO t VALUES (1, 10, 20);
                 ALTER TABLE t CHANGE a c INT; INSERT INTO t VALUES (2, 30, 40)",
            )
            .await
            .unwrap();
        let mut following = Following::with(mysql, &["t", "u"], Some(start)).await;
        if metadata == "FULL" {
            assert_eq!(values(&mut following).await, ["id=1 b=10 a=20", "id=2 b=30 c=40"]);
            assert!(following.unsure.is_empty());
            following.end().await;
        } else {
            let (doubt, _) = following.doubt().await;
            assert_eq!(doubt.table_name, "t");
            assert!(doubt.reason.contains("binlog_row_metadata=FULL"), "{doubt}");
        }
    }
}

#[tokio::test]
async fn r5_names_that_may_yet_prove_wrong_are_told_to_be_unsure() {
    let server = database("unsure").await;
    server.exec("USE unsure; CREATE TABLE t (id BIGINT PRIMARY KEY, a INT)").await.unwrap();
    let ready = Following::now(server, "unsure", &["t"]).await;
    let start = ready.boundary.position.clone();
    ready.end().await;
    server.exec("USE unsure; INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2)").await.unwrap();
    let mut following = Following::with(config(&server.url("unsure"), ""), &["t"], Some(start.clone())).await;
    let end = following.database.current_position().await.unwrap().point();
    let mut unsure_first = false;
    while let Some(message) = following.next().await {
        match message {
            Message::LayoutUnsure { until, .. } => {
                assert!(until >= end);
                unsure_first = true;
            }
            Message::Transactions { transactions, .. } if !transactions.is_empty() => break,
            _ => {}
        }
    }
    assert!(unsure_first, "R5: told before the rows");
    following.end().await;
}

#[tokio::test]
async fn r5_columns_of_another_type_than_declared_are_a_doubt() {
    let server = database("mismatch").await;
    server.exec("USE mismatch; CREATE TABLE t (id BIGINT PRIMARY KEY, a INT)").await.unwrap();
    let ready = Following::now(server, "mismatch", &["t"]).await;
    let start = ready.boundary.position.clone();
    ready.end().await;
    server.exec("USE mismatch; INSERT INTO t VALUES (1, 1); ALTER TABLE t MODIFY a BIGINT").await.unwrap();
    let following = Following::with(config(&server.url("mismatch"), ""), &["t"], Some(start)).await;
    let (doubt, before) = following.doubt().await;
    assert!(doubt.reason.contains("column 2"), "{doubt}");
    assert!(before.is_empty());
}
