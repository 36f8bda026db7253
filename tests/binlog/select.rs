//! Every type and edge value: the text out of the log is the text that a SELECT shows (rule R3).

use std::collections::HashMap;
use std::fs;

use opendental_cdc::binlog::{Utc, Value};
use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};

use crate::read_rows;

/// Types with values, as SQL. Those of binary types are compared as hexadecimal digits.
fn types() -> Vec<(String, Vec<String>)> {
    let mut types: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |kind: &str, values: &[&str]| {
        types.push((kind.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
    };
    for (kind, bits) in [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)] {
        let edge = 1i128 << (bits - 1);
        add(kind, &[&(-edge).to_string(), "-1", "0", "1", &(edge - 1).to_string()]);
        add(&format!("{kind} UNSIGNED"), &["0", "1", &edge.to_string(), &(2 * edge - 1).to_string()]);
    }
    add("BOOL", &["TRUE", "FALSE"]);
    add(
        "DECIMAL(65,30)",
        &["0", "-0.000000000000000000000000000001", "12345678901234567890123456789012345.5", "-9.99"],
    );
    add("DECIMAL(10,0)", &["9999999999", "-9999999999", "7"]);
    add("DECIMAL(5,5)", &["0.12345", "-0.00001", "0"]);
    add("DECIMAL(18,9)", &["-123456789.987654321", "0.1", "100000000"]);
    add("DECIMAL(7,2) UNSIGNED", &["0.05", "99999.99"]);
    add("DOUBLE(10,3)", &["1.5", "-0.0005", "1234567.891"]);
    add("FLOAT(7,4)", &["1.5", "999.9999", "-0.25"]);
    add("DATE", &["'0000-00-00'", "'0001-01-01'", "'2024-00-00'", "'2024-02-29'", "'9999-12-31'"]);
    for fraction in 0..=6 {
        let times =
            ["'-838:59:59'", "'-00:00:00.5'", "'-01:02:03.456789'", "'00:00:00'", "'838:59:59'", "'12:34:56.789'"];
        add(&format!("TIME({fraction})"), &times);
        let dates = ["'0000-00-00'", "'0001-01-01 00:00:00'", "'2024-02-29 12:34:56.123456'", "'9999-12-31 23:59:59'"];
        add(&format!("DATETIME({fraction})"), &dates);
        let stamps = ["'0000-00-00'", "'1970-01-01 00:00:01'", "'2024-02-29 12:34:56.654321'", "'2038-01-19 03:14:07'"];
        add(&format!("TIMESTAMP({fraction}) NULL"), &stamps);
    }
    add("YEAR", &["0", "1901", "2155"]);
    add("BIT(1)", &["b'0'", "b'1'"]);
    add("BIT(64)", &["0", "18446744073709551615", "258"]);
    add("ENUM('x','é','') CHARACTER SET latin1", &["'x'", "'é'", "''", "'no such label'"]);
    add("SET('a','ü','c') CHARACTER SET utf8mb4", &["''", "'a'", "'a,ü,c'", "'c,a'"]);
    add("CHAR(5) CHARACTER SET utf8mb4", &["''", "'a  '", "'😀é'"]);
    add("CHAR(255) CHARACTER SET utf8mb4", &["REPEAT('😀', 255)", "'x'"]);
    add(
        "VARCHAR(300) CHARACTER SET latin1",
        &["''", "'a  '", "CONCAT('€', CHAR(0x81 USING latin1))", "REPEAT('é', 300)"],
    );
    add("TINYTEXT CHARACTER SET utf8mb3", &["'ñ'", "''"]);
    add("MEDIUMTEXT CHARACTER SET utf8mb4", &["REPEAT('😀', 70000)"]);
    add("LONGTEXT CHARACTER SET utf16", &["'a😀'"]);
    add("VARCHAR(9) CHARACTER SET ucs2", &["'aé'"]);
    add("VARCHAR(9) CHARACTER SET utf32", &["'a😀'"]);
    add("VARCHAR(9) CHARACTER SET ascii", &["'a'"]);
    add("BINARY(4)", &["x''", "x'00ff'", "x'01020300'"]);
    add("BINARY(255)", &["x'01'"]);
    add("VARBINARY(300)", &["x''", "x'00ff00'", "REPEAT(x'ff', 300)"]);
    add("BLOB", &["x'00'", "REPEAT('a', 65535)"]);
    add("LONGBLOB", &["REPEAT(x'ff', 70000)"]);
    add("POINT", &["POINT(1, 2)"]);
    let mut random = fastrand::Rng::with_seed(7);
    let mut doubles = Vec::new();
    let mut floats = Vec::new();
    for _ in 0..400 {
        let exponent = random.i32(-20..20);
        let value = (random.f64() - 0.5) * 10f64.powi(exponent);
        doubles.push(format!("{value:e}"));
        floats.push(format!("{value:e}"));
        let bits = f64::from_bits(random.u64(..));
        if bits.is_finite() {
            doubles.push(format!("{bits:e}"));
        }
        doubles.push(format!("{}e{exponent}", random.i32(-9999..9999)));
        floats.push(format!("{}e{exponent}", random.i32(-9999..9999)));
    }
    doubles.extend(["0", "-0e0", "1.7976931348623157e308", "2.2250738585072014e-308"].map(str::to_owned));
    floats.extend(["0", "-0e0", "3.40282e38", "1.17549e-38", "16777216"].map(str::to_owned));
    types.push(("DOUBLE".to_owned(), doubles));
    types.push(("FLOAT".to_owned(), floats));
    types
}

async fn prove_types(server: Server, log: &str, types: Vec<(String, Vec<String>)>) {
    // One session for all, since the SQL mode that lets zero dates in is the session's.
    let mut statements = "SET NAMES utf8mb4; SET SESSION sql_mode = ''; SET SESSION time_zone = '+00:00';".to_owned();
    for (index, (kind, values)) in types.iter().enumerate() {
        statements += &format!("CREATE TABLE t{index} (id INT PRIMARY KEY, v {kind});");
        let rows: Vec<_> = values.iter().enumerate().map(|(id, value)| format!("({id}, {value})")).collect();
        statements += &format!("INSERT INTO t{index} VALUES {}, (999999, NULL);", rows.join(","));
    }
    statements += "FLUSH LOGS; SET GLOBAL time_zone = '+00:00'";
    server.exec(&statements).await.unwrap();
    let found = logged(&server, log);
    let mut compared = 0;
    for (index, (kind, values)) in types.iter().enumerate() {
        let binary = ["BINARY", "BLOB", "POINT"].iter().any(|part| kind.contains(part));
        let shown = match () {
            () if binary => "HEX(v)",
            () if kind.starts_with("BIT") => "v + 0",
            () => "v",
        };
        let rows = server.query(&format!("SELECT id, {shown} FROM t{index}")).await.unwrap();
        assert_eq!(rows.len(), values.len() + 1);
        for row in rows {
            let id = row[0].clone().unwrap();
            let ours = &found[&(format!("opendental.t{index}"), id.clone())];
            let sql = if id == "999999" { "NULL" } else { &values[id.parse::<usize>().unwrap()] };
            assert_eq!(ours, &row[1], "{kind}: {sql}");
            compared += 1;
        }
    }
    println!("{compared} values");
}

/// The text of column 2 of every row in the server's log, by table and column 1. Binary values in hexadecimal digits.
fn logged(server: &Server, log: &str) -> HashMap<(String, String), Option<String>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with(log) || name.ends_with(".index") || name.ends_with(".state") {
            continue;
        }
        let errors = read_rows(&fs::read(&path).unwrap(), |table, columns, change| {
            let mut values = change.after.unwrap().values(columns).map(|value| value.unwrap());
            let id = values.next().unwrap().1.text(columns.get(0).unwrap(), &Utc).unwrap().into_owned();
            let (index, value) = values.next().unwrap();
            let mut column = columns.get(index).unwrap().clone();
            column.decimals = match table {
                // What information_schema tells of DOUBLE(10,3) and FLOAT(7,4).
                table if decimals(table, "DOUBLE(10,3)") => Some(3),
                table if decimals(table, "FLOAT(7,4)") => Some(4),
                _ => None,
            };
            let text = match value {
                Value::Null => None,
                value if column.is_binary() => Some(hex::encode_upper(value.bytes(&column).unwrap())),
                value => Some(value.text(&column, &Utc).unwrap().into_owned()),
            };
            found.insert((table.to_owned(), id), text);
        });
        assert_eq!(errors, []);
    }
    found
}

fn decimals(table: &str, kind: &str) -> bool {
    let index = types().iter().position(|(listed, _)| listed == kind).unwrap();
    table == format!("opendental.t{index}")
}

#[tokio::test]
async fn r3_mariadb_every_type_reads_as_a_select_shows_it() {
    let server = MariaDb::start(Options::default().arg("--binlog-row-metadata=FULL")).await.unwrap();
    prove_types(server, "mysql-bin.", types()).await;
}

#[tokio::test]
async fn r3_mysql_every_type_reads_as_a_select_shows_it() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = MySql::start(Options::default().arg("--binlog-row-metadata=FULL")).await.unwrap();
    prove_types(server, "mysql-bin.", types()).await;
}

/// Documents of every kind of value, small and large ones.
fn json() -> Vec<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    let mut documents: Vec<String> = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "32767",
        "32768",
        "-32769",
        "65536",
        "-2147483649",
        "4294967296",
        "9223372036854775808",
        "18446744073709551615",
        "1.0",
        "-0.0",
        "1e100",
        "1.5e-10",
        "123456789.125",
        "1e15",
        "1e14",
        "0.1",
        "1.7976931348623157e308",
        "\"\"",
        "[]",
        "{}",
        "[[], {}, [[]]]",
        "{\"\": {\"a\": []}}",
        "{\"b\": 1, \"a\": [true, null, -5, 70000, 1.25, \"x\"], \"longer\": {\"ключ\": \"значение 😀\"}}",
        r#"["\"", "\\", "/", "\b\f\n\r\t", "\u0000\u0001\u001f\u007f\u0080", "'"]"#,
    ]
    .iter()
    .map(|text| quoted(text))
    .collect();
    let numbers: Vec<String> = (-30..30).map(|power: i32| format!("{}", 3.7f64 * 10f64.powi(power))).collect();
    documents.push(quoted(&format!("[{}]", numbers.join(","))));
    let members: Vec<String> = (0..9000).map(|index| format!("\"key{index}\": {}", index * 100_000)).collect();
    documents.push(quoted(&format!("{{{}}}", members.join(","))));
    documents.push(quoted(&format!("[\"{}\", \"{}\", \"{}\"]", "x".repeat(127), "y".repeat(128), "é".repeat(70_000))));
    documents.push(quoted(&format!("{}1{}", "[".repeat(99), "]".repeat(99))));
    for expression in [
        "CAST(12.340 AS DECIMAL(20,5))",
        "CAST(-0.5 AS DECIMAL(65,30))",
        "DATE '2024-02-29'",
        "TIME '-12:34:56.5'",
        "TIME '838:59:59'",
        "TIMESTAMP '2024-02-29 12:34:56.000001'",
        "CAST('x' AS BINARY)",
        "REPEAT(x'00ff', 100)",
        "b'101'",
        "CAST(2024 AS YEAR)",
        "1.5",
        "TRUE",
        "1e0",
        "CAST(1.5 AS FLOAT)",
    ] {
        documents.push(format!("JSON_ARRAY({expression}, {expression})"));
    }
    documents.push("JSON_OBJECT('p', ST_GeomFromText('POINT(1 2)'))".to_owned());
    documents
}

#[tokio::test]
async fn r3_mysql_json_reads_as_a_select_shows_it() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let options = Options::default().arg("--binlog-row-metadata=FULL").arg("--max-allowed-packet=64M");
    let server = MySql::start(options).await.unwrap();
    prove_types(server, "mysql-bin.", vec![("JSON".to_owned(), json())]).await;
}

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
