//! Positions to begin at, and what a server refuses.

use opendental_cdc::{
    binlog::Position,
    sandbox::{MariaDb, Options},
    source::{Database, SourceError},
};

use crate::following::{Following, config, database, shared};

#[tokio::test]
async fn r8_reading_begins_by_gtid_or_by_file_and_offset() {
    let server = database("positions").await;
    server.exec("USE positions; CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
    let mysql = config(&server.url("positions"), "");
    let start = Database::connect(&mysql).await.unwrap().current_position().await.unwrap();
    assert!(start.gtids.is_some());
    server.exec("USE positions; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); FLUSH BINARY LOGS; INSERT INTO t VALUES (3)").await.unwrap();
    // Where the GTIDs say so, the offset does not matter; where there are none, it does.
    let wrong_offset = Position { offset: start.offset + 1, ..start.clone() };
    let plain = Position { gtids: None, ..start.clone() };
    for start in [start, wrong_offset, plain] {
        let by_gtid = start.gtids.is_some();
        let mut following = Following::with(mysql.clone(), &["t"], Some(start)).await;
        assert_eq!(following.steps().await[..3], ["+1", "+2", "+3"]);
        assert!(following.boundary.position.gtids.is_some(), "known again from the next file on");
        // Each boundary can be begun at, with and without GTIDs.
        let mut again = following.boundary.position.clone();
        following.end().await;
        if !by_gtid {
            again.gtids = None;
        }
        let id = again.offset + u64::from(by_gtid);
        let mut following = Following::with(mysql.clone(), &["t"], Some(again)).await;
        server.exec(&format!("INSERT INTO positions.t VALUES ({id})")).await.unwrap();
        assert_eq!(following.steps().await, [format!("+{id}")]);
        following.end().await;
    }
}

#[tokio::test]
async fn r8_a_purged_log_and_a_position_beyond_the_end_are_told_apart_from_lost_connections() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    let mysql = config(&server.url("opendental"), "");
    let start = Database::connect(&mysql).await.unwrap().current_position().await.unwrap();
    let beyond = Position { offset: 900_000, gtids: None, ..start.clone() };
    let error = Following::with(mysql.clone(), &["t"], Some(beyond)).await.error().await;
    assert!(matches!(error, SourceError::Purged { .. }), "{error}");
    server.exec("CREATE TABLE opendental.t (id INT); FLUSH BINARY LOGS; FLUSH BINARY LOGS").await.unwrap();
    let last = server.query("SHOW MASTER STATUS").await.unwrap()[0][0].clone().unwrap();
    server.exec(&format!("PURGE BINARY LOGS TO '{last}'")).await.unwrap();
    for start in [Position { gtids: None, ..start.clone() }, start] {
        let error = Following::with(mysql.clone(), &["t"], Some(start)).await.error().await;
        assert!(matches!(error, SourceError::Purged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_refused_account_is_told_which_grant_it_needs() {
    let server = shared().await;
    server.exec("CREATE USER weak@'%' IDENTIFIED BY 'pass-word'").await.unwrap();
    // Questions are asked as root, so that only the reading itself is refused.
    let database = Database::connect(&config(&server.url("opendental"), "")).await.unwrap();
    for (password, wanted) in
        [("pass-word", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'weak'@'%'"), ("wrong", "password")]
    {
        let mysql = config(&server.url_for("weak", password, "opendental"), "");
        let error = Following::over(mysql, database.clone(), &["t"], None).await.error().await;
        assert!(matches!(error, SourceError::Access { .. }), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!error.to_string().contains("pass-word"), "D4");
    }
}

#[tokio::test]
async fn two_readers_of_one_id_do_not_throw_each_other_out_for_ever() {
    let server = shared().await;
    let mysql = config(&server.url("opendental"), "");
    // Ids derived from one seed, by mistake: the later one takes another.
    let mut first = Following::with(mysql.clone(), &["same"], None).await;
    first.connected().await;
    let mut second = Following::with(mysql, &["same"], None).await;
    second.connected().await;
    first.steps().await;
    second.steps().await;
    // Configured ids: a person must decide. The later one is refused where it may see the replicas.
    let fixed = config(&server.url("opendental"), "server_id = 4711");
    let mut third = Following::with(fixed.clone(), &["a"], None).await;
    third.connected().await;
    let error = Following::with(fixed.clone(), &["b"], None).await.error().await;
    assert!(matches!(error, SourceError::ServerIdClash { server_id: 4711, .. }), "{error}");
    // Where it may not, the server throws the earlier one out.
    server
        .exec(
            "CREATE USER blind@'%' IDENTIFIED BY 'x'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO blind@'%'",
        )
        .await
        .unwrap();
    let blind = config(&server.url_for("blind", "x", "opendental"), "server_id = 4711");
    let mut fourth = Following::over(blind, third.database.clone(), &["c"], None).await;
    fourth.connected().await;
    let error = third.error().await;
    assert!(matches!(error, SourceError::ServerIdClash { server_id: 4711, .. }), "{error}");
    fourth.end().await;
    first.end().await;
    second.end().await;
}
