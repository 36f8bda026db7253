//! Rows by key, scans and layouts.

use chrono::DateTime;
use mysql_async::prelude::Queryable;
use opendental_cdc::{
    binlog::LogPoint,
    progress::RowCount,
    row::{Field, KeyPart, Row, RowKey},
    source::{DatabaseError, LayoutReader},
};

use crate::practice::{Kind, Practice};

#[tokio::test]
async fn r6_a_row_by_key_is_what_a_select_shows() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let table = "CREATE TABLE odd (id BIGINT PRIMARY KEY, stamp TIMESTAMP NULL, micros TIMESTAMP(6) NULL, \
                     day DATE, at DATETIME, span TIME, year YEAR, price DECIMAL(20,4), wide DOUBLE, narrow FLOAT, \
                     latin VARCHAR(20) CHARACTER SET latin1, text TEXT CHARACTER SET utf8mb4, \
                     sorted VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, flag TINYINT(1), \
                     pick ENUM('a','é'), bytes VARBINARY(9), fixed BINARY(4), unsigned_one BIGINT UNSIGNED)";
        practice.exec(table).await;
        let rows = [
            "(1, '2026-11-01 01:30:00', '2026-03-08 03:00:00.25', '0000-00-00', '0001-01-01', '-838:59:59', 0, \
             12345.6, 0.1, 1e10, 'é€', 'é😀\\'\\\\', 'Ä', -1, 'é', X'00FF', X'01', 18446744073709551615)",
            "(-2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        ];
        practice.exec(&format!("SET NAMES utf8mb4; INSERT INTO odd VALUES {}", rows.join(", "))).await;
        let columns = [
            "unsigned_one",
            "stamp",
            "micros",
            "day",
            "at",
            "span",
            "year",
            "price",
            "wide",
            "narrow",
            "latin",
            "text",
            "sorted",
            "flag",
            "pick",
            "id",
        ];
        for key in [1, -2] {
            let select = format!("SELECT {} FROM odd WHERE id = {key}", columns.join(", "));
            let oracle = practice.server.query(&select).await.unwrap().remove(0);
            let row = practice.database.row_by_key("odd", &["id"], &columns, &RowKey::Int(key)).await.unwrap().unwrap();
            assert_eq!(row.columns().iter().map(|name| &**name).collect::<Vec<_>>(), columns);
            for (index, expected) in oracle.iter().enumerate() {
                let expected = expected.as_ref().map_or(Field::Null, |text| Field::Text(text.into()));
                assert_eq!(row.field_at(index), expected, "{kind:?}: {}", columns[index]);
            }
        }
        let bytes = practice.database.row_by_key("odd", &["id"], &["bytes", "fixed"], &RowKey::Int(1)).await.unwrap();
        let bytes = bytes.unwrap();
        assert_eq!(bytes.field("bytes"), Field::Bytes(vec![0, 255].into()));
        assert_eq!(bytes.field("FIXED"), Field::Bytes(vec![1, 0, 0, 0].into()));
        assert_eq!(bytes.field("id"), Field::Absent);
        assert!(!format!("{bytes:?}").contains("255"), "D4");
        let none = practice.database.row_by_key("odd", &["id"], &["id"], &RowKey::Int(3)).await.unwrap();
        assert!(none.is_none());
    }
}

#[tokio::test]
async fn rows_are_found_by_keys_of_any_kind() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("CREATE TABLE `we``ird` (name VARCHAR(40), number INT, n INT, PRIMARY KEY (name, number))").await;
        practice.exec("INSERT INTO `we``ird` VALUES ('it''s \\\\ \"', -5, 1), ('', 0, 2)").await;
        practice.exec("CREATE TABLE big (id BIGINT UNSIGNED PRIMARY KEY)").await;
        practice.exec("INSERT INTO big VALUES (18446744073709551615)").await;
        let key = |name: &str, number| RowKey::Columns([KeyPart::Text(name.into()), KeyPart::Int(number)].into());
        let keys = [key("", 0), key("it's \\ \"", 4), key("it's \\ \"", -5)];
        let keys: Vec<RowKey> = keys.iter().cycle().take(300).cloned().collect();
        let found =
            practice.database.rows_by_keys("we`ird", &["name", "number"], &["n"], &keys, usize::MAX).await.unwrap();
        let found: Vec<Option<&str>> = found.iter().map(|row| row.as_ref().and_then(|row| row.text_at(0))).collect();
        assert_eq!(found.len(), 300, "{kind:?}");
        assert!(found.chunks(3).all(|three| three == [Some("2"), None, Some("1")]), "{kind:?}");
        let row = practice.database.row_by_key("big", &["id"], &["id"], &RowKey::UInt(u64::MAX)).await.unwrap();
        assert_eq!(row.unwrap().text("id"), Some("18446744073709551615"));
        let misfit = practice.database.row_by_key("big", &["id"], &["id"], &key("", 0)).await.unwrap_err();
        assert!(matches!(misfit, DatabaseError::Answer { .. }));
        let missing = practice.database.row_by_key("nothing", &["id"], &["id"], &RowKey::Int(0)).await.unwrap_err();
        assert!(matches!(missing, DatabaseError::Missing { .. }), "{kind:?}: {missing}");
    }
}

#[tokio::test]
async fn r9_a_row_by_key_waits_for_the_transaction_that_holds_it() {
    for kind in Kind::all() {
        if kind.engine().name() != "InnoDB" {
            continue;
        }
        let practice = Practice::new(kind).await;
        practice.exec("INSERT INTO site (SiteNum, Description, Note) VALUES (1, 'old', '')").await;
        let mut other = practice.server.connect().await.unwrap();
        other.query_drop("BEGIN; UPDATE site SET Description = 'new'").await.unwrap();
        let database = practice.database.clone();
        let reading =
            tokio::spawn(
                async move { database.row_by_key("site", &["SiteNum"], &["Description"], &RowKey::Int(1)).await },
            );
        let waiting = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";
        while practice.server.query(waiting).await.unwrap()[0][1].as_deref() != Some("1") {
            assert!(!reading.is_finished(), "{kind:?}: it did not wait");
        }
        other.query_drop("COMMIT").await.unwrap();
        let row = reading.await.unwrap().unwrap().unwrap();
        assert_eq!(row.text_at(0), Some("new"), "{kind:?}");
    }
}

#[tokio::test]
async fn w10_a_scan_is_in_utc_whatever_the_offices_zone_is() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("CREATE TABLE stamped (id BIGINT UNSIGNED PRIMARY KEY, t TIMESTAMP(6) NULL, note TEXT)").await;
        // 01:30 of 2026-11-01 is shown twice in New York; both are there.
        let first = 1_793_511_000_i64;
        let values = [(4, first), (3, first + 3600), (2, first - 1), (1, first)].map(|(id, at)| {
            let at = DateTime::from_timestamp(at, 250_000_000).unwrap().format("%Y-%m-%d %H:%M:%S%.6f");
            format!("({id}, '{at}', '')")
        });
        let insert = format!("INSERT INTO stamped VALUES {}, (9, NULL, '')", values.join(", "));
        practice.exec(&format!("SET time_zone = '+00:00'; {insert}")).await;
        let since = DateTime::from_timestamp(first, 250_000_000).unwrap();
        let scan = practice.database.scan("stamped", &["id"], Some("t"), since, &RowCount::default()).await.unwrap();
        let micros = first * 1_000_000 + 250_000;
        let expected = [(micros, 1), (micros, 4), (micros + 3_600_000_000, 3)].map(|(at, id)| (at, RowKey::UInt(id)));
        assert_eq!(scan.rows.iter().collect::<Vec<_>>(), expected, "{kind:?}");
        assert_eq!(scan.point, practice.database.barrier().await.unwrap().point, "{kind:?}");
        let all = practice
            .database
            .scan("stamped", &["id"], Some("t"), DateTime::UNIX_EPOCH, &RowCount::default())
            .await
            .unwrap();
        assert_eq!((all.rows.len(), all.rows.iter().next()), (5, Some((0, RowKey::UInt(9)))), "{kind:?}");
        let plain = practice.database.scan("stamped", &["id"], None, since, &RowCount::default()).await.unwrap();
        let expected = [1, 2, 3, 4, 9].map(|id| (0, RowKey::UInt(id)));
        assert_eq!(plain.rows.iter().collect::<Vec<_>>(), expected, "{kind:?}");
        let empty = practice
            .database
            .scan("patient", &["PatNum"], Some("DateTStamp"), since, &RowCount::default())
            .await
            .unwrap();
        assert!(empty.rows.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn r5_a_layout_is_what_the_server_declares() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let table = "CREATE TABLE t (b VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL, \
                     a BIGINT UNSIGNED, c DECIMAL(9,2), d DATETIME(3), e ENUM('x','y'), PRIMARY KEY (a, b))";
        practice.exec(table).await;
        practice.exec("ALTER TABLE t ADD f BLOB").await;
        let (layout, point) = practice.database.layout("t").await.unwrap().unwrap();
        assert_eq!((layout.schema.as_str(), layout.table.as_str()), ("opendental", "t"));
        assert_eq!(
            layout.columns.iter().map(|column| &*column.name).collect::<Vec<_>>(),
            ["b", "a", "c", "d", "e", "f"]
        );
        assert_eq!(layout.primary_key, [1, 0]);
        assert_eq!(layout.transactional, kind.engine().name() == "InnoDB", "{kind:?}");
        let column = |index: usize| &layout.columns[index];
        assert_eq!((column(0).octet_length, column(0).collation), (Some(10), Some(47)), "{kind:?}");
        assert!(column(1).column_type.ends_with("unsigned") && &*column(1).data_type == "bigint");
        assert_eq!((column(2).precision, column(2).scale), (Some(9), Some(2)));
        assert_eq!(column(3).fraction, Some(3));
        assert_eq!(&*column(4).column_type, "enum('x','y')");
        assert!(column(4).collation.is_some(), "{kind:?}: the server's default collation");
        assert_eq!(column(5).collation, None);
        assert_eq!(point, practice.database.barrier().await.unwrap().point);
        assert!(point > LogPoint::default());
        assert!(practice.database.layout("nothing").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn r5_no_ddl_comes_between_a_layout_and_its_point() {
    let practice = Practice::new(Kind::MariaDbInnoDb).await;
    practice.exec("CREATE TABLE t (a INT PRIMARY KEY)").await;
    let mut other = practice.server.connect().await.unwrap();
    let altering = tokio::spawn(async move {
        for number in 0..40 {
            other.query_drop(format!("ALTER TABLE t ADD c{number} INT")).await.unwrap();
        }
    });
    let mut layouts = Vec::new();
    while !altering.is_finished() {
        layouts.push(practice.database.layout("t").await.unwrap().unwrap());
    }
    altering.await.unwrap();
    let file = practice.server.query("SHOW MASTER STATUS").await.unwrap()[0][0].clone().unwrap();
    let events = practice.server.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).await.unwrap();
    let is_alter = |event: &&Vec<Option<String>>| event[5].as_deref().unwrap_or_default().contains("ALTER TABLE");
    let alters: Vec<u64> =
        events.iter().filter(is_alter).map(|event| event[1].as_deref().unwrap().parse().unwrap()).collect();
    assert_eq!(alters.len(), 40);
    for (layout, point) in layouts {
        let before = alters.iter().filter(|offset| **offset < point.offset).count();
        assert_eq!(layout.columns.len(), 1 + before);
    }
}
