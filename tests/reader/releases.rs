//! The same on every release, engine and setting of the log: what a SELECT shows is what the reader hands out.

use opendental_cdc::{
    binlog::Position,
    sandbox::{Options, Release, Server},
    source::{ChangeKind, SourceError, TimeZone, Transaction},
};

use crate::following::{Following, changes, config, row};

const ENGINES: [&str; 2] = ["InnoDB", "MyISAM"];

/// A column of each kind that needs something besides its bytes: a sign, a scale, a character set, a zone, a list.
const COLUMNS: &str = "id BIGINT UNSIGNED PRIMARY KEY, tiny TINYINT, count INT UNSIGNED, price DECIMAL(12,4), name VARCHAR(40) CHARACTER SET utf8mb4, \
    old VARCHAR(20) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4, raw BINARY(4), day DATE, at DATETIME(3), clock TIME(1), stamp TIMESTAMP(2) NULL, \
    kind ENUM('a','b','ü') CHARACTER SET utf8mb4, marks SET('x','y','z'), born YEAR";

/// A row of them, with binary strings as [`row`] shows them.
const SHOWN: &str = "id, tiny, count, price, name, old, note, HEX(raw), day, at, clock, stamp, kind, marks, born";

/// The log's settings for a while.
struct Setting {
    checksum: &'static str,
    /// `None` where the server knows no such setting.
    metadata: Option<&'static str>,
    image: &'static str,
    compressed: bool,
}

/// All combinations of what a release can be set to.
fn settings(release: Release) -> Vec<Setting> {
    let metadata: &[_] = match release {
        Release::MySql5_6 => &[None],
        Release::MySql9_7 => &[Some("MINIMAL"), Some("FULL")],
        _ => &[Some("NO_LOG"), Some("MINIMAL"), Some("FULL")],
    };
    let images: &[_] = match release {
        Release::MariaDb11_8 => &["FULL", "NOBLOB", "MINIMAL", "FULL_NODUP"],
        _ => &["FULL", "NOBLOB", "MINIMAL"],
    };
    let compressions: &[_] = if release == Release::MySql5_6 { &[false] } else { &[false, true] };
    let mut all = Vec::new();
    for metadata in metadata {
        for image in images {
            for compressed in compressions {
                for checksum in ["NONE", "CRC32"] {
                    all.push(Setting { checksum, metadata: *metadata, image, compressed: *compressed });
                }
            }
        }
    }
    all
}

impl Setting {
    /// The statements that set it, for the server and for the session that writes.
    fn statements(&self, release: Release) -> String {
        let Self { checksum, metadata, image, compressed } = self;
        let mut sql = format!("SET GLOBAL binlog_checksum = {checksum}; SET binlog_row_image = {image};");
        if let Some(metadata) = metadata {
            sql += &format!("SET GLOBAL binlog_row_metadata = {metadata};");
        }
        if release.is_mariadb() {
            sql += &format!("SET GLOBAL log_bin_compress = {compressed}, GLOBAL log_bin_compress_min_len = 10;");
        } else if *compressed {
            sql += "SET binlog_transaction_compression = ON;";
        }
        sql
    }
}

/// Writes rows with keys from `base` on, and says what the reader must hand out for it.
fn work(base: u64) -> (String, Vec<String>) {
    let rows = |offset: u64| {
        format!(
            "({}, -{offset}, 4294967295, -1234.5678, 'né \\\\ 🦷', 'né €', REPEAT('text é ', 50), X'0102', '2024-02-29', \
             '2024-03-10 12:00:00.125', '-01:02:03.5', '2024-11-03 06:30:00.25', 'ü', 'x,z', 1999)",
            base + offset
        )
    };
    let (mut sql, mut steps) = ("USE opendental;".to_owned(), Vec::new());
    let key = |offset: u64| base + offset;
    for engine in ENGINES {
        sql += &format!(
            "INSERT INTO {engine} VALUES {}, {}, ({}, {});
             UPDATE {engine} SET price = -price, kind = 'a', stamp = '2024-07-01 12:00:00' WHERE id = {};
             DELETE FROM {engine} WHERE id = {};",
            rows(1),
            rows(2),
            key(3),
            ["NULL"; 14].join(", "),
            key(1),
            key(3)
        );
        steps.push(format!("+{}u +{}u +{}u", key(1), key(2), key(3)));
        steps.push(format!("~{}u", key(1)));
        steps.push(format!("-{}u", key(3)));
    }
    sql += &format!(
        "BEGIN; INSERT INTO InnoDB VALUES {}; SAVEPOINT s; INSERT INTO InnoDB VALUES {}; ROLLBACK TO s;
         UPDATE InnoDB SET tiny = 5 WHERE id = {}; COMMIT;
         BEGIN; INSERT INTO InnoDB VALUES {}; ROLLBACK;
         XA START 'a'; INSERT INTO InnoDB VALUES {}; XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';",
        rows(4),
        rows(5),
        key(4),
        rows(6),
        rows(7)
    );
    steps.push(format!("+{}u ~{}u", key(4), key(4)));
    steps.push(format!("+{}u", key(7)));
    (sql, steps)
}

/// The rows in the tables are those of the changes that wrote them last, as far as these were logged as a whole.
async fn compare(server: &Server, zone: &TimeZone, base: u64, image: &str, transactions: &[Transaction]) {
    let mut changes = changes(transactions.to_vec());
    changes.retain(|change| change.kind != ChangeKind::Delete);
    for (table, engine) in ENGINES.iter().enumerate() {
        let select = format!("SELECT {SHOWN} FROM opendental.{engine} WHERE id > {base} ORDER BY id");
        let rows = server.query(&select).await.unwrap();
        assert_eq!(rows.len(), if *engine == "InnoDB" { 4 } else { 2 });
        for selected in rows {
            let key = selected[0].clone().unwrap();
            let of_row = |change: &&opendental_cdc::source::Change| {
                usize::from(change.table) == table
                    && matches!(change.key, opendental_cdc::row::RowKey::UInt(id) if id.to_string() == key)
            };
            let last = changes.iter().rfind(of_row).unwrap();
            // R6: an UPDATE that leaves a TEXT alone is logged whole in FULL images only.
            let whole = last.kind == ChangeKind::Insert || image == "FULL";
            assert_eq!(last.image.is_some(), whole, "{engine} {key} {image}");
            if whole {
                let values: Vec<_> = row(last, zone).into_iter().map(|(_, value)| value).collect();
                assert_eq!(values, selected, "{engine} {image}");
            }
        }
    }
}

/// Follows a server over one connection through all its settings, then reads it all again by GTID and by file.
async fn all_settings(release: Release, options: Options, by_gtid: bool) {
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = release.start(options.zone("America/New_York")).await.unwrap();
    for engine in ENGINES {
        server.exec(&format!("CREATE TABLE opendental.{engine} ({COLUMNS}) ENGINE={engine}")).await.unwrap();
    }
    let mut following = Following::now(&server, "opendental", &ENGINES).await;
    let start = following.boundary.position.clone();
    assert_eq!(start.gtids.is_some(), by_gtid);
    let zone = following.database.time_zone().await.unwrap();
    let (mut all, mut last) = (Vec::new(), Vec::new());
    // Keys beyond the largest signed number.
    for (setting, base) in settings(release).iter().zip((1 << 63..).step_by(100)) {
        let (sql, expected) = work(base);
        server.exec(&(setting.statements(release) + &sql)).await.unwrap();
        let transactions = following.transactions().await;
        let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
        assert_eq!(shown, expected, "{release}");
        compare(&server, &zone, base, setting.image, &transactions).await;
        all.extend(shown);
        last = transactions;
    }
    assert_eq!(following.connections, 1, "R7: no setting breaks the connection");
    let end = following.boundary.position.clone();
    let mysql = following.config.mysql.clone();
    following.end().await;

    let plain = Position { gtids: None, ..start.clone() };
    for start in [start, plain] {
        let mut again = Following::with(mysql.clone(), &ENGINES, Some(start)).await;
        assert_eq!(again.steps().await, all, "{release}");
        // A server may note something about itself at any time.
        assert!(again.boundary.position.point() >= end.point());
        again.end().await;
    }
    // Each commit's point is one at which reading may begin.
    for (index, transaction) in last.iter().enumerate() {
        let position = Position { offset: transaction.point.offset, gtids: None, ..end.clone() };
        let mut again = Following::with(mysql.clone(), &ENGINES, Some(position)).await;
        assert_eq!(again.steps().await, all[all.len() - last.len() + 1 + index..], "{release}");
        again.end().await;
    }
    what_is_no_longer_there(release, &server, end).await;
}

/// A server that is set back knows less than the position.
async fn what_is_no_longer_there(release: Release, server: &Server, end: Position) {
    let reset = if release == Release::MySql9_7 { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" };
    server.exec(reset).await.unwrap();
    let mysql = config(&server.url("opendental"), "");
    let beyond = Position { offset: 1 << 33, gtids: None, ..end.clone() };
    let error = Following::with(mysql.clone(), &ENGINES, Some(beyond)).await.error().await;
    assert!(error.to_string().contains("beyond 4 GiB"), "{error}");
    let error = Following::with(mysql, &ENGINES, Some(end)).await.error().await;
    assert!(matches!(error, SourceError::Purged { .. }), "{release}: {error}");
}

#[tokio::test]
async fn r1_r3_r5_r6_mariadb_10_5_is_read_whatever_its_settings() {
    all_settings(Release::MariaDb10_5, Options::default(), true).await;
}

#[tokio::test]
async fn r1_r3_r5_r6_mariadb_10_11_is_read_whatever_its_settings() {
    all_settings(Release::MariaDb10_11, Options::default(), true).await;
}

/// It sends no positions inside transactions.
#[tokio::test]
async fn r1_r3_r5_r6_mariadb_11_8_is_read_whatever_its_settings() {
    all_settings(Release::MariaDb11_8, Options::default(), true).await;
}

#[tokio::test]
async fn r1_r3_r5_r6_mysql_5_6_is_read_whatever_its_settings() {
    all_settings(Release::MySql5_6, Options::default(), false).await;
}

#[tokio::test]
async fn r1_r3_r5_r6_mysql_5_6_is_read_by_gtid() {
    all_settings(Release::MySql5_6, Options::default().gtid(), true).await;
}

#[tokio::test]
async fn r1_r3_r5_r6_mysql_9_7_is_read_whatever_its_settings() {
    let without = Options::default().arg("--gtid-mode=OFF").arg("--enforce-gtid-consistency=OFF");
    all_settings(Release::MySql9_7, without, false).await;
}

#[tokio::test]
async fn r1_r3_r5_r6_mysql_9_7_is_read_by_gtid() {
    all_settings(Release::MySql9_7, Options::default().gtid(), true).await;
}
