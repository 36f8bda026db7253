//! Many rows read by their keys at once (rule R9): none that the log has is missed, and nobody is held up by locks on
//! rows that were read already.

use mysql_async::prelude::Queryable;
use opendental_cdc::{
    row::{KeyPart, RowKey},
    sandbox::{Options, Release, Server},
    source::Database,
};
use tokio_util::sync::CancellationToken;

use crate::practice::{Kind, Practice, furnish};

fn keys(numbers: std::ops::RangeInclusive<i64>) -> Vec<RowKey> {
    numbers.map(RowKey::Int).collect()
}

/// One row waits for a transaction; meanwhile others can be changed. `server` tells of waiting by `waiting`.
async fn nobody_else_waits(server: &Server, database: &Database, name: &str) {
    let rows = (1..=250).map(|id| format!("({id}, 'old')")).collect::<Vec<_>>().join(", ");
    server.exec("CREATE TABLE held (id BIGINT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB").await.unwrap();
    server.exec(&format!("INSERT INTO held VALUES {rows}")).await.unwrap();
    let mut holder = server.connect().await.unwrap();
    holder.query_drop("USE opendental; BEGIN; UPDATE held SET v = 'new' WHERE id = 150").await.unwrap();
    holder.query_drop("INSERT INTO held VALUES (251, 'new')").await.unwrap();
    let reader = database.clone();
    let reading =
        tokio::spawn(
            async move { reader.rows_by_keys("held", &["id"], &["id", "v"], &keys(1..=252), usize::MAX).await },
        );
    let waits = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";
    while server.query(waits).await.unwrap()[0][1].as_deref() != Some("1") {
        assert!(!reading.is_finished(), "{name}: it did not wait for the transaction");
        tokio::task::yield_now().await;
    }
    // Others are free: those that were read before, and those that will be.
    let free =
        "SET SESSION innodb_lock_wait_timeout = 1; UPDATE held SET v = 'free' WHERE id IN (1, 50, 149, 151, 250)";
    let mut other = server.connect().await.unwrap();
    other.query_drop(format!("USE opendental; {free}")).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    holder.query_drop("COMMIT").await.unwrap();
    let rows = reading.await.unwrap().unwrap();
    let value = |id: usize| rows[id - 1].as_ref().and_then(|row| row.text_at(1));
    assert_eq!((value(150), value(251), value(252)), (Some("new"), Some("new"), None), "{name}");
    for (index, row) in rows.iter().enumerate().take(251) {
        let id = (index + 1).to_string();
        assert_eq!(row.as_ref().and_then(|row| row.text_at(0)), Some(id.as_str()), "{name}: another row's place");
    }
}

#[tokio::test]
async fn r9_while_one_row_is_waited_for_others_are_free() {
    for kind in Kind::all().filter(|kind| kind.engine().name() == "InnoDB") {
        let practice = Practice::new(kind).await;
        nobody_else_waits(&practice.server, &practice.database, &format!("{kind:?}")).await;
    }
}

/// The oldest releases, which can do less.
#[tokio::test]
async fn r9_old_servers_are_read_with_as_little_waiting() {
    for release in [Release::MariaDb10_5, Release::MySql5_6].into_iter().filter(|release| release.is_available()) {
        let server = release.start(Options::default().arg("--sql-mode=")).await.unwrap();
        let database = furnish(Kind::MariaDbInnoDb, &server).await;
        nobody_else_waits(&server, &database, release.name()).await;
        server
            .exec("CREATE TABLE plain (a INT, b INT UNSIGNED, v INT, PRIMARY KEY (a, b)) ENGINE=MyISAM")
            .await
            .unwrap();
        let pairs: Vec<String> = (0..300).map(|number| format!("({}, {number}, {number})", -number)).collect();
        server.exec(&format!("INSERT INTO plain VALUES {}", pairs.join(", "))).await.unwrap();
        let key = |number: i64| RowKey::Columns([KeyPart::Int(-number), KeyPart::UInt(number as u64)].into());
        let wanted: Vec<RowKey> = (0..301).rev().map(key).collect();
        let before = statements(&server).await;
        let rows = database.rows_by_keys::<_, &str>("plain", &["a", "b"], &[], &wanted, usize::MAX).await.unwrap();
        let after = statements(&server).await;
        let values: Vec<Option<&str>> = rows.iter().map(|row| row.as_ref().and_then(|row| row.text("v"))).collect();
        let expected: Vec<Option<String>> =
            (0..301).rev().map(|number| (number < 300).then(|| number.to_string())).collect();
        assert_eq!(values, expected.iter().map(Option::as_deref).collect::<Vec<_>>(), "{}", release.name());
        assert!(after - before < 20, "{} took {} statements", release.name(), after - before);
    }
}

/// How many statements the server has been sent.
async fn statements(server: &Server) -> i64 {
    let count = server.query("SHOW GLOBAL STATUS LIKE 'Com_select'").await.unwrap()[0][1].clone();
    count.unwrap().parse().unwrap()
}

/// Keys that look alike, or are alike to their collation, are each given their own row; few statements read many.
#[tokio::test]
async fn r6_rows_with_keys_of_text_bytes_and_several_columns_are_read_together() {
    const WORDS: [&str; 16] =
        ["", "a", "A", "á", "a ", " a", "ä", "ss", "ß", "it's", "a\\", "\u{1F601}", "\u{1F602}", "日本", "NULL", "0"];
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let engine = kind.engine().name();
        for (index, collation) in ["utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci"].iter().enumerate() {
            let table = format!("words{index}");
            practice
                .exec(&format!(
                    "CREATE TABLE {table} (note VARCHAR(40), f FLOAT, day DATE, word VARCHAR(40) CHARACTER SET utf8mb4 \
                     COLLATE {collation}, id VARBINARY(8), PRIMARY KEY (word, day, id)) ENGINE={engine}"
                ))
                .await;
            let key = |word: &str, number: u8| {
                let parts = [KeyPart::Text(word.into()), KeyPart::Text("2020-02-29".into())];
                RowKey::Columns(parts.into_iter().chain([KeyPart::Bytes([number, 0].into())]).collect())
            };
            let (mut wanted, mut values) = (Vec::new(), Vec::new());
            for number in 0..20 {
                for word in WORDS {
                    wanted.push(key(word, number));
                    let word = format!("_utf8mb4 X'{}'", hex::encode(word));
                    values.push(format!("({word}, 'of {}', 0.1, '2020-02-29', X'{number:02x}00')", wanted.len()));
                }
            }
            wanted.push(key("nowhere", 1));
            for rows in values.chunks(100) {
                let rows = rows.join(", ");
                practice.exec(&format!("INSERT IGNORE INTO {table} (word, note, f, day, id) VALUES {rows}")).await;
            }
            let before = statements(&practice.server).await;
            let key_columns = ["word", "day", "id"];
            let together = practice.database.rows_by_keys::<_, &str>(&table, &key_columns, &[], &wanted, usize::MAX);
            let together = together.await.unwrap();
            let after = statements(&practice.server).await;
            let mut found = 0;
            for (key, row) in wanted.iter().zip(&together) {
                let alone = practice.database.row_by_key::<_, &str>(&table, &key_columns, &[], key).await.unwrap();
                assert!(alone == *row, "{kind:?}, {collation}: {key:?}");
                found += usize::from(row.is_some());
            }
            assert!(found >= 20 * 8, "{found} rows");
            assert!(together.last().unwrap().is_none());
            // Of two keys that are one to their collation, as with a blank behind, one is read by itself.
            if *collation == "utf8mb4_bin" {
                assert!(after - before < 40, "{kind:?} took {} statements", after - before);
            }
        }
    }
}

/// Each writer inserts 1, 2, 3, … into a table of its own, one row a transaction. Whatever was in the log before rows are
/// read by their keys is found.
#[tokio::test]
async fn r9_whatever_the_log_had_before_is_found() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        for table in TABLES {
            practice.exec(&format!("CREATE TABLE {table} (id BIGINT PRIMARY KEY AUTO_INCREMENT)")).await;
        }
        let delayed = kind.is_mysql() && kind.engine().name() == "InnoDB";
        if delayed {
            // Transactions wait between the log and their tables.
            practice.exec("SET GLOBAL binlog_group_commit_sync_delay = 300000").await;
        }
        let stop = CancellationToken::new();
        let mut writing = tokio::task::JoinSet::new();
        for table in TABLES {
            let (mut session, stop) = (practice.server.connect().await.unwrap(), stop.clone());
            writing.spawn(async move {
                while !stop.is_cancelled() {
                    session.query_drop(format!("INSERT INTO opendental.{table} VALUES (NULL)")).await.unwrap();
                }
            });
        }
        for _ in 0..if delayed { 1 } else { 5 } {
            for table in TABLES {
                // Right after something went into the log, and may be on its way to its table.
                let end = practice.database.barrier().await.unwrap().point;
                let mut point = end;
                while point == end {
                    point = practice.database.barrier().await.unwrap().point;
                }
                let last: i64 =
                    practice.value(&format!("SELECT COALESCE(MAX(id), 0) FROM {table}")).await.parse().unwrap();
                let first = (last - 20).max(1);
                let wanted = keys(first..=last + 20);
                let rows = practice.database.rows_by_keys(table, &["id"], &["id"], &wanted, usize::MAX).await.unwrap();
                let logged = logged_before(&practice, table, point.offset).await;
                let missed = (first..=logged).filter(|id| rows.get((id - first) as usize).is_some_and(Option::is_none));
                assert_eq!(missed.count(), 0, "{kind:?}: of {logged} rows in the log");
            }
        }
        stop.cancel();
        while let Some(ended) = writing.join_next().await {
            ended.unwrap();
        }
    }
}

const TABLES: [&str; 3] = ["written_one", "written_two", "written_three"];

/// How many rows of the table the log has before `end`.
async fn logged_before(practice: &Practice, table: &str, end: u64) -> i64 {
    let file = practice.server.query(practice.status()).await.unwrap()[0][0].clone().unwrap();
    let events = practice.server.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).await.unwrap();
    let of_table = |event: &&Vec<Option<String>>| {
        let offset: u64 = event[1].as_deref().unwrap().parse().unwrap();
        offset < end && event[2].as_deref() == Some("Table_map") && event[5].as_deref().unwrap().contains(table)
    };
    events.iter().filter(of_table).count() as i64
}

/// What it takes to read rows of a wide table by their keys, together and one by one.
#[tokio::test]
#[ignore = "measures: cargo test --release --test database many_rows -- --ignored --nocapture"]
async fn r9_reading_together_beside_one_by_one() {
    const ROWS: i64 = 5000;
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        for start in (0..ROWS).step_by(500) {
            let rows =
                (start + 1..=start + 500).map(|id| format!("({id}, 'Name {id}')")).collect::<Vec<_>>().join(", ");
            practice.exec(&format!("INSERT INTO patient (PatNum, LName) VALUES {rows}")).await;
        }
        let together = keys(1..=ROWS);
        // A key that stands there twice has all of them read one by one.
        let mut one_by_one = together.clone();
        one_by_one.insert(1, RowKey::Int(2));
        let mut took = Vec::new();
        for wanted in [&one_by_one, &together] {
            let (before, began) = (statements(&practice.server).await, std::time::Instant::now());
            let rows = practice.database.rows_by_keys::<_, &str>("patient", &["PatNum"], &[], wanted, usize::MAX).await;
            assert!(rows.unwrap().iter().all(Option::is_some));
            took.push((began.elapsed().as_secs_f64(), statements(&practice.server).await - before));
        }
        let [(slow, many), (fast, few)] = took[..] else { unreachable!() };
        println!(
            "{kind:?}: {ROWS} rows, {many} statements in {slow:.2} s; {few} in {fast:.2} s: {:.1} times as fast",
            slow / fast
        );
    }
}
