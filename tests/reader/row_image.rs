//! R6: row images that do not hold every column (`binlog_row_image`).

use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};

use crate::following::{Following, changes};

async fn keys_and_wholeness(server: Server) {
    server
        .exec(
            "USE opendental; CREATE TABLE t (v TEXT, id BIGINT, n INT, s TIMESTAMP DEFAULT '2020-01-01 00:00:00', PRIMARY KEY (id));
             CREATE TABLE k (a VARCHAR(9), v TEXT, b INT, PRIMARY KEY (b, a))",
        )
        .await
        .unwrap();
    for image in ["MINIMAL", "NOBLOB", "FULL"] {
        let mut following = Following::now(&server, "opendental", &["t", "k"]).await;
        server
            .exec(&format!(
                "USE opendental; SET binlog_row_image = {image}; INSERT INTO t (id, v, n) VALUES (1, 'a', 1), (2, 'b', 2);
                 UPDATE t SET n = 5 WHERE id = 1; UPDATE t SET v = 'c' WHERE id = 1; UPDATE t SET n = n, v = v;
                 UPDATE t SET id = 3, v = 'd' WHERE id = 2; UPDATE t SET id = 4, n = 4 WHERE id = 3;
                 INSERT INTO k VALUES ('x', 'v', 7); UPDATE k SET v = 'w'; UPDATE k SET a = 'y'; UPDATE k SET b = 8, a = 'z';
                 DELETE FROM k; DELETE FROM t WHERE n = 5; DELETE FROM t"
            ))
            .await
            .unwrap();
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        let expected =
            ["+1 +2", "~1", "~1", "~2>3", "~3>4", "+7/x", "~7/x", "~7/x>7/y", "~7/y>8/z", "-8/z", "-1", "-4"];
        assert_eq!(shown, expected, "{image}");
        // An INSERT that names every column is logged whole; under NOBLOB an UPDATE of the TEXT is too.
        for change in changes(transactions) {
            if image == "FULL" {
                assert!(change.image.is_some(), "{:?}", change.key);
            }
            let held = change.image.is_some();
            let update = change.kind == opendental_cdc::source::ChangeKind::Update;
            assert!(!(image == "MINIMAL" && update && held), "{image} {:?}", change.key);
            assert!(change.before.is_none() || image == "FULL");
        }
        following.end().await;
    }
}

#[tokio::test]
async fn r6_changes_of_partly_logged_rows_have_their_keys_on_mariadb() {
    keys_and_wholeness(MariaDb::start(Options::default()).await.unwrap()).await;
}

#[tokio::test]
async fn r6_changes_of_partly_logged_rows_have_their_keys_on_mysql() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    keys_and_wholeness(MySql::start(Options::default()).await.unwrap()).await;
}
