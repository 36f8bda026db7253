//! Logs that the server compresses.

use opendental_cdc::{
    binlog::Position,
    row::RowKey,
    sandbox::{MariaDb, MySql, Options},
};

use crate::following::{Following, changes, row};

#[tokio::test]
async fn r1_mariadb_compressed_statements_and_rows_are_read_from_both_engines() {
    let options = Options::default()
        .arg("--log-bin-compress=ON")
        .arg("--log-bin-compress-min-len=10")
        .arg("--max-allowed-packet=64M");
    let server = MariaDb::start(options).await.unwrap();
    for engine in ["InnoDB", "MyISAM"] {
        server
            .exec(&format!(
                "USE opendental; CREATE TABLE t{engine} (id BIGINT PRIMARY KEY, v LONGTEXT) ENGINE={engine};
                 CREATE TABLE other{engine} LIKE t{engine}"
            ))
            .await
            .unwrap();
        let table = format!("t{engine}");
        let mut following = Following::now(&server, "opendental", &[&table]).await;
        server
            .exec(&format!(
                "USE opendental; SET max_statement_time = 0;
                 INSERT INTO t{engine} SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_500;
                 INSERT INTO other{engine} SELECT * FROM t{engine};
                 UPDATE t{engine} SET v = CONCAT(v, 'x') WHERE id <= 2; DELETE FROM t{engine} WHERE id > 498;
                 INSERT INTO t{engine} VALUES (501, REPEAT('é', 9000000));
                 TRUNCATE /* {} */ TABLE t{engine}",
                "long enough to be compressed ".repeat(50)
            ))
            .await
            .unwrap();
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        let inserted: Vec<String> = (1..=500).map(|id| format!("+{id}")).collect();
        let cleared = format!("clear {table}");
        assert_eq!(shown, [&*inserted.join(" "), "~1 ~2", "-499 -500", "+501", &cleared], "{engine}");
        let zone = following.database.time_zone().await.unwrap();
        for change in changes(transactions).iter().take(503) {
            let row = row(change, &zone);
            let repeated = format!("SELECT REPEAT(MD5({}), 100)", row[0].1.as_ref().unwrap());
            let expected = server.value(&repeated).await.unwrap().unwrap();
            assert_eq!(row[1].1.as_ref().unwrap().trim_end_matches('x'), expected);
        }
        following.end().await;
    }
    let written = server.query("SHOW GLOBAL STATUS LIKE 'Binlog_bytes_written'").await.unwrap().remove(0);
    let written: u64 = written[1].as_ref().unwrap().parse().unwrap();
    assert!(written < 4 << 20, "the server did compress: {written} bytes");
}

#[tokio::test]
async fn r1_mysql_compressed_transactions_are_read_with_positions_that_can_be_resumed() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    for gtid in [true, false] {
        let options = Options::default().arg("--binlog-transaction-compression=ON");
        let options = if gtid { options.gtid() } else { options };
        let server = MySql::start(options).await.unwrap();
        server
            .exec(
                "USE opendental; CREATE TABLE i (id BIGINT PRIMARY KEY, v LONGTEXT, s TIMESTAMP NULL) ENGINE=InnoDB;
                 CREATE TABLE m (id BIGINT PRIMARY KEY, v TEXT) ENGINE=MyISAM; CREATE TABLE other LIKE i",
            )
            .await
            .unwrap();
        let mut following = Following::now(&server, "opendental", &["i", "m"]).await;
        server
            .exec(
                "USE opendental; INSERT INTO i VALUES (1, 'é', '2024-01-02 03:04:05');
                 BEGIN; INSERT INTO other VALUES (1, REPEAT('x', 99999), NULL); UPDATE i SET v = 'x'; UPDATE i SET s = s;
                 SAVEPOINT s; INSERT INTO i VALUES (2, 'y', NULL); ROLLBACK TO s; INSERT INTO i VALUES (3, 'z', NULL); COMMIT;
                 INSERT INTO m VALUES (7, 'm'); BEGIN; INSERT INTO i VALUES (8, '', NULL); ROLLBACK;
                 XA START 'a'; INSERT INTO i VALUES (4, 'a', NULL); XA END 'a'; XA PREPARE 'a';
                 XA COMMIT 'a'; SET SESSION binlog_transaction_compression = OFF; DELETE FROM i WHERE id = 4;
                 SET SESSION binlog_transaction_compression = ON; DELETE FROM i WHERE id = 3",
            )
            .await
            .unwrap();
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        assert_eq!(shown, ["+1", "~1 +3", "+7", "+4", "-4", "-3"], "gtid {gtid}");
        assert_eq!(following.connections, 1);
        let zone = following.database.time_zone().await.unwrap();
        let first = row(&changes(transactions.clone())[0], &zone);
        let values: Vec<_> = first.iter().map(|(_, value)| value.as_deref().unwrap()).collect();
        assert_eq!(values, ["1", "é", "2024-01-02 03:04:05"]);
        let packed = "SELECT COUNT(*) FROM performance_schema.binary_log_transaction_compression_stats
                      WHERE LOG_TYPE = 'BINARY' AND COMPRESSION_TYPE = 'ZSTD' AND TRANSACTION_COUNTER > 3";
        assert_eq!(server.value(packed).await.unwrap().unwrap(), "1", "the server did compress");
        for (index, transaction) in transactions.iter().enumerate().filter(|(index, _)| *index != 3) {
            let position =
                Position { offset: transaction.point.offset, gtids: None, ..following.boundary.position.clone() };
            let mut again = Following::with(following.config.mysql.clone(), &["i", "m"], Some(position)).await;
            assert_eq!(again.steps().await, shown[index + 1..]);
            again.end().await;
        }
        following.end().await;
    }
}

#[tokio::test]
async fn r1_a_large_compressed_transaction_is_read_row_by_row() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let options = Options::default().arg("--binlog-transaction-compression=ON").arg("--max-allowed-packet=64M");
    let server = MySql::start(options).await.unwrap();
    server.exec("USE opendental; CREATE TABLE i (id BIGINT PRIMARY KEY, v LONGTEXT)").await.unwrap();
    let mut following = Following::now(&server, "opendental", &["i"]).await;
    server
        .exec(
            "USE opendental; SET cte_max_recursion_depth = 100000; BEGIN;
             INSERT INTO i WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 20000)
             SELECT id, REPEAT(SHA2(id, 256), 10) FROM n;
             INSERT INTO i VALUES (20001, REPEAT('0123456789', 2000000)); DELETE FROM i WHERE id > 19999; COMMIT",
        )
        .await
        .unwrap();
    let transactions = following.transactions().await;
    assert_eq!(transactions.len(), 1);
    let changes = changes(transactions);
    let keys: Vec<RowKey> = changes.iter().map(|change| change.key.clone()).collect();
    let expected = (1..=20001).chain([20000, 20001]).map(RowKey::Int);
    assert!(keys.into_iter().eq(expected));
    let zone = following.database.time_zone().await.unwrap();
    for change in [0, 4711, 19_998] {
        let row = row(&changes[change], &zone);
        let selected = format!("SELECT v FROM opendental.i WHERE id = {}", change + 1);
        assert_eq!(row[1].1, server.value(&selected).await.unwrap());
    }
    assert_eq!(changes[20_000].image.as_ref().map(|image| image.len()), Some(1 + 8 + 4 + 20_000_000));
    following.end().await;
}
