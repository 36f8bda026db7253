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

#[tokio::test]
async fn r6_partial_updates_of_json_are_changes_whose_row_is_read_by_key() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = MySql::start(Options::default().arg("--binlog-row-value-options=PARTIAL_JSON")).await.unwrap();
    let columns: String = (2..=11).map(|number| format!("j{number} JSON, ")).collect();
    server
        .exec(&format!(
            "USE opendental; CREATE TABLE t (j1 JSON, a INT, {columns} id BIGINT PRIMARY KEY, z VARCHAR(9))"
        ))
        .await
        .unwrap();
    for (image, compression) in [("FULL", "OFF"), ("MINIMAL", "OFF"), ("NOBLOB", "ON")] {
        let mut following = Following::now(&server, "opendental", &["t"]).await;
        server
            .exec(&format!(
                "USE opendental; SET binlog_row_image = {image}, binlog_transaction_compression = {compression};
                 INSERT INTO t (id, j1, j11, z) VALUES (1, '{{\"a\": [1, 2, 3], \"b\": \"xxxxxxxxxxxxxxxxxxxx\"}}',
                 '{{\"a\": [1, 2, 3], \"b\": \"xxxxxxxxxxxxxxxxxxxx\"}}', 'z'), (2, '[1]', NULL, 'z'), (3, '[1]', '[2]', 'z');
                 UPDATE t SET j11 = JSON_SET(j11, '$.a[1]', 7) WHERE id = 1;
                 UPDATE t SET j1 = JSON_REPLACE(j1, '$.b', 'y'), z = 'q' WHERE id = 1;
                 UPDATE t SET j1 = JSON_REMOVE(j1, '$[0]'), j11 = JSON_SET(j11, '$[0]', NULL), id = id + 10 ORDER BY id DESC;
                 UPDATE t SET z = 'w'; UPDATE t SET j1 = '{{\"whole\": true}}' WHERE id = 12; DELETE FROM t"
            ))
            .await
            .unwrap();
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        let expected = ["+1 +2 +3", "~1", "~1", "~3>13 ~2>12 ~1>11", "~11 ~12 ~13", "~12", "-11 -12 -13"];
        assert_eq!(shown, expected, "{image}");
        if image == "FULL" {
            let whole: Vec<bool> = changes(transactions).iter().map(|change| change.image.is_some()).collect();
            // The server writes a JSON value as a whole where that is shorter, as for two of rows 3 to 1.
            assert_eq!(whole[3..5], [false; 2], "updates tell JSON by what changed");
            assert_eq!(whole[8..11], [false; 3], "also where nothing changed in it");
            assert_eq!(whole[11..], [true; 4], "unless they set it as a whole");
        }
        following.end().await;
    }
}
