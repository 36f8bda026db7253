//! The optional metadata of table maps belongs to the right columns (rule R3).

use std::fs;

use opendental_cdc::binlog::Utc;
use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};

use crate::read_rows;

/// Signs and character sets are lists of some columns only: YEAR is on the first, BIT is not; GEOMETRY is on MariaDB's
/// second.
async fn prove_metadata(server: Server) {
    let create = "CREATE TABLE mixed (id INT PRIMARY KEY, a TINYINT UNSIGNED, y YEAR, b INT UNSIGNED, i BIT(5), c BIGINT, \
                  e ENUM('x', 'é') CHARACTER SET latin1, v VARCHAR(9) CHARACTER SET latin1, g GEOMETRY, \
                  u TEXT CHARACTER SET utf8mb4, t DATETIME, w CHAR(3) CHARACTER SET cp1251, d DECIMAL(5,2) UNSIGNED, \
                  z SMALLINT, s SET('б') CHARACTER SET cp1251)";
    let insert = "INSERT INTO mixed VALUES (1, 255, 2024, 4294967295, 1, -1, 'é', 'é', POINT(1, 2), 'é', \
                  '2024-01-01', 'б', 1.5, -1, 'б')";
    let expected = ["1", "255", "2024", "4294967295", "1", "-1", "é", "é", "", "é", "2024-01-01 00:00:00", "б", "1.50"];
    let expected = [&expected[..], &["-1", "б"]].concat();
    for metadata in ["FULL", "MINIMAL"] {
        let statements = format!("SET NAMES utf8mb4; SET GLOBAL binlog_row_metadata = {metadata}");
        server
            .exec(&format!("{statements}; DROP TABLE IF EXISTS mixed; {create}; {insert}; FLUSH LOGS"))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    for entry in fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("mysql-bin.") || name.ends_with(".index") || name.ends_with(".state") {
            continue;
        }
        read_rows(&fs::read(&path).unwrap(), |_, columns, change| {
            seen.push(columns.has_names());
            for value in change.after.unwrap().values(columns) {
                let (index, value) = value.unwrap();
                let column = columns.get(index).unwrap();
                match value.text(column, &Utc) {
                    Ok(text) => assert_eq!(text, expected[index], "column {} of {columns:?}", index + 1),
                    Err(_) if column.is_binary() => assert_eq!(index, 8),
                    Err(_) => assert!(column.labels.is_none() && [6, 14].contains(&index)),
                }
            }
            let key = columns.primary_key();
            assert_eq!(key, columns.has_names().then_some(&[0][..]));
        });
    }
    seen.sort_unstable();
    assert_eq!(seen, [false, true]);
}

#[tokio::test]
async fn r3_mariadb_signs_and_charsets_belong_to_the_right_columns() {
    prove_metadata(MariaDb::start(Options::default()).await.unwrap()).await;
}

#[tokio::test]
async fn r3_mysql_signs_and_charsets_belong_to_the_right_columns() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    prove_metadata(MySql::start(Options::default()).await.unwrap()).await;
}
