//! The watch tables of a configuration: those of the API, and the tables that `opendental.tables` names.

use crate::{
    config::{ConfigError, Problem},
    opendental::{PlainTable, WatchTables},
    source::{Database, DatabaseError, TableFacts},
};

/// Why the watch tables cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TablesError {
    /// `opendental.tables` names what cannot be watched.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server cannot be asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Looks whether the names of `tables` can be watch tables' names, before anything is asked of the server.
///
/// # Errors
/// [`TablesError::Config`], which names each that cannot.
pub(crate) fn look_at_names(tables: &[String]) -> Result<(), TablesError> {
    let mut known = WatchTables::api();
    let mut problems = Vec::new();
    for name in tables {
        let table = PlainTable::named(name);
        if let Err(taken) = known.add(table) {
            problems.push(problem(name, &taken.to_string()));
        }
    }
    refused(problems)
}

/// The watch tables of the API, and `tables` as the server has them.
///
/// # Errors
/// [`TablesError::Config`] if a table is not there or has no primary key by which its rows can be known.
pub(crate) async fn find(database: &Database, tables: &[String]) -> Result<WatchTables, TablesError> {
    let mut known = WatchTables::api();
    let mut problems = Vec::new();
    for name in tables {
        let facts = database.table_facts(name).await?;
        match usable(facts.as_ref()) {
            Ok(facts) => {
                let table = PlainTable {
                    table: facts.name.clone(),
                    key: facts.key.iter().map(|column| column.name.clone()).collect(),
                    stamp: facts.stamp().map(str::to_owned),
                    hidden: facts.invisible.clone(),
                    ..PlainTable::named(name)
                };
                if let Err(taken) = known.add(table) {
                    problems.push(problem(name, &taken.to_string()));
                }
            }
            Err(why) => problems.push(problem(name, &why)),
        }
    }
    refused(problems)?;
    Ok(known)
}

/// Why a table cannot be watched.
fn usable(facts: Option<&TableFacts>) -> Result<&TableFacts, String> {
    let facts = facts.ok_or("is not a table of the practice's database")?;
    if facts.versioned {
        return Err("is system-versioned, and the log tells its history as if it were rows of today".to_owned());
    }
    if facts.key.is_empty() {
        return Err("has no primary key, so its rows cannot be told apart".to_owned());
    }
    if let Some(column) = facts.key.iter().find(|column| facts.invisible.contains(&column.name)) {
        return Err(format!("has an invisible column in its primary key: {}", column.name));
    }
    match facts.key.iter().find(|column| !column.is_exact()) {
        Some(column) => Err(format!(
            "has a column of the type {} in its primary key ({}), by which rows cannot be found with certainty",
            column.data_type, column.name
        )),
        None => Ok(facts),
    }
}

fn problem(name: &str, why: &str) -> Problem {
    Problem { key: "opendental.tables".to_owned(), value: None, rule: format!("{name:?} {why}"), origin: None }
}

fn refused(problems: Vec<Problem>) -> Result<(), TablesError> {
    if problems.is_empty() { Ok(()) } else { Err(ConfigError::Refused(problems).into()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_of_the_apis_watch_tables_are_refused_together() {
        let names = ["procedurelog", "patient", "ToothInitial", "apisubscription"].map(str::to_owned);
        let error = look_at_names(&names).unwrap_err().to_string();
        for named in ["opendental.tables: \"patient\"", "\"ToothInitial\"", "\"apisubscription\""] {
            assert!(error.contains(named), "{error}");
        }
        assert!(!error.contains("procedurelog"), "{error}");
        let one_behind_the_other = ["a", "ADeleted"].map(str::to_owned);
        assert!(look_at_names(&one_behind_the_other).is_err());
        assert!(look_at_names(&["histappointment".to_owned()]).is_ok());
    }
}
