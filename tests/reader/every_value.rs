//! R3: every type and edge value is the text that a SELECT shows, out of the log and read by key, on each server, whatever
//! its table maps tell.

use opendental_cdc::{
    binlog::Image,
    row::{Field, Row},
    sandbox::{Options, Release, Server},
    source::{Change, ImageRow, TimeZone},
};

use crate::{
    following::{Following, changes},
    json,
    types::{Shown, Type, floats, many, old_temporals, types},
};

/// A table with a column for each of some types; its rows go through their values.
struct Table {
    name: &'static str,
    types: Vec<Type>,
    /// Whether sqlx can read it: it knows no VECTOR of MySQL.
    by_key: bool,
}

impl Table {
    fn new(name: &'static str, types: impl Into<Vec<Type>>) -> Self {
        Self { name, types: types.into(), by_key: true }
    }

    fn column(index: usize) -> String {
        format!("c{index}")
    }

    fn create(&self, engine: &str) -> String {
        let column = |(index, kind): (usize, &Type)| format!(", {} {}", Self::column(index), kind.sql);
        let columns: String = self.types.iter().enumerate().map(column).collect();
        format!("CREATE TABLE {} (id INT PRIMARY KEY{columns}) ENGINE={engine};", self.name)
    }

    /// As many rows as the type with the most values needs, and one of NULLs.
    fn fill(&self) -> String {
        let rows = self.types.iter().map(|kind| kind.values.len()).max().unwrap();
        let columns: String = (0..self.types.len()).map(|index| format!(", {}", Self::column(index))).collect();
        let mut statements = String::new();
        for id in 0..=rows {
            let value = |kind: &Type| match kind.values[id % kind.values.len()].as_str() {
                "DEFAULT" => ", DEFAULT".to_owned(),
                _ if id == rows => ", NULL".to_owned(),
                value => format!(", {value}"),
            };
            let values: String = self.types.iter().map(value).collect();
            statements += &format!("INSERT INTO {} (id{columns}) VALUES ({id}{values});", self.name);
        }
        statements
    }

    fn select(&self, database: &str) -> String {
        let shown = |(index, kind): (usize, &Type)| format!(", {}", kind.selected(&Self::column(index)));
        let columns: String = self.types.iter().enumerate().map(shown).collect();
        format!("SELECT id{columns} FROM {database}.{} ORDER BY id", self.name)
    }
}

fn tables(release: Release) -> Vec<Table> {
    let mut tables = vec![Table::new("v", types(release)), Table::new("f", floats()), Table::new("m", many())];
    if release.is_mariadb() {
        tables.push(Table::new("o", old_temporals()));
    }
    if release == Release::MySql9_7 {
        tables.push(Table::new("j", [Type::json(json::json())]));
        tables.push(Table { by_key: false, ..Table::new("w", Type::vectors()) });
    }
    tables
}

async fn prove(release: Release, server: &Server, metadata: &str, engine: &str) {
    let database = format!("values_{metadata}");
    let tables = tables(release);
    let mut before = format!("CREATE DATABASE {database}; USE {database}; SET sql_mode = ''; SET NAMES utf8mb4;");
    if metadata != "none" {
        before += &format!("SET GLOBAL binlog_row_metadata = {metadata};");
    }
    for table in &tables {
        let create = table.create(engine);
        before += &match table.name {
            "o" => {
                format!("SET GLOBAL mysql56_temporal_format = OFF; {create} SET GLOBAL mysql56_temporal_format = ON;")
            }
            _ => create,
        };
    }
    server.exec(&before).await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
    let mut following = Following::now(server, &database, &names).await;
    let mut rows = format!("USE {database}; SET sql_mode = ''; SET NAMES utf8mb4;");
    if release.is_mariadb() && metadata == "MINIMAL" {
        // The other of two forms of compressed values.
        rows += "SET column_compression_zlib_wrap = ON;";
    }
    rows.extend(tables.iter().map(Table::fill));
    server.exec(&rows).await.unwrap();
    let all = changes(following.transactions().await);
    let zone = following.database.time_zone().await.unwrap();
    for table in &tables {
        let what = format!("{release}, metadata {metadata}, {engine}, table {}", table.name);
        let selected = server.query(&table.select(&database)).await.unwrap();
        let changes: Vec<&Change> = all.iter().filter(|change| change.layout.table == table.name).collect();
        assert_eq!(changes.len(), selected.len(), "{what}");
        for (change, row) in changes.iter().zip(selected) {
            prove_row(change, table, &row, &zone, &what);
        }
        if table.by_key {
            prove_keys(&following, &changes, &zone, &what).await;
        }
    }
    following.end().await;
}

/// The values out of the log are those of a SELECT.
fn prove_row(change: &Change, table: &Table, selected: &[Option<String>], zone: &TimeZone, what: &str) {
    let columns = &change.layout.columns;
    let image = change.image.as_ref().unwrap();
    let mut seen = 0;
    for value in Image::whole(image, columns).values(columns) {
        let (index, value) = value.unwrap();
        let column = columns.get(index).unwrap();
        let sql = if index == 0 { "id" } else { &table.types[index - 1].sql };
        let hex = index > 0 && table.types[index - 1].shown == Shown::Hex;
        let ours = match value.bytes(column).unwrap() {
            _ if value == opendental_cdc::binlog::Value::Null => None,
            Some(bytes) if hex => Some(hex::encode_upper(bytes)),
            _ => Some(value.text(column, zone).unwrap_or_else(|error| panic!("{what}: {sql}: {error}")).into_owned()),
        };
        assert_eq!(ours, selected[index], "{what}: {sql} of row {:?}", selected[0]);
        seen += 1;
    }
    assert_eq!(seen, selected.len(), "{what}");
}

/// The rows read by key have the same values as their images.
async fn prove_keys(following: &Following, changes: &[&Change], zone: &TimeZone, what: &str) {
    let layout = &changes[0].layout;
    let keys: Vec<_> = changes.iter().map(|change| change.key.clone()).collect();
    let rows = following.database.rows_by_keys(&layout.table, &["id"], &layout.names, &keys, usize::MAX).await.unwrap();
    for (change, row) in changes.iter().zip(rows) {
        let row = row.unwrap();
        let image = ImageRow::new(change.image.as_ref().unwrap(), &change.layout, zone).unwrap();
        assert_eq!(image.columns(), row.columns());
        for (index, name) in image.columns().iter().enumerate() {
            let (ours, read) = (image.field_at(index), row.field_at(index));
            let same = match (&ours, &read) {
                (Field::Int(number), Field::Text(text)) => number.to_string() == **text,
                (Field::UInt(number), Field::Text(text)) => number.to_string() == **text,
                (Field::Double(number), Field::Text(text)) => text.parse() == Ok(*number),
                _ => ours == read,
            };
            assert!(same, "{what}: {name} of {:?}: {ours:?} in the log, {read:?} by key", change.key);
        }
    }
}

async fn prove_release(release: Release) {
    if !release.is_available() {
        println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let options = Options::default().zone("America/New_York").arg("--max-allowed-packet=64M");
    let server = release.start(options).await.unwrap();
    let modes: &[_] = match release {
        Release::MySql5_6 => &[("none", "InnoDB")],
        Release::MySql9_7 => &[("FULL", "InnoDB"), ("MINIMAL", "MyISAM")],
        _ => &[("FULL", "InnoDB"), ("MINIMAL", "MyISAM"), ("NO_LOG", "InnoDB")],
    };
    for (metadata, engine) in modes {
        prove(release, &server, metadata, engine).await;
    }
}

#[tokio::test]
async fn r3_mariadb_10_5_every_value_is_what_a_select_shows() {
    prove_release(Release::MariaDb10_5).await;
}

#[tokio::test]
async fn r3_mariadb_10_11_every_value_is_what_a_select_shows() {
    prove_release(Release::MariaDb10_11).await;
}

#[tokio::test]
async fn r3_mariadb_11_8_every_value_is_what_a_select_shows() {
    prove_release(Release::MariaDb11_8).await;
}

#[tokio::test]
async fn r3_mysql_5_6_every_value_is_what_a_select_shows() {
    prove_release(Release::MySql5_6).await;
}

#[tokio::test]
async fn r3_mysql_9_7_every_value_is_what_a_select_shows() {
    prove_release(Release::MySql9_7).await;
}
