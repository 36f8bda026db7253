//! The account's rights, one by one.

use super::{Finding, Report, dialect};
use crate::{
    opendental::{LookupTable, Subscription},
    source::{Database, DatabaseError, Right, ServerFacts},
};

/// The column that is always written.
const WRITTEN: &str = "DateTimeStart";

/// Whether the log's position can be asked for.
pub(super) async fn position(database: &Database, facts: &ServerFacts, report: &mut Report) -> bool {
    let right = facts.position_right();
    let (finding, granted) = match database.has_right(Right::Position).await {
        Ok(Some(false)) => {
            let found = "not granted: the log's position cannot be asked for";
            (Finding::wrong(look(right), found).mend(facts.grant(right, "*.*")), false)
        }
        Ok(_) => (Finding::ok(look(right), "granted"), true),
        Err(error) => (Finding::unanswered(look(right), &error), false),
    };
    report.push(finding);
    granted
}

/// Whether rows can be read and DateTimeStart be written.
pub(super) async fn tables(database: &Database, facts: &ServerFacts, tables: &[String], report: &mut Report) {
    report.push(select(database, facts, tables).await);
    report.push(update(database, facts).await);
    report.push(edit(database, facts).await);
}

async fn select(database: &Database, facts: &ServerFacts, tables: &[String]) -> Finding {
    let look = look("SELECT");
    let others = LookupTable::ALL.map(|lookup| lookup.table().to_owned());
    let mut all: Vec<String> = tables.iter().chain(&others).cloned().collect();
    all.push(Subscription::TABLE.to_owned());
    let (mut denied, mut granted) = (Vec::new(), 0);
    for table in &all {
        match database.has_right(Right::Select(table)).await {
            Ok(Some(false)) => denied.push(table.as_str()),
            Ok(_) => granted += 1,
            // The looks at tables tell of it.
            Err(DatabaseError::Missing { .. }) => {}
            Err(error) => return Finding::unanswered(look, &error),
        }
    }
    if denied.is_empty() {
        return Finding::ok(look, format!("granted on all {granted} tables that are read"));
    }
    let on = format!("{}.*", dialect::name(database.name()));
    let finding = Finding::wrong(look, format!("not granted on {}", denied.join(", ")));
    // MySQL 8.0.1 to 8.0.21 ask for a right more where rows are read with a share lock.
    let locks = !facts.mariadb && (8, 0, 1) <= facts.version && facts.version < (8, 0, 22);
    finding.mend(facts.grant(if locks { "SELECT, LOCK TABLES" } else { "SELECT" }, &on))
}

async fn update(database: &Database, facts: &ServerFacts) -> Finding {
    let look = look("UPDATE");
    match database.has_right(Right::Update(Subscription::TABLE, WRITTEN)).await {
        Ok(Some(true)) => Finding::ok(look, format!("granted on {}", Subscription::TABLE)),
        Ok(Some(false)) => Finding::wrong(look, format!("not granted on {}", Subscription::TABLE))
            .mend(facts.grant("UPDATE", &subscriptions(database))),
        Ok(None) => Finding::not_seen(look, "the server is too old to be asked"),
        Err(error) => Finding::unanswered(look, &error),
    }
}

/// What only those need who make subscriptions through us.
async fn edit(database: &Database, facts: &ServerFacts) -> Finding {
    let look = look("INSERT, DELETE");
    let table = Subscription::TABLE;
    for right in [Right::Insert(table), Right::Delete(table)] {
        match database.has_right(right).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let grant = facts.grant("INSERT, DELETE", &subscriptions(database));
                let found =
                    "not granted, and not needed unless subscriptions are made and removed through this program";
                return Finding::ok(look, format!("{found}: {}", grant.text()));
            }
            Ok(None) => return Finding::not_seen(look, "the server is too old to be asked"),
            Err(error) => return Finding::unanswered(look, &error),
        }
    }
    Finding::ok(look, format!("granted on {table}"))
}

fn subscriptions(database: &Database) -> String {
    format!("{}.{}", dialect::name(database.name()), dialect::name(Subscription::TABLE))
}

/// The name of the look at a right.
pub(super) fn look(right: &str) -> String {
    format!("right {right}")
}
