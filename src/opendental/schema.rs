//! The tables of Open Dental that we touch, for the demo and for tests on private servers.

/// `schema.sql`: the tables as release 24.3 has them, as MyISAM tables.
const SCHEMA: &str = include_str!("schema.sql");

/// The storage engine that the practice's tables use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Open Dental's own choice.
    #[default]
    MyIsam,
    /// What large offices convert to.
    InnoDb,
}

impl Engine {
    /// The engine's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::MyIsam => "MyISAM",
            Self::InnoDb => "InnoDB",
        }
    }
}

/// The CREATE TABLE statements, without semicolons, for an empty database.
///
/// The session needs `sql_mode=''`, as Open Dental's servers have it: some defaults are zero dates.
pub fn statements(engine: Engine) -> impl Iterator<Item = String> {
    let engine = format!("ENGINE={}", engine.name());
    // Comments are lines of their own, and every statement ends its line.
    SCHEMA.split(";\n").filter_map(move |statement| {
        let lines: Vec<&str> = statement.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("\n").replace("ENGINE=MyISAM", &engine))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Engine, statements};
    use crate::opendental::{LookupTable, Subscription, WatchTables};

    /// The names of the columns that a CREATE TABLE statement lists.
    fn columns(statement: &str) -> Vec<Box<str>> {
        let column = |line: &str| line.strip_prefix("  `")?.split_once('`').map(|(name, _)| name.into());
        statement.lines().filter_map(column).collect()
    }

    fn statement(table: &str) -> String {
        statements(Engine::MyIsam).find(|sql| sql.starts_with(&format!("CREATE TABLE `{table}` ("))).unwrap()
    }

    #[test]
    fn every_table_is_one_statement_of_the_engine_asked_for() {
        for engine in [Engine::MyIsam, Engine::InnoDb] {
            let all: Vec<String> = statements(engine).collect();
            assert_eq!(all.len(), 18);
            for sql in all {
                assert!(sql.starts_with("CREATE TABLE `"), "{sql}");
                assert!(sql.ends_with(&format!(") ENGINE={} DEFAULT CHARSET=utf8", engine.name())), "{sql}");
            }
        }
    }

    #[test]
    fn the_schema_has_every_column_that_is_read() {
        for (_, watch) in WatchTables::api().iter() {
            let columns = columns(&statement(watch.table()));
            for needed in watch.key_columns().iter().map(AsRef::as_ref).chain(watch.stamp_column()) {
                assert!(columns.iter().any(|column| **column == *needed), "{watch}: {needed}");
            }
            assert_eq!(watch.bind(&columns).left_out(), [""; 0], "{watch}");
        }
        for lookup in LookupTable::ALL {
            let columns = columns(&statement(lookup.table()));
            for needed in lookup.columns() {
                assert!(columns.iter().any(|column| **column == **needed), "{}.{needed}", lookup.table());
            }
        }
        let columns = columns(&statement(Subscription::TABLE));
        assert_eq!(columns.iter().map(|column| &**column).collect::<Vec<_>>(), Subscription::COLUMNS);
    }
}
