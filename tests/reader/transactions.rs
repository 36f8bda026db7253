//! R1 and R2: what counts, when, and up to where.

use opendental_cdc::{
    sandbox::{MariaDb, Options},
    source::Message,
};

use crate::following::{Following, database};

#[tokio::test]
async fn r1_rows_count_at_the_commit_of_both_engines() {
    let server = database("commits").await;
    server
        .exec("USE commits; CREATE TABLE i (id BIGINT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE m (id BIGINT PRIMARY KEY, v INT) ENGINE=MyISAM")
        .await
        .unwrap();
    let mut following = Following::now(server, "commits", &["i", "m"]).await;
    server
        .exec(
            "USE commits; INSERT INTO i VALUES (1, 1); INSERT INTO m VALUES (1, 1), (2, 2);
             BEGIN; INSERT INTO i VALUES (2, 2); UPDATE i SET v = 3 WHERE id = 2; DELETE FROM i WHERE id = 1; COMMIT;
             UPDATE m SET id = 5 WHERE id = 2; TRUNCATE m; DROP TABLE i",
        )
        .await
        .unwrap();
    assert_eq!(following.steps().await, ["+1", "+1 +2", "+2 ~2 -1", "~2>5", "clear m", "clear i"]);
    following.end().await;
}

#[tokio::test]
async fn r1_a_rollback_undoes_innodb_and_leaves_myisam() {
    let server = database("rollbacks").await;
    server
        .exec("USE rollbacks; CREATE TABLE i (id BIGINT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE m (id BIGINT PRIMARY KEY) ENGINE=MyISAM")
        .await
        .unwrap();
    let mut following = Following::now(server, "rollbacks", &["i", "m"]).await;
    server
        .exec(
            "USE rollbacks; BEGIN; INSERT INTO i VALUES (1); INSERT INTO m VALUES (1); ROLLBACK;
             BEGIN; INSERT INTO m VALUES (2); INSERT INTO i VALUES (2); ROLLBACK;
             INSERT INTO i VALUES (9)",
        )
        .await
        .unwrap();
    let steps = following.steps().await;
    let all = steps.join(" ");
    let rows = |table: &str| {
        format!("SELECT COALESCE(GROUP_CONCAT(CONCAT('+', id) ORDER BY id SEPARATOR ' '), '') FROM rollbacks.{table}")
    };
    let m = server.value(&rows("m")).await.unwrap().unwrap();
    let i = server.value(&rows("i")).await.unwrap().unwrap();
    assert_eq!(all, format!("{m} {i}"));
    assert_eq!(all, "+1 +2 +9");
    following.end().await;
}

#[tokio::test]
async fn r1_what_rollback_to_savepoint_undid_does_not_count() {
    let server = database("savepoints").await;
    server
        .exec("USE savepoints; CREATE TABLE i (id BIGINT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE m (id BIGINT PRIMARY KEY) ENGINE=MyISAM")
        .await
        .unwrap();
    let mut following = Following::now(server, "savepoints", &["i", "m"]).await;
    server
        .exec(
            "USE savepoints; BEGIN; INSERT INTO i VALUES (1); SAVEPOINT `A b`; INSERT INTO i VALUES (2); SAVEPOINT s2;
             INSERT INTO m VALUES (7); INSERT INTO i VALUES (3); ROLLBACK TO `a B`; INSERT INTO i VALUES (4); COMMIT",
        )
        .await
        .unwrap();
    let mut steps: Vec<String> = following
        .steps()
        .await
        .iter()
        .flat_map(|steps| steps.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    steps.sort();
    assert_eq!(steps, ["+1", "+4", "+7"]);
    following.end().await;
}

#[tokio::test]
async fn r1_xa_rows_count_at_xa_commit_and_resuming_never_passes_the_prepare() {
    // Others would be in doubt about the commit of what was prepared before they began.
    let server = MariaDb::start(Options::default().database("xa")).await.unwrap();
    server.exec("USE xa; CREATE TABLE i (id BIGINT PRIMARY KEY) ENGINE=InnoDB").await.unwrap();
    let mut following = Following::now(&server, "xa", &["i"]).await;
    server
        .exec(
            "USE xa; INSERT INTO i VALUES (1); XA START 'c','b',7; INSERT INTO i VALUES (2); XA END 'c','b',7;
             XA PREPARE 'c','b',7",
        )
        .await
        .unwrap();
    server
        .exec("USE xa; XA START 'one'; INSERT INTO i VALUES (3); XA END 'one'; XA COMMIT 'one' ONE PHASE")
        .await
        .unwrap();
    assert_eq!(following.steps().await, ["+1", "+3"]);
    let held = following.boundary.clone();
    assert!(held.resume.point() < held.position.point(), "R1: resuming stays before the prepare");

    // Whoever starts again where resuming is allowed sees the prepared rows at their commit.
    let mut resumed = Following::with(following.config.mysql.clone(), &["i"], Some(held.resume)).await;
    assert_eq!(resumed.steps().await, ["+3"]);
    server
        .exec("USE xa; XA COMMIT 'c','b',7; XA START 'r'; INSERT INTO i VALUES (4); XA END 'r'; XA PREPARE 'r'; XA ROLLBACK 'r'; INSERT INTO i VALUES (5)")
        .await
        .unwrap();
    assert_eq!(resumed.steps().await, ["+2", "+5"]);
    assert_eq!(following.steps().await, ["+2", "+5"]);
    assert_eq!(following.boundary.resume, following.boundary.position);
    following.end().await;
    resumed.end().await;
}

#[tokio::test]
async fn r2_other_tables_are_skipped_whatever_they_hold() {
    let server = database("others").await;
    server
        .exec(
            "USE others; CREATE TABLE watched (id BIGINT PRIMARY KEY) ENGINE=MyISAM;
             CREATE TABLE strange (id INT, c VARCHAR(2000) COMPRESSED, g POINT, u UUID, b BLOB) ENGINE=InnoDB",
        )
        .await
        .unwrap();
    let mut following = Following::now(server, "others", &["watched"]).await;
    server
        .exec(
            "USE others; INSERT INTO strange VALUES (1, REPEAT('x', 900), POINT(1,2), UUID(), X'00FF'); INSERT INTO watched VALUES (1);
             CREATE DATABASE others2; CREATE TABLE others2.watched (id BIGINT PRIMARY KEY); INSERT INTO others2.watched VALUES (2)",
        )
        .await
        .unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    following.end().await;
}

#[tokio::test]
async fn w3_updates_that_change_nothing_are_no_changes() {
    let server = database("noop").await;
    server
        .exec("USE noop; CREATE TABLE t (id BIGINT PRIMARY KEY, v INT, s TIMESTAMP DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB; INSERT INTO t (id, v) VALUES (1, 1), (2, 2)")
        .await
        .unwrap();
    let mut following = Following::now(server, "noop", &["t"]).await;
    server
        .exec("USE noop; UPDATE t SET v = v; REPLACE INTO t SELECT * FROM t WHERE id = 1; INSERT INTO t (id, v) VALUES (2, 2) ON DUPLICATE KEY UPDATE v = 2; UPDATE t SET v = 5 WHERE id = 2")
        .await
        .unwrap();
    // The server itself leaves out most updates that change nothing, but not a REPLACE.
    assert_eq!(following.steps().await, ["~2"]);
    following.end().await;
}

#[tokio::test]
async fn w2_an_idle_log_is_known_to_be_read_to_its_end() {
    let server = database("idle").await;
    server
        .exec("USE idle; CREATE TABLE t (id BIGINT PRIMARY KEY); CREATE TABLE u (id BIGINT PRIMARY KEY)")
        .await
        .unwrap();
    let mut following = Following::now(server, "idle", &["t"]).await;
    // Where reading began, behind what is told of layouts and the log's file.
    while !matches!(following.next().await.expect("the reader ended"), Message::Transactions { .. }) {}
    server.exec("INSERT INTO idle.u VALUES (1); FLUSH BINARY LOGS").await.unwrap();
    assert!(following.steps().await.is_empty());
    following.end().await;
}
