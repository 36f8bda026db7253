//! The servers that every other test stands on.

use std::process::Command;
use std::time::Duration;

use super::{MariaDb, Options, Release, SandboxError};

#[tokio::test]
async fn a_private_mariadb_writes_a_row_binlog_and_keeps_its_data_over_a_kill() {
    let mut server = MariaDb::start(Options::default().engine("MyISAM").zone("America/New_York")).await.unwrap();
    server
        .exec("CREATE TABLE t (id INT PRIMARY KEY, what VARCHAR(9)); INSERT INTO t VALUES (1, 'ü'), (2, NULL)")
        .await
        .unwrap();
    let row = |id: &str, what: Option<&str>| vec![Some(id.to_owned()), what.map(str::to_owned)];
    let rows = server.query("SELECT * FROM t ORDER BY id").await.unwrap();
    assert_eq!(rows, [row("1", Some("ü")), row("2", None)]);
    assert_eq!(server.value("SELECT @@binlog_format").await.unwrap().unwrap(), "ROW");
    assert_eq!(server.value("SELECT FROM_UNIXTIME(1700000000)").await.unwrap().unwrap(), "2023-11-14 17:13:20");
    let engine = "SELECT engine FROM information_schema.tables WHERE table_name = 't'";
    assert_eq!(server.value(engine).await.unwrap().unwrap(), "MyISAM");

    let port = server.port();
    server.kill();
    assert!(!server.is_running());
    server.restart().await.unwrap();
    assert_eq!(server.port(), port);
    assert_eq!(server.value("SELECT COUNT(*) FROM t").await.unwrap().unwrap(), "2");
    server.pause().await.unwrap();
    server.resume().await.unwrap();
    server.stop().await.unwrap();
    assert!(matches!(server.pause().await, Err(SandboxError::Stopped)));

    let folder = server.data().parent().unwrap().to_owned();
    drop(server);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let error = MariaDb::start(Options::default().arg("--no-such-thing")).await.unwrap_err();
    assert!(error.to_string().contains("no-such-thing"), "{error}");
}

#[tokio::test]
async fn a_private_server_of_every_release_starts() {
    for release in Release::ALL {
        if !release.is_available() {
            println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
            continue;
        }
        let server = release.start(Options::default()).await.unwrap();
        server.exec("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)").await.unwrap();
        assert_eq!(server.value("SELECT COUNT(*) FROM t").await.unwrap().unwrap(), "1");
        assert_eq!(server.value("SELECT @@log_bin").await.unwrap().unwrap(), "1");
        let version = server.value("SELECT VERSION()").await.unwrap().unwrap();
        assert_eq!(version.contains("MariaDB"), release.is_mariadb(), "{version}");
        // Which MariaDB is installed, and which MySQL is the newest, is not for us to say.
        let (_, number) = release.name().split_once(' ').unwrap();
        let (major, _) = number.split_once('.').unwrap();
        assert!(version.starts_with(major), "{version} for {release}");
    }
}

#[tokio::test]
async fn a_private_mysql_starts_with_gtids() {
    let release = Release::MySql9_7;
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = release.start(Options::default().gtid()).await.unwrap();
    server.exec("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let gtids = server.value("SELECT @@global.gtid_executed").await.unwrap().unwrap();
    let uuid = server.value("SELECT @@server_uuid").await.unwrap().unwrap();
    assert!(gtids.starts_with(&uuid), "{gtids}");
}

/// Not a test by itself: what the next test starts and kills.
#[tokio::test]
#[ignore = "run by a_killed_process_leaves_no_server_behind"]
async fn starts_a_server_and_waits() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    println!("data={}", server.data().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_killed_process_leaves_no_server_behind() {
    use std::io::{BufRead, BufReader};
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::tests::starts_a_server_and_waits", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(other.stdout.take().unwrap()).lines();
    let data = lines.map(Result::unwrap).find_map(|line| line.split_once("data=").map(|(_, path)| path.to_owned()));
    let folder = std::path::PathBuf::from(data.unwrap()).parent().unwrap().to_owned();
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    let alive =
        || Command::new("/bin/sh").args(["-c", "kill -0 $1 2>/dev/null", "sh", pid.trim()]).status().unwrap().success();
    assert!(alive());
    other.kill().unwrap();
    other.wait().unwrap();
    while alive() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Its folder goes with the next start.
    drop(MariaDb::start(Options::default()).await.unwrap());
    assert!(!folder.exists());
}
