//! Connections that `mysql_async` makes.

use opendental_cdc::{
    config::{BinlogClient, MysqlConfig},
    sandbox::{Options, Release},
    source::Database,
};

use crate::following::{Following, config};

#[tokio::test]
async fn every_release_is_read_over_mysql_async_too() {
    for release in Release::ALL {
        if !release.is_available() {
            println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
            continue;
        }
        let compressed = match release {
            Release::MySql9_7 => "--binlog-transaction-compression=ON",
            Release::MySql5_6 => "--binlog-checksum=NONE",
            _ => "--log-bin-compress=ON",
        };
        let options = Options::default().arg(compressed).arg("--max-allowed-packet=64M");
        let server = release.start(options).await.unwrap();
        // MySQL compresses what is transactional.
        let engine = if release == Release::MySql9_7 { "InnoDB" } else { "MyISAM" };
        let table = format!("CREATE TABLE opendental.t (id BIGINT PRIMARY KEY, v LONGTEXT) ENGINE={engine}");
        server.exec(&table).await.unwrap();
        let mysql = config(&server.url("opendental"), "");
        let database = Database::connect(&mysql).await.unwrap();
        let mysql = MysqlConfig { client: BinlogClient::MysqlAsync, ..mysql };
        let mut following = Following::over(mysql.clone(), database.clone(), &["t"], None).await;
        let start = following.boundary.position.clone();
        following.connected().await;
        server
            .exec(
                "USE opendental; INSERT INTO t VALUES (1, 'x'), (2, 'y'); UPDATE t SET v = 'z' WHERE id = 2;
                 INSERT INTO t VALUES (3, REPEAT('0123456789', 2000000)); DELETE FROM t WHERE id = 1",
            )
            .await
            .unwrap();
        let expected = ["+1 +2", "~2", "+3", "-1"];
        assert_eq!(following.steps().await, expected, "{release}");
        following.end().await;
        let mut again = Following::over(mysql, database, &["t"], Some(start)).await;
        assert_eq!(again.steps().await, expected, "{release}, from a position on");
        again.end().await;
    }
}
