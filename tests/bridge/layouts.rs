//! R5: columns that change, while the bridge reads, lags behind or is off: every row arrives, and no value under a wrong
//! name.

use std::{collections::BTreeMap, sync::Arc};

use mysql_async::{Row, prelude::Queryable};
use opendental_cdc::{
    opendental::schema::Engine,
    sandbox::{MySql, Options, receiver::Behavior},
};
use serde_json::Value;

use crate::office::{Event, Office};

/// Each value of a text column begins with the column's name.
const THING: &str = "CREATE TABLE thing (id BIGINT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20), n INT DEFAULT 0, \
                     stamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)";

/// A practice with a table whose layout changes, watched by subscription 1, and its deletions by 2.
async fn office(on: Where) -> Option<Office> {
    let mut office = match on {
        Where::MariaDb => Office::open_innodb().await,
        Where::MySql if MySql::is_available() => {
            let server = MySql::start(Options::default().zone("America/New_York").arg("--sql-mode=")).await.unwrap();
            Office::on(Arc::new(server), Engine::InnoDb).await
        }
        Where::MySql => {
            eprintln!("NOT TESTED: there is no MySQL here; scripts/fetch-servers gets it");
            return None;
        }
    };
    office.exec(THING).await;
    office.configure("[opendental]\ntables = [\"thing\"]\n");
    office.subscribe(1, "thing", 1).await;
    office.subscribe(2, "thingDeleted", 1).await;
    Some(office)
}

/// MariaDB 10.11 tells nothing of columns in its log but their types; MySQL 9.7 the signs and character sets.
#[derive(Clone, Copy)]
enum Where {
    MariaDb,
    MySql,
}

/// What a subscriber knows of the rows.
#[derive(Default)]
struct Told {
    rows: BTreeMap<String, Value>,
    deleted: BTreeMap<String, Value>,
}

impl Told {
    fn learn(&mut self, event: &Event) {
        for element in &event.elements {
            let fields = element.as_object().unwrap();
            for (name, value) in fields {
                let is_text = ["a", "b", "c", "d"].contains(&name.as_str());
                if let Some(text) = value.as_str().filter(|_| is_text) {
                    assert!(text.starts_with(name.as_str()), "R5: {text:?} stands under {name}: {element}");
                }
            }
            let id = element["id"].to_string();
            if event.subscription() == 1 {
                self.rows.insert(id, element.clone());
            } else {
                self.deleted.insert(id, element.clone());
            }
        }
    }

    /// Waits until the last that was told of every row is what is in the table.
    async fn until_all_is_told(&mut self, office: &mut Office) {
        let mut session = office.connect().await;
        loop {
            let rows: Vec<Row> = session.query("SELECT * FROM thing").await.unwrap();
            if rows.iter().all(|row| self.tells(row)) {
                return;
            }
            let event = office.event().await;
            self.learn(&event);
        }
    }

    /// Waits until the deletion of a row is told.
    async fn until_deleted(&mut self, office: &mut Office, id: &str) -> Value {
        while !self.deleted.contains_key(id) {
            let event = office.event().await;
            self.learn(&event);
        }
        self.deleted[id].clone()
    }

    /// Whether the row was told as it is, as far as its columns were there then.
    fn tells(&self, row: &Row) -> bool {
        let shown = |index: usize| match &row[index] {
            mysql_async::Value::Bytes(text) => Some(String::from_utf8(text.clone()).unwrap()),
            _ => None,
        };
        let Some(told) = self.rows.get(&shown(0).unwrap()) else { return false };
        row.columns_ref().iter().enumerate().all(|(index, column)| {
            let value = told.get(&*column.name_str());
            value.is_none_or(|value| match value {
                Value::Null => shown(index).is_none(),
                Value::String(text) => shown(index).as_ref() == Some(text),
                number => shown(index) == Some(number.to_string()),
            })
        })
    }
}

async fn altered_under_lag(on: Where, history: bool) {
    let Some(mut office) = office(on).await else { return };
    let mut told = Told::default();
    let bridge = office.bridge();
    office
        .exec("INSERT INTO thing (id, a, b) VALUES (1, 'a1', 'b1'), (100, 'a100', 'b100'), (101, 'a101', 'b101')")
        .await;
    told.until_all_is_told(&mut office).await;
    office.ticking(1).await;
    bridge.stop().await;
    if !history {
        office.forget_layouts().await;
    }
    // One change, which leaves the columns' types as they are.
    office
        .exec(
            "INSERT INTO thing (id, a, b) VALUES (2, 'a2', 'b2'); UPDATE thing SET a='a1x' WHERE id=1; \
             DELETE FROM thing WHERE id=100; ALTER TABLE thing MODIFY a VARCHAR(20) AFTER b; \
             INSERT INTO thing (id, a, b) VALUES (3, 'a3', 'b3'), (4, 'a4', 'b4')",
        )
        .await;
    let bridge = office.bridge();
    told.until_all_is_told(&mut office).await;
    if history {
        let deleted = told.until_deleted(&mut office, "100").await;
        assert_eq!(deleted["a"], "a100", "what was deleted under the old columns is told with their names");
    }
    bridge.stop().await;
    // And many.
    for step in [
        "INSERT INTO thing (id, a, b) VALUES (5, 'a5', 'b5')",
        "ALTER TABLE thing ADD COLUMN c VARCHAR(20) DEFAULT 'c' AFTER id",
        "INSERT INTO thing (id, a, b, c) VALUES (6, 'a6', 'b6', 'c6'); UPDATE thing SET b='b3x' WHERE id=3",
        "DELETE FROM thing WHERE id=101",
        "ALTER TABLE thing DROP COLUMN a",
        "INSERT INTO thing (id, b, c) VALUES (7, 'b7', 'c7')",
        "ALTER TABLE thing MODIFY n BIGINT",
        "INSERT INTO thing (id, b, c, n) VALUES (8, 'b8', 'c8', 7000000000)",
        "ALTER TABLE thing CHANGE c d VARCHAR(20) DEFAULT 'd'; UPDATE thing SET d=CONCAT('d', id)",
        "INSERT INTO thing (id, b, d) VALUES (9, 'b9', 'd9'); DELETE FROM thing WHERE id=4",
    ] {
        office.exec(step).await;
    }
    let bridge = office.bridge();
    told.until_all_is_told(&mut office).await;
    // Between two changes that it knows nothing of the bridge still knows the key.
    told.until_deleted(&mut office, "101").await;
    told.until_deleted(&mut office, "4").await;
    assert!(told.deleted.keys().all(|id| ["100", "101", "4"].contains(&id.as_str())));
    office.exec("INSERT INTO thing (id, b, d) VALUES (10, 'b10', 'd10')").await;
    told.until_all_is_told(&mut office).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_changed_while_the_bridge_was_off_on_mariadb() {
    altered_under_lag(Where::MariaDb, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_changed_while_the_bridge_was_off_on_mysql() {
    altered_under_lag(Where::MySql, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_changed_while_the_bridge_was_off_that_were_never_known() {
    altered_under_lag(Where::MariaDb, false).await;
}

async fn altered_while_reading(on: Where) {
    let Some(mut office) = office(on).await else { return };
    let mut told = Told::default();
    let bridge = office.bridge();
    office.ticking(1).await;
    for round in 0..3 {
        let ids = [1, 2, 3, 4, 5, 6].map(|id| round * 10 + id);
        let [one, two, three, four, five, six] = ids;
        // An upgrade: one statement straight after the other, and programs at work in between.
        office
            .exec(&format!(
                "INSERT INTO thing (id, a, b) VALUES ({one}, 'a1', 'b1');
                 ALTER TABLE thing MODIFY a VARCHAR(20) AFTER b;
                 INSERT INTO thing (id, a, b) VALUES ({two}, 'a2', 'b2');
                 ALTER TABLE thing ADD COLUMN c VARCHAR(20) AFTER id, ENGINE=MyISAM;
                 INSERT INTO thing (id, a, b, c) VALUES ({three}, 'a3', 'b3', 'c3'); UPDATE thing SET a='a1x' WHERE id={one};
                 ALTER TABLE thing MODIFY c VARCHAR(20) AFTER b;
                 INSERT INTO thing (id, a, b, c) VALUES ({four}, 'a4', 'b4', 'c4');
                 ALTER TABLE thing DROP COLUMN c, MODIFY a VARCHAR(20) AFTER id;
                 INSERT INTO thing (id, a, b) VALUES ({five}, 'a5', 'b5');
                 ALTER TABLE thing ENGINE=InnoDB;
                 INSERT INTO thing (id, a, b) VALUES ({six}, 'a6', 'b6')"
            ))
            .await;
        told.until_all_is_told(&mut office).await;
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_changed_again_and_again_while_reading_mariadb() {
    altered_while_reading(Where::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_changed_again_and_again_while_reading_mysql() {
    altered_while_reading(Where::MySql).await;
}

async fn replaced(on: Where) {
    let Some(mut office) = office(on).await else { return };
    let mut told = Told::default();
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("INSERT INTO thing (id, a, b) VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2')").await;
    told.until_all_is_told(&mut office).await;
    // A copy in another order, changed on its way, put in the table's place.
    office
        .exec(
            "CREATE TABLE thing_new LIKE thing; ALTER TABLE thing_new MODIFY a VARCHAR(20) AFTER b;
             INSERT INTO thing_new (id, a, b) SELECT id, CONCAT(a, 'x'), b FROM thing;
             RENAME TABLE thing TO thing_old, thing_new TO thing;
             INSERT INTO thing (id, a, b) VALUES (3, 'a3', 'b3')",
        )
        .await;
    told.until_all_is_told(&mut office).await;
    // The same by two statements, with windows in between.
    office.exec("ALTER TABLE thing RENAME TO thing_two; CREATE TABLE thing_three LIKE thing_two").await;
    office.ticking(1).await;
    office
        .exec(
            "INSERT INTO thing_three (id, a, b) SELECT id, CONCAT(a, 'y'), b FROM thing_two; \
             ALTER TABLE thing_three RENAME TO thing",
        )
        .await;
    told.until_all_is_told(&mut office).await;
    office.exec(&format!("DROP TABLE thing; {THING}; INSERT INTO thing (id, a, b) VALUES (1, 'a9', 'b9')")).await;
    told.until_all_is_told(&mut office).await;
    office.exec("TRUNCATE thing; INSERT INTO thing (id, a, b) VALUES (2, 'a8', 'b8')").await;
    told.until_all_is_told(&mut office).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_tables_put_in_place_of_others_on_mariadb() {
    replaced(Where::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_tables_put_in_place_of_others_on_mysql() {
    replaced(Where::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_what_was_not_sent_of_a_table_that_goes_and_comes_back_is_sent() {
    let mut office = office(Where::MariaDb).await.unwrap();
    office.configure("[delivery]\ncatch_up_overlap = \"0s\"\nretry_max_seconds = 1\n");
    office.exec("UPDATE apisubscription SET PollingSeconds=3 WHERE ApiSubscriptionNum=1").await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.receiver.behave(Behavior::status(500));
    office.exec("INSERT INTO thing (id, a, b) VALUES (1, 'a1', 'b1')").await;
    office.event().await;
    // Its window ends without it.
    let start = office.date_time_start(1).await;
    office.exec("RENAME TABLE thing TO away").await;
    office.date_time_start_after(1, &start).await;
    office.receiver.behave(Behavior::status(200));
    let mut told = Told::default();
    office.exec("RENAME TABLE away TO thing").await;
    told.until_all_is_told(&mut office).await;
    bridge.stop().await;
}
