//! R4: nothing is lost in silence.

use std::sync::Arc;

use opendental_cdc::{
    sandbox::{MariaDb, Options},
    source::Database,
};

use crate::{
    following::{Following, config, database},
    rewriting::{proxy, types},
};

#[tokio::test]
async fn r4_a_statement_that_writes_a_watched_table_is_named() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE u (id BIGINT PRIMARY KEY)").await.unwrap();
    for statement in
        ["INSERT INTO t VALUES (2, 'secret')", "UPDATE t, u SET t.v = 'secret'", "DELETE FROM t WHERE v = 'secret'"]
    {
        let following = Following::now(&server, "opendental", &["t"]).await;
        server
            .exec(&format!(
                "USE opendental; TRUNCATE t; REPLACE INTO t VALUES (1, 'x'), (3, 'secret'); REPLACE INTO u VALUES (1); SET binlog_format = STATEMENT; REPLACE INTO u VALUES (5); {statement}"
            ))
            .await
            .unwrap();
        let (doubt, before) = following.doubt().await;
        assert!(doubt.reason.contains("binlog_format=ROW"), "{doubt}");
        assert_eq!(doubt.table_name, if statement.starts_with("UPDATE") { "any watched table" } else { "t" });
        assert!(!doubt.to_string().contains("secret"), "D4");
        assert_eq!(before, ["clear t", "+1 +3"], "what was read before is handed out");
        assert!(doubt.from < doubt.to);
    }
}

#[tokio::test]
async fn r4_a_file_that_was_loaded_by_a_statement_is_named() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY, v TEXT)").await.unwrap();
    let following = Following::now(&server, "opendental", &["t"]).await;
    server
        .exec(
            "USE opendental; SELECT 1, 'secret' INTO OUTFILE 'loaded.txt'; SET binlog_format = STATEMENT;
             LOAD DATA INFILE 'loaded.txt' INTO TABLE t",
        )
        .await
        .unwrap();
    let (doubt, _) = following.doubt().await;
    assert_eq!(doubt.table_name, "t");
}

#[tokio::test]
async fn r4_an_event_that_is_not_supported_is_named() {
    // No server sends one that we do not know, so its rows events are made unknown on their way.
    let server = MariaDb::start(Options::default().arg("--binlog-checksum=NONE")).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY); CREATE TABLE u LIKE t").await.unwrap();
    let unknown = |bytes: &mut [u8]| types(bytes).into_iter().filter(|kind| **kind == 23).for_each(|kind| *kind = 99);
    let port = proxy(server.port(), Arc::new(|_| ()), Arc::new(unknown)).await;
    let url = server.url("opendental");
    let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    following.steps().await;
    server.exec("INSERT INTO opendental.u VALUES (1)").await.unwrap();
    let (doubt, _) = following.doubt().await;
    assert!(doubt.reason.contains("event type 99"), "{doubt}");
    assert!(doubt.from < doubt.to && doubt.table.is_none());
}

#[tokio::test]
async fn r4_a_column_type_that_cannot_be_read_is_named() {
    // Nor is there a column type of theirs that we do not know.
    let server = MariaDb::start(Options::default().arg("--binlog-checksum=NONE")).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY, v INT)").await.unwrap();
    let map = b"\x01t\0\x02\x08\x03";
    let unknown = move |bytes: &mut [u8]| {
        if let Some(at) = bytes.windows(map.len()).position(|window| window == map) {
            bytes[at + map.len() - 1] = 243;
        }
    };
    let port = proxy(server.port(), Arc::new(|_| ()), Arc::new(unknown)).await;
    let url = server.url("opendental");
    let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    server.exec("INSERT INTO opendental.t VALUES (1, 2)").await.unwrap();
    let (doubt, _) = following.doubt().await;
    assert_eq!(doubt.table_name, "t");
    assert!(doubt.reason.contains("column 2: column type 243"), "{doubt}");
}

#[tokio::test]
async fn r4_a_table_that_is_renamed_into_place_is_named() {
    let server = database("renamed").await;
    server.exec("USE renamed; CREATE TABLE t (id BIGINT PRIMARY KEY); CREATE TABLE n (id BIGINT PRIMARY KEY); INSERT INTO n VALUES (1)").await.unwrap();
    let following = Following::now(server, "renamed", &["t"]).await;
    server.exec("USE renamed; RENAME TABLE t TO o, n TO t").await.unwrap();
    let (doubt, _) = following.doubt().await;
    assert_eq!(doubt.table_name, "t");
}

#[tokio::test]
async fn r4_an_xa_commit_whose_rows_lie_before_the_start_is_named() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
    server.exec("USE opendental; XA START 'x'; INSERT INTO t VALUES (1); XA END 'x'; XA PREPARE 'x'").await.unwrap();
    let following = Following::with(config(&server.url("opendental"), ""), &["t"], None).await;
    server.exec("XA COMMIT 'x'").await.unwrap();
    let (doubt, _) = following.doubt().await;
    assert!(doubt.reason.contains("XA COMMIT"), "{doubt}");
}
