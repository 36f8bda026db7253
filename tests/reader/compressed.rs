//! Logs that the server compresses.

use opendental_cdc::sandbox::{MariaDb, Options};

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
