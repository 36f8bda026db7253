//! Which event types are read of which release: `docs/coverage.md` says what this has seen, and nothing else.

use std::{
    collections::BTreeSet,
    fs,
    io::BufReader,
    path::Path,
    sync::{Arc, Mutex},
};

use opendental_cdc::{
    binlog::{Decoder, EventBody, FileError, FileEvents, Position},
    sandbox::{Options, Release, Server},
    source::Database,
};

use crate::{
    coverage_page,
    following::{Following, config},
    heartbeat, rewriting,
};

/// The event types in what a server sends over connections for its log.
#[derive(Default)]
pub struct Seen {
    decoder: Decoder,
    types: BTreeSet<u8>,
}

impl Seen {
    /// Takes bytes as they pass. `rest` holds those of a packet whose end is still to come.
    fn take(&mut self, rest: &mut Vec<u8>, bytes: &[u8]) {
        rest.extend_from_slice(bytes);
        while let Some((head, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            if behind.len() < length {
                break;
            }
            let packet: Vec<u8> = rest.drain(..4 + length).skip(4).collect();
            // An event's packet is a zero and the event, which says its own size.
            if let [0, event @ ..] = &packet[..]
                && event.get(9..13) == Some(&(event.len() as u32).to_le_bytes())
            {
                self.event(event);
            }
        }
    }

    fn event(&mut self, event: &[u8]) {
        let Ok(event) = self.decoder.decode(event) else { return };
        self.types.insert(event.header.type_code);
        if let EventBody::TransactionPayload(mut payload) = event.body {
            while let Some(inner) = payload.next_event().unwrap() {
                self.types.insert(inner.header.type_code);
            }
        }
    }
}

/// What is done on a server, and what a reader of `t` must hand out for it.
type Work = (Vec<String>, Vec<&'static str>);

fn work(release: Release) -> Work {
    // Of a table that is not watched, statements may be logged instead of rows.
    let mut statements = vec![
        "SELECT REPEAT('a', 200000) INTO OUTFILE 'long.txt'".to_owned(),
        "SET binlog_format = STATEMENT; SET @v = 'x'; INSERT INTO other (v) VALUES (@v), (RAND());
         LOAD DATA INFILE 'long.txt' INTO TABLE other (v)"
            .to_owned(),
        "INSERT INTO t (id, v) VALUES (1, REPEAT('x', 400)); UPDATE t SET v = 'y'; DELETE FROM t".to_owned(),
    ];
    let mut steps = vec!["+1", "~1", "-1"];
    match release {
        Release::MySql5_6 => {
            statements.push(
                "SET GLOBAL log_bin_use_v1_row_events = ON, binlog_rows_query_log_events = ON;
                 INSERT INTO t (id, v) VALUES (2, 'x'); UPDATE t SET v = 'y'; DELETE FROM t"
                    .to_owned(),
            );
            steps.extend(["+2", "~2", "-2"]);
        }
        Release::MySql9_7 => {
            statements.extend(["OFF_PERMISSIVE", "ON_PERMISSIVE"].map(|mode| format!("SET GLOBAL gtid_mode = {mode}")));
            statements.push(
                "SET binlog_rows_query_log_events = ON, binlog_transaction_compression = ON, gtid_next = 'AUTOMATIC:tag';
                 INSERT INTO t (id, v, j) VALUES (2, REPEAT('x', 400), '{\"a\": [1, 2, 3], \"b\": \"xxxxxxxxxxxxxxxxxxxxxxx\"}');
                 SET binlog_row_value_options = PARTIAL_JSON, binlog_transaction_compression = OFF;
                 UPDATE t SET j = JSON_SET(j, '$.a[1]', 7); DELETE FROM t"
                    .to_owned(),
            );
            steps.extend(["+2", "~2", "-2"]);
        }
        _ => {
            statements.push(
                "SET GLOBAL log_bin_compress = ON, GLOBAL log_bin_compress_min_len = 10;
                 INSERT INTO t (id, v) VALUES (2, REPEAT('x', 400)); UPDATE t SET v = REPEAT('y', 400); DELETE FROM t;
                 CREATE TABLE another (id INT COMMENT 'a statement that is long enough to be compressed')"
                    .to_owned(),
            );
            steps.extend(["+2", "~2", "-2"]);
        }
    }
    statements.push(
        "XA START 'a'; INSERT INTO t (id) VALUES (3); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'; FLUSH LOGS".to_owned(),
    );
    steps.push("+3");
    (statements, steps)
}

async fn every_type(release: Release, options: Options) {
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let mut server = encrypting(release, options.arg("--secure-file-priv="), keys.path()).await;
    let json = if release == Release::MySql9_7 { ", j JSON" } else { "" };
    server
        .exec(&format!(
            "CREATE TABLE t (id BIGINT PRIMARY KEY, v TEXT{json}) ENGINE=InnoDB;
             CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY, v LONGTEXT) ENGINE=InnoDB;
             CREATE TABLE m (id BIGINT PRIMARY KEY, v LONGTEXT) ENGINE=MyISAM"
        ))
        .await
        .unwrap();
    let start =
        Database::connect(&config(&server.url("opendental"), "")).await.unwrap().current_position().await.unwrap();
    let (statements, steps) = work(release);
    for (index, statement) in statements.iter().enumerate() {
        server.exec(statement).await.unwrap();
        if index == 2 {
            // The end of its log's file says that the server was stopped.
            server.restart().await.unwrap();
        }
    }

    // Asked otherwise, MySQL sends other heartbeats, and MariaDB the statements beside their rows.
    let other_heartbeat = if release == Release::MySql9_7 { 41 } else { 27 };
    let seen = Arc::new(Mutex::new(Seen::default()));
    for (ask, heartbeat) in [((|_| ()) as fn(&mut [u8]), 27), (heartbeat::ask, other_heartbeat)] {
        let mut following = watched(&server, ask, &seen, Some(start.clone())).await;
        assert_eq!(following.steps().await, steps, "{release}");
        // An idle server beats once a second.
        while !seen.lock().unwrap().types.contains(&heartbeat) {
            following.next().await.unwrap();
        }
        following.end().await;
    }
    if release == Release::MySql9_7 {
        incident(&server, &seen).await;
    }
    let seen = seen.lock().unwrap();
    let version = coverage_page::version(seen.decoder.format().unwrap());
    if version == release.name() {
        coverage_page::agree("From servers", &version, &seen.types);
    } else {
        println!("docs/coverage.md was NOT compared: {version} is here in place of {release}");
    }
}

/// Follows the server's log, and sees what passes.
async fn watched(server: &Server, ask: fn(&mut [u8]), seen: &Arc<Mutex<Seen>>, start: Option<Position>) -> Following {
    let (watching, rest) = (seen.clone(), Mutex::default());
    let watch = move |bytes: &mut [u8]| watching.lock().unwrap().take(&mut rest.lock().unwrap(), bytes);
    let port = rewriting::proxy(server.port(), Arc::new(ask), Arc::new(watch)).await;
    let url = server.url("opendental");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
    Following::over(mysql, questions, &["t", "m"], start).await
}

/// A server whose log's files are encrypted, where the release can do that and has what it takes: no client notices.
async fn encrypting(release: Release, options: Options, keys: &Path) -> Server {
    let encrypted = match release {
        Release::MariaDb10_5 | Release::MariaDb11_8 => {
            let file = keys.join("keys");
            fs::write(&file, format!("1;{}\n", "0123456789abcdef".repeat(4))).unwrap();
            let options = options
                .arg("--plugin-load-add=file_key_management")
                .arg(format!("--file-key-management-filename={}", file.display()))
                .arg("--encrypt-binlog=ON");
            release.start(options).await.unwrap()
        }
        Release::MySql9_7 => {
            let mut server = release.start(options).await.unwrap();
            let keyring = format!("{{\"path\": \"{}\", \"read_only\": false}}", keys.join("keys").display());
            fs::write(server.data().join("component_keyring_file.cnf"), keyring).unwrap();
            fs::write(server.data().join("mysqld.my"), "{\"components\": \"file://component_keyring_file\"}").unwrap();
            server.restart().await.unwrap();
            server.exec("SET PERSIST binlog_encryption = ON").await.unwrap();
            server
        }
        Release::MariaDb10_11 | Release::MySql5_6 => return release.start(options).await.unwrap(),
    };
    let file = encrypted.value("SELECT @@log_bin_basename").await.unwrap().unwrap();
    let last = if release.is_mariadb() { "000001" } else { "000003" };
    let file = fs::File::open(format!("{file}.{last}")).unwrap();
    let refused = FileEvents::new(BufReader::new(file)).and_then(|mut events| {
        while events.next_event()?.is_some() {}
        Ok(())
    });
    assert!(matches!(refused, Err(FileError::Encrypted)), "{release}: {refused:?}");
    encrypted
}

/// Rows of MyISAM that do not fit where a statement's are kept until it is logged are in their table all the same. Only
/// MySQL 8 and later say in their log that they are missing from it.
async fn incident(server: &Server, seen: &Arc<Mutex<Seen>>) {
    let mut following = watched(server, |_| (), seen, None).await;
    following.connected().await;
    following.steps().await;
    server.exec("SET GLOBAL binlog_stmt_cache_size = 4096, GLOBAL max_binlog_stmt_cache_size = 4096").await.unwrap();
    let rows = "INSERT INTO m VALUES (1, REPEAT('x', 1000)), (2, REPEAT('x', 50000))";
    server.exec(rows).await.unwrap_err();
    assert_eq!(server.value("SELECT COUNT(*) FROM m").await.unwrap().unwrap(), "2");
    let (doubt, before) = following.doubt().await;
    assert!(doubt.reason.contains("incident") && before.is_empty(), "{doubt}");
}

#[tokio::test]
async fn r4_mariadb_10_5_sends_what_the_page_says() {
    every_type(Release::MariaDb10_5, Options::default()).await;
}

#[tokio::test]
async fn r4_mariadb_10_11_sends_what_the_page_says() {
    every_type(Release::MariaDb10_11, Options::default()).await;
}

#[tokio::test]
async fn r4_mariadb_11_8_sends_what_the_page_says() {
    every_type(Release::MariaDb11_8, Options::default()).await;
}

#[tokio::test]
async fn r4_mysql_5_6_sends_what_the_page_says() {
    every_type(Release::MySql5_6, Options::default().gtid()).await;
}

#[tokio::test]
async fn r4_mysql_9_7_sends_what_the_page_says() {
    every_type(Release::MySql9_7, Options::default().arg("--gtid-mode=OFF").arg("--enforce-gtid-consistency=ON")).await;
}
