//! The short form on other servers: MySQL (GTIDs, caching_sha2_password, both engines) and MariaDB 11.

use opendental_cdc::{
    binlog::{Gtids, Position},
    sandbox::{MySql, Options, Release},
    source::{Database, SourceError},
};

use crate::following::{Following, changes, config, row};

#[tokio::test]
async fn r1_r3_r8_mysql_is_read_by_gtid_and_by_file() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    for gtid in [true, false] {
        let without = Options::default().arg("--gtid-mode=OFF").arg("--enforce-gtid-consistency=OFF");
        let options = if gtid { Options::default().gtid() } else { without };
        let server = MySql::start(options).await.unwrap();
        server
            .exec(
                "USE opendental; CREATE TABLE i (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(9), t TIMESTAMP(3) NULL) ENGINE=InnoDB;
                 CREATE TABLE m (id BIGINT PRIMARY KEY, v DECIMAL(9,2)) ENGINE=MyISAM;
                 CREATE USER cdc@'%' IDENTIFIED WITH caching_sha2_password BY 'p/w';
                 GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO cdc@'%'; GRANT SELECT ON opendental.* TO cdc@'%'",
            )
            .await
            .unwrap();
        for tls in ["disabled", "required"] {
            let mysql = config(&server.url_for("cdc", "p%2Fw", "opendental"), &format!("tls = \"{tls}\""));
            let database = Database::connect(&mysql).await.unwrap();
            let start = database.current_position().await.unwrap();
            assert_eq!(matches!(&start.gtids, Some(Gtids::Mysql(set)) if !set.is_empty()), gtid);
            let mut following = Following::over(mysql.clone(), database, &["i", "m"], Some(start.clone())).await;
            following.connected().await;
            server
                .exec(
                    "USE opendental; INSERT INTO i VALUES (18446744073709551615, 'é', '2024-03-10 03:00:00.5'); INSERT INTO m VALUES (1, -1.5);
                     BEGIN; UPDATE i SET v = 'x'; SAVEPOINT s; INSERT INTO i VALUES (2, 'y', NULL); ROLLBACK TO s; COMMIT;
                     BEGIN; INSERT INTO i VALUES (3, 'z', NULL); ROLLBACK;
                     XA START 'a'; INSERT INTO i VALUES (4, 'a', NULL); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';
                     FLUSH BINARY LOGS; DELETE FROM i WHERE id = 4; TRUNCATE m",
                )
                .await
                .unwrap();
            let transactions = following.transactions().await;
            let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
            let all = ["+18446744073709551615u", "+1", "~18446744073709551615u", "+4u", "-4u", "clear m"];
            assert_eq!(shown, all, "gtid {gtid}, tls {tls}");
            let zone = following.database.time_zone().await.unwrap();
            let first = row(&changes(transactions)[0], &zone);
            let selected = server.query("SELECT id, 'é', t FROM opendental.i").await.unwrap().remove(0);
            assert_eq!(first.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), selected);
            let after = following.boundary.position.clone();
            following.end().await;

            let mut again = Following::with(mysql.clone(), &["i", "m"], Some(start)).await;
            assert_eq!(again.steps().await, all);
            assert_eq!(again.boundary.position, after);
            again.end().await;
            server.exec("TRUNCATE opendental.i").await.unwrap();
        }
        if gtid {
            // A server that is set back knows less than the position.
            let mysql = config(&server.url("opendental"), "");
            let start = Database::connect(&mysql).await.unwrap().current_position().await.unwrap();
            server.exec("RESET BINARY LOGS AND GTIDS").await.unwrap();
            let error = Following::with(mysql.clone(), &["i"], Some(start.clone())).await.error().await;
            assert!(matches!(error, SourceError::Purged { .. }), "{error}");
            let beyond = Position { offset: 1 << 33, gtids: None, ..start };
            let error = Following::with(mysql, &["i"], Some(beyond)).await.error().await;
            assert!(error.to_string().contains("beyond 4 GB"), "{error}");
        }
    }
}

#[tokio::test]
async fn r1_mariadb_11_which_sends_no_positions_inside_transactions_is_read() {
    if !Release::MariaDb11_8.is_available() {
        println!("MariaDB 11 was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = Release::MariaDb11_8.start(Options::default()).await.unwrap();
    server
        .exec(
            "USE opendental; CREATE TABLE i (id BIGINT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE m (id BIGINT PRIMARY KEY) ENGINE=MyISAM;
             CREATE TABLE other (id BIGINT PRIMARY KEY, v TEXT) ENGINE=InnoDB",
        )
        .await
        .unwrap();
    let mut following = Following::now(&server, "opendental", &["i", "m"]).await;
    for round in [10, 20] {
        server
            .exec(&format!(
                "USE opendental; BEGIN; INSERT INTO i VALUES ({round}); INSERT INTO other VALUES ({round}, REPEAT('x', 9999)); INSERT INTO i VALUES ({round} + 1); COMMIT;
                 INSERT INTO m VALUES ({round} + 2); INSERT INTO i VALUES ({round} + 3)"
            ))
            .await
            .unwrap();
        let expected = [format!("+{round} +{}", round + 1), format!("+{}", round + 2), format!("+{}", round + 3)];
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        assert_eq!(shown, expected);
        // Each commit's point is one at which reading may begin.
        for (index, transaction) in transactions.iter().enumerate() {
            let position =
                Position { offset: transaction.point.offset, gtids: None, ..following.boundary.position.clone() };
            let mut again = Following::with(following.config.mysql.clone(), &["i", "m"], Some(position)).await;
            assert_eq!(again.steps().await, expected[index + 1..]);
            again.end().await;
        }
    }
    following.end().await;
}
