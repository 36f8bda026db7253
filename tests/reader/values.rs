//! R3: values come out as a SELECT shows them.

use opendental_cdc::{
    row::RowKey,
    sandbox::{MariaDb, Options},
    source::{ChangeKind, stamp},
};

use crate::following::{Following, changes, config, database, row};

const TABLE: &str = "CREATE TABLE v (
    id BIGINT UNSIGNED PRIMARY KEY, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, mi MEDIUMINT, mu MEDIUMINT UNSIGNED,
    i INT, bu BIGINT UNSIGNED, f FLOAT, d DOUBLE, d2 DOUBLE(9,2), de DECIMAL(20,5), y YEAR,
    da DATE, t TIME, t3 TIME(3), dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL,
    c CHAR(5), vl VARCHAR(90) CHARACTER SET latin1, v4 VARCHAR(90) CHARACTER SET utf8mb4, tx TEXT, mt MEDIUMTEXT,
    vb VARBINARY(9), bi BINARY(4), bl BLOB, e ENUM('a','it''s','é') CHARACTER SET latin1, s SET('x','y','z'),
    bt BIT(9), js JSON
) ENGINE={ENGINE} CHARACTER SET utf8mb3";

const ROWS: &str = "INSERT INTO v VALUES
    (1, -128, 255, -32768, -8388608, 16777215, -2147483648, 18446744073709551615, 1.5, -1e-7, 3.1, -123456789012345.00001,
     0, '0000-00-00', '-838:59:59', '-00:00:00.001', '0001-01-01 00:00:00', '9999-12-31 23:59:59.999999',
     '2024-03-10 03:00:00', '2024-11-03 01:30:00.000001', 'ab', 'é€', '😀', 'tёxt', '', X'00FF', X'0100', X'', 'é', 'x,z',
     b'100000001', '{\"a\": 1}'),
    (18446744073709551615, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 2155, '2024-00-00', '00:00:00', '838:59:59', '0000-00-00 00:00:00',
     '2024-02-29 12:00:00.5', 0, '2038-01-18 22:14:07', '', '', '', '', '', '', '', '', 'it''s', '', 0, '[]')";

#[tokio::test]
async fn r3_edge_values_equal_a_select_on_both_engines() {
    for engine in ["InnoDB", "MyISAM"] {
        let name = format!("values_{engine}");
        let server = database(&name).await;
        server.exec(&format!("USE {name}; SET sql_mode = ''; {}", TABLE.replace("{ENGINE}", engine))).await.unwrap();
        let mut following = Following::now(server, &name, &["v"]).await;
        server.exec(&format!("USE {name}; SET sql_mode = ''; SET NAMES utf8mb4; {ROWS}")).await.unwrap();
        let transactions = following.transactions().await;
        let zone = following.database.time_zone().await.unwrap();
        let changes = changes(transactions);
        assert_eq!(changes.len(), 3);
        for change in changes {
            assert_eq!(change.kind, ChangeKind::Insert);
            let row = row(&change, &zone);
            let columns: Vec<String> = row
                .iter()
                .map(|(name, _)| match name.as_str() {
                    "vb" | "bi" | "bl" => format!("HEX({name})"),
                    "bt" => format!("{name} + 0"),
                    _ => name.clone(),
                })
                .collect();
            let id = row[0].1.clone().unwrap();
            let select = format!("SELECT {} FROM {name}.v WHERE id = {id}", columns.join(", "));
            let selected = server.query(&select).await.unwrap().remove(0);
            for ((column, read), selected) in row.iter().zip(selected) {
                assert_eq!(*read, selected, "{engine} {column} of {id}");
            }
            let index = change.layout.names.iter().position(|name| &**name == "ts6").unwrap();
            let micros = stamp(change.image.as_ref().unwrap(), &change.layout, index, &zone).unwrap();
            let seconds = format!("SELECT ROUND(UNIX_TIMESTAMP(ts6) * 1000000) FROM {name}.v WHERE id = {id}");
            assert_eq!(micros.map(|micros| micros.to_string()), server.value(&seconds).await.unwrap());
        }
        following.end().await;
    }
}

#[tokio::test]
async fn keys_of_every_kind_are_read() {
    let server = database("keyed").await;
    server
        .exec(
            "USE keyed; CREATE TABLE last (a INT, b VARCHAR(9), c BIGINT, PRIMARY KEY (c));
             CREATE TABLE many (a VARCHAR(9), b INT, c BINARY(2), PRIMARY KEY (c, a, b)); CREATE TABLE none (a INT)",
        )
        .await
        .unwrap();
    let mut following = Following::now(server, "keyed", &["last", "many", "none"]).await;
    server
        .exec(
            "USE keyed; INSERT INTO last VALUES (1, 'x', -7); INSERT INTO many VALUES ('é', -1, X'0100'); INSERT INTO none VALUES (1);
             UPDATE many SET b = 2; SET binlog_row_image = MINIMAL; UPDATE many SET b = 3; UPDATE last SET b = 'y';
             DELETE FROM last",
        )
        .await
        .unwrap();
    let transactions = following.transactions().await;
    let whole: Vec<bool> = changes(transactions.clone()).iter().map(|change| change.image.is_some()).collect();
    assert_eq!(whole, [true, true, true, true, false, false, false], "R6: what is not whole has no image");
    let shown: Vec<String> = transactions.iter().map(|transaction| following.show(transaction)).collect();
    assert_eq!(shown, ["+-7", "+[1, 0]/é/-1", "+", "~[1, 0]/é/-1>[1, 0]/é/2", "~[1, 0]/é/2>[1, 0]/é/3", "~-7", "--7"]);
    following.end().await;
}

#[tokio::test]
async fn r6_rows_are_found_by_keys_of_every_type() {
    let keys = [
        ("BIGINT UNSIGNED", "18446744073709551615"),
        ("INT(9) ZEROFILL", "7"),
        ("DECIMAL(9,2)", "-1.5"),
        ("DATE", "'2024-02-29'"),
        ("TIME(2)", "'-12:34:56.7'"),
        ("DATETIME(3)", "'2024-02-29 12:34:56.789'"),
        ("YEAR", "2024"),
        ("BIT(9)", "b'100000001'"),
        ("CHAR(9) CHARACTER SET latin1", "'é'"),
        ("VARCHAR(9) CHARACTER SET sjis", "'日本'"),
        ("BINARY(4)", "x'0100'"),
        ("VARBINARY(9)", "x'00ff'"),
        ("ENUM('a','é') CHARACTER SET latin1", "'é'"),
        ("SET('a','b')", "'a,b'"),
        ("UUID", "'6ccd780c-baba-1026-9564-5b8c65602400'"),
        ("INET6", "'::ffff:1.2.3.4'"),
        ("INET4", "'1.2.3.0'"),
    ];
    let server = database("found").await;
    let names: Vec<String> = (0..keys.len()).map(|index| format!("t{index}")).collect();
    let mut create = "USE found; SET NAMES utf8mb4;".to_owned();
    let mut insert = create.clone();
    for (name, (kind, value)) in names.iter().zip(keys) {
        create += &format!("CREATE TABLE {name} (k {kind} PRIMARY KEY, v INT);");
        insert += &format!("INSERT INTO {name} VALUES ({value}, 1);");
    }
    server.exec(&create).await.unwrap();
    let mut following = Following::now(server, "found", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    server.exec(&insert).await.unwrap();
    let changes = changes(following.transactions().await);
    assert_eq!(changes.len(), keys.len());
    for (change, (kind, _)) in changes.iter().zip(keys) {
        let found = following.database.row_by_key(&change.layout.table, &["k"], &["v"], &change.key).await.unwrap();
        assert_eq!(found.and_then(|row| row.text("v").map(str::to_owned)).as_deref(), Some("1"), "{kind}");
    }
    following.end().await;
}

#[tokio::test]
async fn r5_a_type_that_only_the_server_tells_is_unsure_behind_ddl() {
    let server = MariaDb::start(Options::default().arg("--binlog-row-metadata=FULL")).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id INT PRIMARY KEY, u BINARY(16))").await.unwrap();
    let mysql = config(&server.url("opendental"), "");
    let ready = Following::with(mysql.clone(), &["t"], None).await;
    let start = ready.boundary.position.clone();
    ready.end().await;
    let work =
        "USE opendental; INSERT INTO t VALUES (1, x'6ccd780cbaba102695645b8c656024db'); ALTER TABLE t MODIFY u UUID";
    server.exec(work).await.unwrap();
    let (doubt, _) = Following::with(mysql, &["t"], Some(start)).await.doubt().await;
    assert_eq!(doubt.table_name, "t");
}

#[tokio::test]
async fn r5_columns_that_no_select_shows_have_no_name_or_leave_the_key() {
    let server = MariaDb::start(Options::default().arg("--binlog-row-metadata=FULL")).await.unwrap();
    server
        .exec("USE opendental; CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b BLOB, UNIQUE (a), UNIQUE (b))")
        .await
        .unwrap();
    let mut following = Following::now(&server, "opendental", &["t"]).await;
    server.exec("INSERT INTO opendental.t VALUES (1, 'x', 'y')").await.unwrap();
    let changes = changes(following.transactions().await);
    let zone = following.database.time_zone().await.unwrap();
    let names: Vec<String> = row(&changes[0], &zone).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["id", "a", "b"]);
    assert_eq!(changes[0].layout.columns.len(), 5, "the hashes are in the log");
    following.end().await;
    server.exec("SET GLOBAL binlog_row_metadata = NO_LOG").await.unwrap();
    let mut following = Following::now(&server, "opendental", &["t"]).await;
    server.exec("INSERT INTO opendental.t VALUES (2, 'v', 'w')").await.unwrap();
    let changes = self::changes(following.transactions().await);
    assert_eq!((changes[0].layout.keys_only, &changes[0].key), (true, &RowKey::Int(2)));
    following.end().await;
}
