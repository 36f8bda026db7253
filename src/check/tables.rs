//! The practice's tables: there, with the key and the time stamp that Open Dental gives them.

use super::{Finding, Mend, Report, dialect};
use crate::{
    config::{Config, ConfigError},
    configured_tables::{self, TablesError},
    opendental::{LookupTable, Subscription, WatchTable, WatchTables},
    source::{Database, DatabaseError, TableFacts},
};

/// Engines whose rows change without the server's log, or without being this table's.
const STRANGE: [&str; 5] = ["MRG_MYISAM", "FEDERATED", "BLACKHOLE", "CONNECT", "SPIDER"];

/// Looks at the tables of the API, those of the configuration, and those that the bridge itself needs; returns the watch
/// tables that there are.
pub(super) async fn look(config: &Config, database: &Database, report: &mut Report) -> WatchTables {
    let watches = watch_tables(config, database, report).await;
    let mut seen: Vec<&str> = Vec::new();
    for (_, watch) in watches.iter() {
        if !seen.contains(&watch.table()) {
            seen.push(watch.table());
            report.push(watched(database, watch).await);
        }
    }
    report.push(lookups(database).await);
    report.push(subscriptions(database).await);
    watches
}

/// The API's, and of `opendental.tables` those that can be watched.
async fn watch_tables(config: &Config, database: &Database, report: &mut Report) -> WatchTables {
    let (mut usable, mut refused) = (Vec::new(), Vec::new());
    for name in &config.opendental.tables {
        match configured_tables::find(database, std::slice::from_ref(name)).await {
            Ok(_) => usable.push(name.clone()),
            Err(TablesError::Database(error)) => report.push(Finding::unanswered(look_at(name), &error)),
            Err(TablesError::Config(error)) => refused.push((name, error)),
        }
    }
    for (name, error) in refused {
        let left: Vec<String> = usable.iter().map(|name| format!("{name:?}")).collect();
        let without = Mend::Config(format!("opendental.tables = [{}]", left.join(", ")));
        report.push(Finding::wrong(look_at(name), why(&error)).mend(without));
    }
    configured_tables::find(database, &usable).await.unwrap_or_else(|_| WatchTables::api())
}

/// Why a table cannot be watched.
fn why(error: &ConfigError) -> String {
    match error {
        ConfigError::Refused(problems) => {
            problems.iter().map(|problem| problem.rule.as_str()).collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    }
}

fn look_at(table: &str) -> String {
    format!("table {table}")
}

async fn watched(database: &Database, watch: &WatchTable) -> Finding {
    let table = watch.table();
    match database.table_facts(table).await {
        Ok(Some(facts)) => judged(watch, &facts),
        Ok(None) => Finding::warning(look_at(table), format!("not there: subscriptions to {watch} get nothing"))
            .mend(Mend::Do("update Open Dental, or let mysql.url name its database".to_owned())),
        Err(error) => Finding::unanswered(look_at(table), &error),
    }
}

fn judged(watch: &WatchTable, facts: &TableFacts) -> Finding {
    let (look, table) = (look_at(watch.table()), dialect::name(&facts.name));
    let key: Vec<&str> = watch.key_columns().iter().map(AsRef::as_ref).collect();
    let found: Vec<&str> = facts.key.iter().map(|column| column.name.as_str()).collect();
    let alter = |change: String| Mend::Sql(format!("ALTER TABLE {table} {change};"));
    let Some(engine) = facts.engine.as_deref() else {
        return Finding::warning(look, "it is a view, which no log tells of")
            .mend(Mend::Do("let mysql.url name the database in which it is a table".to_owned()));
    };
    if !equal(&key, &found) {
        let columns = key.iter().map(|column| dialect::name(column)).collect::<Vec<_>>().join(", ");
        let drop = if found.is_empty() { "" } else { "DROP PRIMARY KEY, " };
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        return Finding::wrong(look, format!("its primary key is {found}; {} was expected", key.join(", ")))
            .mend(alter(format!("{drop}ADD PRIMARY KEY ({columns})")));
    }
    if facts.versioned {
        return Finding::warning(look, "it is system-versioned: the log tells its history as if it were rows of today")
            .mend(alter("DROP SYSTEM VERSIONING".to_owned()));
    }
    if STRANGE.contains(&engine.to_ascii_uppercase().as_str()) {
        return Finding::warning(
            look,
            format!("its engine is {engine}: rows may change without the log of this server"),
        )
        .mend(alter("ENGINE = MyISAM".to_owned()));
    }
    let key = key.join(", ");
    let Some(stamp) = watch.stamp_column() else {
        return Finding::ok(look, format!("{engine}, key {key}, no time stamp: a catch-up sends all of its rows"));
    };
    let has = |columns: &[String]| columns.iter().any(|column| column.eq_ignore_ascii_case(stamp));
    if has(&facts.stamps) {
        return Finding::ok(look, format!("{engine}, key {key}, time stamp {stamp}"));
    }
    let declared =
        format!("{} timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP", dialect::name(stamp));
    match has(&facts.columns) {
        true => Finding::warning(look, format!("{stamp} is not set with each write: a catch-up would miss rows"))
            .mend(alter(format!("MODIFY {declared}"))),
        false => Finding::warning(look, format!("it has no time stamp {stamp}: no catch-up can be made"))
            .mend(Mend::Do("update Open Dental, which adds the column".to_owned())),
    }
}

fn equal(left: &[&str], right: &[&str]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.eq_ignore_ascii_case(right))
}

/// The tables whose names stand in events. The bridge does not start without them.
async fn lookups(database: &Database) -> Finding {
    let names = LookupTable::ALL.map(LookupTable::table);
    let columns = LookupTable::ALL.map(LookupTable::columns);
    whole(database, "lookup tables", names.into_iter().zip(columns)).await
}

/// The one table that is written.
async fn subscriptions(database: &Database) -> Finding {
    whole(database, look_at(Subscription::TABLE), [(Subscription::TABLE, &Subscription::COLUMNS[..])]).await
}

/// Whether the tables are there, with all these columns.
async fn whole<'a>(
    database: &Database,
    look: impl Into<String>,
    tables: impl IntoIterator<Item = (&'a str, &'a [&'a str])>,
) -> Finding {
    let (look, mut missing) = (look.into(), Vec::new());
    let mut count = 0;
    for (table, columns) in tables {
        let facts = match database.table_facts(table).await {
            Ok(facts) => facts,
            Err(error) => return Finding::unanswered(look, &error),
        };
        let Some(facts) = facts else {
            missing.push(table.to_owned());
            continue;
        };
        let has = |column: &str| facts.columns.iter().any(|known| known.eq_ignore_ascii_case(column));
        missing.extend(columns.iter().filter(|column| !has(column)).map(|column| format!("{table}.{column}")));
        count += facts.columns.len();
    }
    if missing.is_empty() {
        return Finding::ok(look, format!("there, with all that is read of their {count} columns"));
    }
    Finding::wrong(look, format!("not there: {}", missing.join(", ")))
        .mend(Mend::Do("update Open Dental, or let mysql.url name its database".to_owned()))
}

/// The tables that are read for `watches`, but for lookups, without those that are not there.
pub(super) async fn names(database: &Database, watches: &WatchTables) -> Result<Vec<String>, DatabaseError> {
    let mut names = Vec::new();
    for table in watches.tables() {
        if database.table_facts(&table).await?.is_some() {
            names.push(table);
        }
    }
    Ok(names)
}
