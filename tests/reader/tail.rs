//! `opendental-cdc tail`: the log as JSON lines.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::following::database;

/// The command, once it reads the log, and what it goes on to say.
async fn tail(url: &str, settings: &str, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStderr>>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tail.toml");
    std::fs::write(&file, format!("workstation = \"TEST\"\n[mysql]\nurl = \"{url}\"\n{settings}")).unwrap();
    let mut tail = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"))
        .args(["tail", "--config"])
        .arg(&file)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(tail.stderr.take().unwrap()).lines();
    while !said.next_line().await.unwrap().unwrap().contains("reading the binary log") {}
    (tail, said)
}

#[tokio::test]
async fn tail_follows_the_configured_tables_where_none_is_named() {
    let server = database("tailed_all").await;
    server.exec("USE tailed_all; CREATE TABLE one (id BIGINT PRIMARY KEY)").await.unwrap();
    let (mut tail, _said) = tail(&server.url("tailed_all"), "[opendental]\ntables = [\"one\"]\n", &[]).await;
    let work =
        "USE tailed_all; CREATE TABLE site (id BIGINT PRIMARY KEY); CREATE TABLE patient (id BIGINT PRIMARY KEY);
        INSERT INTO site VALUES (1); INSERT INTO one VALUES (2); INSERT INTO patient VALUES (3)";
    server.exec(work).await.unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    for (table, id) in [("tailed_all.one", 2), ("tailed_all.patient", 3)] {
        let line: serde_json::Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!((&line["table"], &line["after"]["id"]), (&table.into(), &id.into()));
    }
}

#[tokio::test]
async fn tail_prints_the_promised_lines_and_ends_on_a_signal() {
    let server = database("tailed").await;
    server
        .exec("USE tailed; CREATE TABLE one (id BIGINT PRIMARY KEY, t TIMESTAMP, b BLOB); CREATE TABLE two (id BIGINT PRIMARY KEY)")
        .await
        .unwrap();
    let (mut tail, said) = tail(&server.url("tailed"), "", &["--table", "one"]).await;
    server
        .exec("USE tailed; INSERT INTO two VALUES (1); INSERT INTO one VALUES (1, '2024-07-01 12:00:00', X'00FF'); UPDATE one SET id = 2; DELETE FROM one")
        .await
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut read = Vec::new();
    for _ in 0..3 {
        let line: serde_json::Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        read.push(line);
    }
    let row = |id: i64| serde_json::json!({"id": id, "t": "2024-07-01 12:00:00", "b": {"base64": "AP8="}});
    let shown: Vec<_> = read.iter().map(|line| (&line["op"], &line["before"], &line["after"])).collect();
    let null = serde_json::Value::Null;
    assert_eq!(
        shown,
        [(&"insert".into(), &null, &row(1)), (&"update".into(), &row(1), &row(2)), (&"delete".into(), &row(2), &null)]
    );
    let last = &read[2];
    assert_eq!(last["table"], "tailed.one");
    let gtid = last["position"]["gtid"].as_str().unwrap();
    let master = server.query("SHOW BINARY LOGS").await.unwrap();
    assert!(master.iter().any(|row| row[0].as_deref() == last["position"]["file"].as_str()), "{last}");
    assert_eq!(gtid.split('-').count(), 3, "{gtid}");
    assert!(last["position"]["offset"].as_u64().unwrap() > 4);
    // It ends in order even if nobody reads its log any more.
    drop(said);
    let id = tail.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert!(tail.wait().await.unwrap().success());
}

#[tokio::test]
async fn r4_tail_names_what_it_cannot_print_goes_on_and_ends_with_1() {
    let server = database("tailed_doubt").await;
    server.exec("USE tailed_doubt; CREATE TABLE one (id BIGINT PRIMARY KEY)").await.unwrap();
    let (mut tail, mut said) = tail(&server.url("tailed_doubt"), "", &["--table", "one"]).await;
    server.exec("USE tailed_doubt; SET binlog_format=STATEMENT; INSERT INTO one VALUES (1)").await.unwrap();
    server.exec("INSERT INTO tailed_doubt.one VALUES (2)").await.unwrap();
    while !said.next_line().await.unwrap().unwrap().contains("cannot be read with certainty, one:") {}
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().unwrap().contains("\"after\":{\"id\":2}"));
    let id = tail.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert_eq!(tail.wait().await.unwrap().code(), Some(1));
}
