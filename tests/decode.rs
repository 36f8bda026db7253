//! `opendental-cdc decode`: the changes in binlog files on disk, as one JSON line each.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};
use serde_json::{Value, json};

fn decode<P: AsRef<Path>>(files: &[P]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    command.arg("decode").args(files.iter().map(AsRef::as_ref)).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Each line as `op before → after`.
fn changes(output: &Output) -> Vec<String> {
    let change = |line: &Value| format!("{} {} {}", line["op"].as_str().unwrap(), line["before"], line["after"]);
    lines(output).iter().map(change).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The server's binlog files that are closed, oldest first, with what was written since the last FLUSH.
async fn closed_files(server: &Server) -> Vec<PathBuf> {
    server.exec("FLUSH LOGS").await.unwrap();
    let rows = server.query("SHOW BINARY LOGS").await.unwrap();
    let names = rows.iter().map(|row| row[0].clone().unwrap());
    let mut files: Vec<_> = names.map(|name| server.data().join(name)).collect();
    files.pop();
    files
}

#[tokio::test]
async fn r1_rows_are_printed_at_their_commit_and_what_was_rolled_back_is_not() {
    let server = MariaDb::start(Options::default().arg("--binlog-row-metadata=FULL")).await.unwrap();
    let tables = "CREATE TABLE inno (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB; \
                  CREATE TABLE isam (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=MyISAM;";
    server.exec(tables).await.unwrap();
    let work = "BEGIN; INSERT INTO inno VALUES (1, 'a'); COMMIT; \
                BEGIN; INSERT INTO inno VALUES (2, 'b'); ROLLBACK; \
                BEGIN; INSERT INTO inno VALUES (3, 'c'); SAVEPOINT s; INSERT INTO inno VALUES (4, 'd'); \
                ROLLBACK TO s; INSERT INTO inno VALUES (5, 'e'); COMMIT; \
                UPDATE inno SET v = 'a' WHERE id = 1; UPDATE inno SET v = 'z' WHERE id = 1; \
                INSERT INTO isam VALUES (1, NULL); DELETE FROM isam; \
                BEGIN; INSERT INTO isam VALUES (2, 'm'); INSERT INTO inno VALUES (6, 'f'); ROLLBACK; \
                XA START 'x'; INSERT INTO inno VALUES (7, 'g'); XA END 'x'; XA PREPARE 'x'";
    server.exec(work).await.unwrap();
    server.exec("INSERT INTO isam VALUES (3, 'n'); INSERT INTO inno VALUES (8, 'h'); XA COMMIT 'x'").await.unwrap();
    let files = closed_files(&server).await;
    let output = decode(&files);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let expected = [
        r#"insert null {"id":1,"v":"a"}"#,
        r#"insert null {"id":3,"v":"c"}"#,
        r#"insert null {"id":5,"v":"e"}"#,
        r#"update {"id":1,"v":"a"} {"id":1,"v":"z"}"#,
        r#"insert null {"id":1,"v":null}"#,
        r#"delete {"id":1,"v":null} null"#,
        r#"insert null {"id":2,"v":"m"}"#,
        r#"insert null {"id":3,"v":"n"}"#,
        r#"insert null {"id":8,"v":"h"}"#,
        r#"insert null {"id":7,"v":"g"}"#,
    ];
    assert_eq!(changes(&output), expected);

    // Positions stand at the commit, where the server's own tool agrees that an event ends; GTIDs grow.
    let printed = Command::new("mariadb-binlog").args(&files).output().unwrap().stdout;
    let printed = String::from_utf8_lossy(&printed);
    for line in lines(&output) {
        assert_eq!(line["position"]["file"], files[0].file_name().unwrap().to_str().unwrap());
        assert!(printed.contains(&format!("end_log_pos {} ", line["position"]["offset"])), "{line}");
        assert!(printed.contains(&format!("GTID {}", line["position"]["gtid"].as_str().unwrap())), "{line}");
        assert!(line["committed"].as_str().unwrap().ends_with('Z'));
        assert!(line["table"].as_str().unwrap().starts_with("opendental.i"));
    }
}

#[test]
fn r3_two_servers_logs_of_the_same_statements_tell_the_same_changes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let [mariadb, mysql] = ["mariadb-10.11.binlog", "mysql-9.7.binlog"].map(|name| decode(&[data.join(name)]));
    assert_eq!((mariadb.status.code(), mysql.status.code()), (Some(0), Some(0)));
    assert_eq!(changes(&mariadb).len(), 16);
    assert_eq!(changes(&mariadb), changes(&mysql));
    let first = &changes(&mysql)[0];
    let expected = json!({"id": 1, "a": 255, "b": -32768, "c": -8388608, "d": 4294967295u32, "f": 1.5, "g": -0.1,
        "h": "-123456789.12345", "y": 2024, "bi": 1025});
    assert_eq!(*first, format!("insert null {expected}"));
}

#[tokio::test]
async fn r3_mariadb_compressed_logs_are_printed_like_others() {
    let mut printed = Vec::new();
    for compress in ["ON", "OFF"] {
        let options =
            Options::default().arg(format!("--log-bin-compress={compress}")).arg("--log-bin-compress-min-len=10");
        let server = MariaDb::start(options.arg("--binlog-row-metadata=FULL")).await.unwrap();
        let work = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO t VALUES (1, REPEAT('x', 900)), (2, ''); \
                    UPDATE t SET v = REPEAT('y', 900); DELETE FROM t";
        server.exec(work).await.unwrap();
        let output = decode(&closed_files(&server).await);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
        printed.push(changes(&output));
    }
    assert_eq!(printed[0], printed[1]);
    assert_eq!(printed[0].len(), 6);
}

#[tokio::test]
async fn r3_mysql_compressed_transactions_are_printed_like_others() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = MySql::start(Options::default().gtid().arg("--binlog-row-metadata=FULL")).await.unwrap();
    let work = "BEGIN; INSERT INTO t VALUES (1, REPEAT('x', 900)), (2, ''); UPDATE t SET v = REPEAT('y', 900); \
                SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT; DELETE FROM t;";
    let create = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT);";
    server.exec(&format!("{create} {work} SET binlog_transaction_compression = ON; {work}")).await.unwrap();
    let output = decode(&closed_files(&server).await);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let printed = changes(&output);
    let (plain, compressed) = printed.split_at(6);
    assert_eq!(plain, compressed);
    // A compressed transaction's position is behind the event that holds it all, as for any other transaction.
    let positions: Vec<_> = lines(&output).iter().map(|line| line["position"].clone()).collect();
    assert_eq!(positions[6], positions[9]);
    assert!(positions[9]["offset"].as_u64() < positions[10]["offset"].as_u64());
    assert_ne!(positions[9]["gtid"], positions[10]["gtid"]);
}

#[tokio::test]
async fn mysql_tells_tags_in_its_gtids() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let options = Options::default().gtid().arg("--binlog-row-metadata=MINIMAL");
    let server = MySql::start(options).await.unwrap();
    server.exec("CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, b BINARY(3))").await.unwrap();
    server.exec("SET gtid_next = 'AUTOMATIC:backup'; INSERT INTO t VALUES (4000000000, x'0100')").await.unwrap();
    server.exec("FLUSH LOGS; UPDATE t SET b = NULL").await.unwrap();
    let files = closed_files(&server).await;
    let output = decode(&files);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let expected = [
        r#"insert null {"@1":4000000000,"@2":{"base64":"AQAA"}}"#,
        r#"update {"@1":4000000000,"@2":{"base64":"AQAA"}} {"@1":4000000000,"@2":null}"#,
    ];
    assert_eq!(changes(&output), expected);
    let uuid = server.value("SELECT @@server_uuid").await.unwrap().unwrap();
    let gtids: Vec<_> = lines(&output).iter().map(|line| line["position"]["gtid"].clone()).collect();
    let executed = server.value("SELECT @@global.gtid_executed").await.unwrap().unwrap();
    let tagged = json!(format!("{uuid}:backup:1"));
    assert_eq!(gtids[0], tagged);
    assert!(gtids[1].as_str().unwrap().starts_with(&format!("{uuid}:")) && gtids[1] != tagged);
    assert!(executed.contains(":backup:1"), "{executed}");
}

#[tokio::test]
async fn r4_a_damaged_file_is_an_error_that_names_the_place_and_no_value() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    let create = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=MyISAM;";
    server
        .exec(&format!("{create} INSERT INTO t VALUES (1, 'Smith'); INSERT INTO t VALUES (2, 'Smith')"))
        .await
        .unwrap();
    let file = closed_files(&server).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("mysql-bin.000001");
    let whole = decode(&[&file]);
    assert_eq!(lines(&whole).len(), 2);
    let last = bytes.windows(5).rposition(|window| window == b"Smith").unwrap();

    fs::write(&damaged, &bytes[..last]).unwrap();
    let output = decode(&[&damaged]);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 1));
    let said = stderr(&output);
    assert!(said.contains("mysql-bin.000001: the file ends inside an event") && said.contains("at byte "), "{said}");

    let mut flipped = bytes.clone();
    flipped[last] ^= 1;
    fs::write(&damaged, &flipped).unwrap();
    let output = decode(&[&damaged]);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 1));
    let said = stderr(&output);
    assert!(said.contains("checksum") && said.contains("at byte ") && !said.contains("mith"), "{said}");

    fs::write(&damaged, b"no binlog").unwrap();
    let output = decode(&[&damaged]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no binlog file"));
    assert_eq!(decode(&[folder.path().join("absent")]).status.code(), Some(1));
}

/// A sample of what `tests/binlog/damage.rs` does byte by byte.
#[test]
fn r4_a_damaged_file_is_printed_up_to_the_damage_and_never_ends_in_silence() {
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mariadb-compressed.binlog")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mysql-bin.000001");
    let decoded = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        decode(&[&file])
    };
    let right = decoded(&whole);
    assert_eq!((right.status.code(), stderr(&right)), (Some(0), String::new()));
    let mut random = fastrand::Rng::with_seed(5);
    let mut events = vec![4];
    while let Some(size) = whole.get(events[events.len() - 1] + 9..).and_then(|rest| rest.first_chunk()) {
        events.push(events[events.len() - 1] + u32::from_le_bytes(*size) as usize);
    }
    let mut damaged: Vec<Vec<u8>> = [0, 3].into_iter().chain(events).map(|end| whole[..end].to_vec()).collect();
    // The last one is the whole file.
    damaged.pop();
    for _ in 0..20 {
        damaged.push(whole[..random.usize(4..whole.len())].to_vec());
        let mut flipped = whole.clone();
        flipped[random.usize(30..whole.len())] ^= 1 << random.u8(0..8);
        damaged.push(flipped);
    }
    for bytes in damaged {
        let output = decoded(&bytes);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{} bytes: {said}", bytes.len());
        assert!(right.stdout.starts_with(&output.stdout));
        assert!(said.contains("mysql-bin.000001: ") && said.contains("at byte "), "{said}");
    }
}

#[tokio::test]
async fn r4_files_behind_one_without_an_end_are_printed_too() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let next = data.join("mysql-compressed.binlog");
    let whole = fs::read(data.join("mysql-9.7.binlog")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mysql-bin.000001");
    // Without its rotate event, as MySQL leaves a file after a crash.
    let end = whole.len() - 19 - 8 - "mysql-bin.000001".len() - 4;
    fs::write(&file, &whole[..end]).unwrap();
    let output = decode(&[&file, &next]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("without the event that closes it") && said.contains(&format!("at byte {end}")), "{said}");
    let [one, two] = [data.join("mysql-9.7.binlog"), next].map(|file| decode(&[file]));
    assert_eq!(changes(&output), [changes(&one), changes(&two)].concat());
}

#[tokio::test]
async fn r4_a_fraction_that_the_log_does_not_tell_is_noted() {
    let server = MariaDb::start(Options::default().arg("--mysql56-temporal-format=OFF")).await.unwrap();
    let work = "CREATE TABLE t (id INT PRIMARY KEY, a TIME, b DATETIME, c VARCHAR(900) COMPRESSED); \
                INSERT INTO t VALUES (1, '-01:02:03', '2024-02-29 12:34:56', REPEAT('ab', 200))";
    server.exec(&format!("SET NAMES utf8mb4; {work}")).await.unwrap();
    let output = decode(&closed_files(&server).await);
    let after = json!({"@1": 1, "@2": "-01:02:03", "@3": "2024-02-29 12:34:56", "@4": "ab".repeat(200)});
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output)[0]["after"], after);
    let said = stderr(&output);
    assert!(said.contains("opendental.t") && said.contains("fraction"), "{said}");
}

#[tokio::test]
async fn r4_what_cannot_be_printed_makes_exit_code_1() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    let work = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (1, 'a'); \
                SET SESSION binlog_format = STATEMENT; INSERT INTO t VALUES (2, 'Smith')";
    server.exec(work).await.unwrap();
    let output = decode(&closed_files(&server).await);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 1));
    let said = stderr(&output);
    assert!(said.contains("1 statement(s)") && said.contains("binlog_format=ROW") && !said.contains("Smith"), "{said}");
}
