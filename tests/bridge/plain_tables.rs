//! `opendental.tables`: any table of the practice as a watch table, whatever its columns and its key.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opendental_cdc::{
    bridge::BridgeError,
    opendental::schema::Engine,
    sandbox::{MariaDb, MySql, Options, Server, receiver::Behavior},
};
use serde_json::value::RawValue;

use crate::office::{Event, Office, subscription_row};

const ODD: &str = "CREATE TABLE odd (
    id BIGINT UNSIGNED PRIMARY KEY, flag TINYINT(1), small SMALLINT ZEROFILL, wide BIGINT, year YEAR,
    price DECIMAL(38,10), filled DECIMAL(8,2) ZEROFILL, float_one FLOAT, double_one DOUBLE, fixed DOUBLE(10,3),
    bits BIT(12), day DATE, at DATETIME, at_micros DATETIME(6), stamp TIMESTAMP NULL, span TIME(2),
    name VARCHAR(40) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4, mark CHAR(5) CHARACTER SET utf8,
    pick ENUM('a','é') CHARACTER SET utf8, picks SET('x','y','z'), document JSON,
    bytes VARBINARY(9), padded BINARY(4), big BLOB, place GEOMETRY,
    changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)";

const ODD_ROWS: &str = "(18446744073709551615, -1, 7, -9223372036854775808, 0, -12345678901234567890.5, 1.5, 0.1, 1e300,
    1.5, b'101000000001', '0000-00-00', '0001-01-01', '2026-11-01 01:30:00.000001', '2026-11-01 01:30:00',
    '-838:59:58.99', 'é€', 'a\\r\\n\\\"😀\\\\\\\\', 'Ä', 'é', 'x,z', '{\\\"a\\\": [1, 2.50]}', X'00FF', X'01', X'FF',
    ST_GeomFromText('POINT(1 2)'), '2026-11-01 01:30:00'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-02 00:00:00')";

const NUMBERS: [&str; 8] = ["id", "flag", "small", "wide", "year", "price", "filled", "bits"];
const FLOATS: [&str; 3] = ["float_one", "double_one", "fixed"];
const BYTES: [&str; 4] = ["bytes", "padded", "big", "place"];

/// A column's name, and its value as a SELECT shows it: bytes in base64, numbers without zeros in front.
type Oracle = Vec<(String, Option<String>)>;

async fn oracle(office: &Office, key: &str) -> Oracle {
    let names = "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='odd' \
                 ORDER BY ORDINAL_POSITION";
    let mut oracle = Vec::new();
    for name in office.column(names).await {
        let shown = match name.as_str() {
            "bits" => "bits+0".to_owned(),
            name if BYTES.contains(&name) => format!("REPLACE(TO_BASE64({name}), '\\n', '')"),
            name => format!("CAST({name} AS CHAR)"),
        };
        let value = office.value(&format!("SELECT {shown} FROM odd WHERE id={key}")).await;
        oracle.push((name, value));
    }
    oracle
}

/// The columns of a JSON object in their order, each as it stands there.
fn fields(object: &RawValue) -> Vec<(String, String)> {
    struct InOrder(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for InOrder {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = InOrder;
                fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    out.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                    let mut fields = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        fields.push((name, value.get().to_owned()));
                    }
                    Ok(InOrder(fields))
                }
            }
            deserializer.deserialize_map(Visit)
        }
    }
    serde_json::from_str::<InOrder>(object.get()).unwrap().0
}

fn assert_as_selected(object: &RawValue, oracle: &Oracle) {
    let fields = fields(object);
    assert_eq!(
        fields.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        oracle.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    for ((name, json), (_, selected)) in fields.iter().zip(oracle) {
        let Some(selected) = selected else {
            assert_eq!(json, "null", "{name}");
            continue;
        };
        match name.as_str() {
            name if NUMBERS.contains(&name) => {
                let (sign, digits) = selected.strip_prefix('-').map_or(("", selected.as_str()), |digits| ("-", digits));
                let digits = digits.trim_start_matches('0');
                let zero = if digits.is_empty() || digits.starts_with('.') { "0" } else { "" };
                assert_eq!(*json, format!("{sign}{zero}{digits}"), "{name}");
            }
            name if FLOATS.contains(&name) => {
                assert_eq!(json.parse::<f64>().unwrap(), selected.parse::<f64>().unwrap(), "{name}");
            }
            name => assert_eq!(serde_json::from_str::<String>(json).unwrap(), *selected, "{name}"),
        }
    }
}

fn objects(event: &Event) -> Vec<Box<RawValue>> {
    serde_json::from_slice(&event.received.body).unwrap()
}

async fn every_type(server: Server, engine: Engine) {
    let mut office = Office::on(Arc::new(server), engine).await;
    office.exec(&format!("{ODD} ENGINE={}", engine.name())).await;
    office.configure("[opendental]\ntables = [\"Odd\"]\n");
    office.subscribe(1, "ODD", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec(&format!("SET NAMES utf8mb4; INSERT INTO odd VALUES {ODD_ROWS}")).await;
    let logged = office.event().await;
    assert_eq!(logged.received.header("event-type"), "WatchTable: Odd", "as configured");
    let logged = objects(&logged);
    assert_as_selected(&logged[0], &oracle(&office, "18446744073709551615").await);
    assert_as_selected(&logged[1], &oracle(&office, "2").await);

    // A catch-up reads the rows by their keys.
    office.exec(&subscription_row(2, &office.receiver.url("/2/"), "odd", 1, "'2020-01-01'")).await;
    let selected = objects(&office.event().await);
    let texts = |objects: &[Box<RawValue>]| objects.iter().map(|object| object.get().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&selected), texts(&logged));
    bridge.stop().await;
}

fn options() -> Options {
    Options::default().zone("America/New_York").arg("--sql-mode=")
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_every_column_is_told_as_a_select_shows_it_on_mariadb() {
    every_type(MariaDb::start(options()).await.unwrap(), Engine::MyIsam).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_every_column_is_told_as_a_select_shows_it_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    every_type(MySql::start(options()).await.unwrap(), Engine::InnoDb).await;
}

/// Tables without a stamp, whose keys are anything but one number.
const KEYS: &str = "CREATE TABLE pair (name VARCHAR(40), day DATE, n INT UNSIGNED, note TEXT, PRIMARY KEY (name, n, day)); \
    CREATE TABLE word (id INT, word CHAR(20) CHARACTER SET latin1 PRIMARY KEY, note VARCHAR(20)); \
    CREATE TABLE token (id BINARY(4) PRIMARY KEY, note VARCHAR(20))";

async fn keyed(server: Option<Server>, engine: Engine) -> Office {
    let mut office = match server {
        Some(server) => Office::on(Arc::new(server), engine).await,
        None => Office::open().await,
    };
    for table in KEYS.split("; ") {
        office.exec(&format!("SET NAMES utf8mb4; {table} ENGINE={}", engine.name())).await;
    }
    office.configure("[opendental]\ntables = [\"pair\", \"word\", \"token\"]\n");
    office
}

/// Events until each of these notes has arrived for each subscription; notes by subscription in their order.
async fn notes(office: &mut Office, wanted: &[(i64, &str)]) -> BTreeMap<i64, Vec<String>> {
    let mut seen: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    while !wanted.iter().all(|(num, note)| seen.get(num).is_some_and(|notes| notes.iter().any(|seen| seen == note))) {
        let event = office.event().await;
        assert!(event.field("note").is_sorted(), "W4: keys are in the order of the notes");
        seen.entry(event.subscription()).or_default().extend(event.field("note"));
    }
    seen
}

async fn keys_of_all_kinds(server: Option<Server>, engine: Engine, image: &str) {
    let mut office = keyed(server, engine).await;
    office
        .exec(
            "INSERT INTO pair VALUES ('old', '2020-01-01', 1, 'before'); INSERT INTO word VALUES (1, 'old', 'before')",
        )
        .await;
    let watches = ["pair", "pairDeleted", "word", "wordDeleted", "token", "tokenDeleted"];
    office.subscribe(9, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(9).await;
    for (num, watch) in watches.iter().enumerate() {
        office.subscribe(num as i64 + 1, watch, 1).await;
    }
    office.ticking(6).await;
    office
        .exec(
            "SET NAMES utf8mb4; INSERT INTO pair VALUES ('it''s', '2020-01-02', 3, 'c'); \
             INSERT INTO pair VALUES ('it''s', '2020-01-01', 3, 'b'); INSERT INTO pair VALUES ('a', '0000-00-00', 9, 'a'); \
             INSERT INTO word VALUES (2, 'é€', 'b'); INSERT INTO word VALUES (3, 'a \\\\ b', 'a'); \
             INSERT INTO token VALUES (X'01', 'a'), (X'FF00FF00', 'b')",
        )
        .await;
    let wanted = [(1, "a"), (1, "b"), (1, "c"), (3, "a"), (3, "b"), (5, "b")];
    let seen = notes(&mut office, &wanted).await;
    // What was there before the subscriptions is not sent.
    let expected: [(i64, &[&str]); 3] = [(1, &["a", "b", "c"]), (3, &["a", "b"]), (5, &["a", "b"])];
    for (num, expected) in expected {
        let mut seen = seen[&num].clone();
        seen.sort();
        assert_eq!(seen, expected, "{}", watches[num as usize - 1]);
    }
    // A row of which a part is logged is read by its key.
    office
        .exec(
            "SET NAMES utf8mb4; UPDATE pair SET note='d' WHERE day='2020-01-02'; UPDATE word SET note='d' WHERE word='é€'; \
             UPDATE token SET note='d' WHERE id=X'FF00FF00'",
        )
        .await;
    notes(&mut office, &[(1, "d"), (3, "d"), (5, "d")]).await;
    // A changed key, and deletions.
    office
        .exec(
            "SET NAMES utf8mb4; UPDATE pair SET name='new', note='e' WHERE note='d'; DELETE FROM word WHERE word='é€'; \
             DELETE FROM token WHERE id=X'01000000'",
        )
        .await;
    let mut deleted = BTreeMap::new();
    let mut moved = false;
    while deleted.len() < 3 || !moved {
        let event = office.event().await;
        match event.subscription() {
            1 => moved |= event.field("name") == ["new"],
            num => drop(deleted.insert(num, event.elements)),
        }
    }
    let keys = [
        (2, serde_json::json!({"name": "it's", "n": 3, "day": "2020-01-02"})),
        (4, serde_json::json!({"word": "é€"})),
        (6, serde_json::json!({"id": STANDARD.encode([1, 0, 0, 0])})),
    ];
    for (num, key) in keys {
        let element = deleted[&num][0].as_object().unwrap();
        assert!(key.as_object().unwrap().iter().all(|(name, value)| element.get(name) == Some(value)), "{element:?}");
        let whole = image == "FULL";
        assert_eq!(element.contains_key("note"), whole, "{element:?}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_rows_with_keys_of_all_kinds_are_told_in_their_order() {
    keys_of_all_kinds(None, Engine::MyIsam, "FULL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_rows_with_keys_of_all_kinds_are_read_by_their_keys_on_mariadb() {
    let server = MariaDb::start(options().arg("--binlog-row-image=MINIMAL")).await.unwrap();
    keys_of_all_kinds(Some(server), Engine::InnoDb, "MINIMAL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_rows_with_keys_of_all_kinds_are_read_by_their_keys_on_mysql() {
    if !MySql::is_available() {
        eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
        return;
    }
    let server = MySql::start(options().arg("--binlog-row-image=MINIMAL")).await.unwrap();
    keys_of_all_kinds(Some(server), Engine::InnoDb, "MINIMAL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_table_without_a_stamp_is_caught_up_whole_across_a_kill() {
    let mut office = keyed(None, Engine::MyIsam).await;
    office.configure("[delivery]\nmax_elements = 2\n");
    office
        .exec(
            "INSERT INTO pair VALUES ('e','2020-01-01',1,'5'), ('d','2020-01-01',1,'4'), ('c','2020-01-01',1,'3'), \
               ('b','2020-01-01',2,'2'), ('b','2020-01-01',1,'1')",
        )
        .await;
    office.exec(&subscription_row(1, &office.receiver.url("/1/"), "pair", 1, "NOW() - INTERVAL 1 DAY")).await;
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    office.receiver.behave_by(move |event| {
        let mut seen = seen.lock().unwrap();
        seen.insert(event.header("webhook-id").to_owned());
        if seen.len() == 1 { Behavior::status(200) } else { Behavior::Hang }
    });
    let bridge = office.process();
    assert_eq!(office.event().await.field("note"), ["1", "2"]);
    let second = office.event().await;
    bridge.kill();
    assert!(std::fs::read_to_string(office.log()).unwrap().contains("no time stamp: all of it is sent"));
    office.exec("INSERT INTO pair VALUES ('a','2020-01-01',1,'6')").await;
    office.receiver.behave(Behavior::status(200));
    let bridge = office.process();
    let again = office.event().await;
    assert_eq!((again.id(), again.field("note")), (second.id(), vec!["3".into(), "4".into()]));
    assert_eq!(office.event().await.field("note"), ["5"]);
    assert_eq!(office.event().await.field("note"), ["6"]);
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_the_first_stamp_that_the_server_sets_with_every_write_orders_and_bounds() {
    let mut office = Office::open().await;
    office
        .exec(
            "CREATE TABLE task (id INT PRIMARY KEY, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP, \
             edited TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP, \
             changed TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)); \
             INSERT INTO task (id, made, changed) VALUES (1, '2026-03-02', '2026-03-01 10:00:00'), \
             (2, '2026-03-01', '2026-03-01 09:59:59.999'), (3, '2026-03-01', '2026-03-01 10:00:00.5'), \
             (4, '2026-03-01', '2026-03-01 10:00:00.25')",
        )
        .await;
    office.configure("[opendental]\ntables = [\"task\"]\n");
    office.exec(&subscription_row(1, &office.receiver.url("/1/"), "task", 1, "'2026-03-01 10:00:00'")).await;
    let bridge = office.bridge();
    assert_eq!(office.event().await.field("id"), ["1", "4", "3"]);
    office.ticking(1).await;
    let later = "(5, '2026-03-01 00:00:02'), (6, '2026-03-01 00:00:01')";
    office.exec(&format!("INSERT INTO task (id, changed) VALUES {later}")).await;
    assert_eq!(office.event().await.field("id"), ["6", "5"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cannot_be_watched_are_refused_at_the_start() {
    let mut office = Office::open().await;
    office.exec("CREATE TABLE keyless (id INT); CREATE TABLE timed (id TIMESTAMP PRIMARY KEY)").await;
    office.exec("CREATE TABLE historic (id INT PRIMARY KEY) WITH SYSTEM VERSIONING").await;
    office.configure("[opendental]\ntables = [\"keyless\", \"timed\", \"historic\", \"nothing\", \"definition\"]\n");
    let error = office.bridge().error().await;
    assert!(matches!(error, BridgeError::Config(_)), "{error}");
    let said = error.to_string();
    for problem in [
        "opendental.tables: \"keyless\" has no primary key",
        "\"timed\" has a column of the type timestamp in its primary key (id)",
        "\"historic\" is system-versioned",
        "\"nothing\" is not a table",
    ] {
        assert!(said.contains(problem), "{said}");
    }
    assert!(!said.contains("definition"), "{said}");
    let mut bridge = office.process();
    let code = office.until("the bridge ends", async || bridge.exit_code()).await;
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_key_that_changes_under_way_is_taken_over() {
    let mut office = keyed(None, Engine::MyIsam).await;
    office.subscribe(1, "word", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("ALTER TABLE word DROP PRIMARY KEY, ADD PRIMARY KEY (id); INSERT INTO word VALUES (7, 'w', 'n')").await;
    while !office.event().await.field("id").contains(&"7".to_owned()) {}
    office.exec("UPDATE word SET note='other' WHERE id=7").await;
    let mut event = office.event().await;
    while event.field("note") != ["other"] {
        event = office.event().await;
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operatories_of_a_schedule_can_be_left_out_of_its_changes() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO schedule (ScheduleNum, DateTStamp) VALUES (1, '2020-01-01'), (2, '2020-01-01')").await;
    office.configure("[opendental]\nschedule_operatories = false\ntables = [\"scheduleop\"]\n");
    office.subscribe(1, "Schedule", 1).await;
    office.subscribe(2, "ScheduleOp", 1).await;
    let bridge = office.bridge();
    office.ticking(2).await;
    office.exec("INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum, OperatoryNum) VALUES (10, 1, 5)").await;
    // A table that is looked up can be watched as well.
    let event = office.event().await;
    assert_eq!((event.subscription(), event.field("OperatoryNum")), (2, vec!["5".to_owned()]));
    office.exec("UPDATE schedule SET Note='n'").await;
    let event = office.event().await;
    assert_eq!(event.subscription(), 1);
    assert_eq!(event.field("operatories"), ["5", ""], "they are shown all the same");
    bridge.stop().await;
}
