//! What never reaches the log, though the tables have it.

use super::{Finding, Mend, Report, dialect};
use crate::{
    config::Config,
    source::{Database, DatabaseError, LogFilters, OddSessions, ServerFacts},
};

const FILTERS: &str = "databases in the log";
const CASCADES: &str = "foreign keys";
const SESSIONS: &str = "sessions";
const UNLOGGED: &str = "sql_log_bin";

/// `binlog_do_db` and `binlog_ignore_db`.
pub(super) async fn filters(database: &Database, facts: &ServerFacts) -> Finding {
    match database.log_filters().await {
        Ok(filters) => filtered(&filters, database.name(), facts),
        Err(error) => Finding::unanswered(FILTERS, &error),
    }
}

fn filtered(filters: &LogFilters, name: &str, facts: &ServerFacts) -> Finding {
    let has = |names: &[String]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if has(&filters.ignored) {
        return Finding::wrong(FILTERS, format!("{name} is left out: binlog_ignore_db names it"))
            .mend(Mend::Do(format!("take the line binlog_ignore_db = {name} out of {}", file(facts))))
            .mend(Mend::Do("restart the server".to_owned()));
    }
    if !filters.only.is_empty() && !has(&filters.only) {
        return Finding::wrong(FILTERS, format!("{name} is left out: binlog_do_db names others"))
            .mend(facts.setting(format!("binlog_do_db = {name}")))
            .mend(Mend::Do("restart the server".to_owned()));
    }
    Finding::ok(FILTERS, format!("{name} is logged"))
}

fn file(facts: &ServerFacts) -> &'static str {
    match facts.setting("") {
        Mend::Setting { file, .. } => file,
        _ => "my.cnf",
    }
}

/// Foreign keys by which the engine changes rows of watched tables behind the log's back.
pub(super) async fn cascades(database: &Database, facts: &ServerFacts, tables: &[String]) -> Finding {
    // Since MySQL 9.6 the server itself does what foreign keys ask for, and logs it, unless it is told not to.
    if facts.variable(&["innodb_native_foreign_keys"]) == Some("OFF") {
        return Finding::ok(CASCADES, "what they change is logged by this server");
    }
    let mut found = Vec::new();
    for table in tables {
        match database.cascading_keys(table).await {
            Ok(keys) => found.extend(keys.into_iter().map(|key| (table, key))),
            // Other looks tell of it.
            Err(DatabaseError::Missing { .. } | DatabaseError::AccessDenied { .. }) => {}
            Err(error) => return Finding::unanswered(CASCADES, &error),
        }
    }
    if found.is_empty() {
        return Finding::ok(CASCADES, "none changes rows of watched tables");
    }
    let keys: Vec<String> = found.iter().map(|(table, key)| format!("{key} of {table}")).collect();
    let said = format!("rows change without being logged when others do, by {}", keys.join(", "));
    found.iter().fold(Finding::warning(CASCADES, said), |finding, (table, key)| {
        let drop = format!("ALTER TABLE {} DROP FOREIGN KEY {};", dialect::name(table), dialect::name(key));
        finding.mend(Mend::Sql(drop))
    })
}

/// Sessions that write past the log, or statements into it.
pub(super) async fn sessions(config: &Config, database: &Database, facts: &ServerFacts, report: &mut Report) {
    let shown = !facts.mariadb && facts.version >= (5, 7, 0);
    let seen = if shown && facts.is_on(&["performance_schema"]) { database.odd_sessions().await } else { Ok(None) };
    match seen {
        Ok(Some(odd)) => report.extend(seen_sessions(&odd)),
        Ok(None) if shown => report.push(unseen_sessions(facts)),
        Ok(None) => {}
        Err(error) => report.push(Finding::unanswered(SESSIONS, &error)),
    }
    report.push(audited(config, facts));
}

fn seen_sessions(odd: &OddSessions) -> Vec<Finding> {
    let kill = |finding: Finding, sessions: &[u64]| {
        let kill: Vec<String> = sessions.iter().map(|session| format!("KILL {session};")).collect();
        finding.mend(Mend::Sql(kill.join(" ")))
    };
    let mut findings = Vec::new();
    if odd.statements.is_empty() {
        findings.push(Finding::ok(SESSIONS, "all write ROW"));
    } else {
        let found = format!("{} still write MIXED or STATEMENT, from before it was changed", odd.statements.len());
        findings.push(kill(Finding::warning(SESSIONS, found), &odd.statements));
    }
    if !odd.unlogged.is_empty() {
        let found = format!("{} write past the log at this moment (sql_log_bin = 0)", odd.unlogged.len());
        findings.push(kill(Finding::warning(SESSIONS, found), &odd.unlogged));
    }
    findings
}

fn unseen_sessions(facts: &ServerFacts) -> Finding {
    let found = "whether one still writes MIXED or STATEMENT, or past the log, is not shown to us";
    let finding = Finding::not_seen(SESSIONS, found);
    if !facts.is_on(&["performance_schema"]) {
        return finding.mend(facts.setting("performance_schema = ON")).mend(Mend::Do("restart the server".to_owned()));
    }
    finding
        .mend(facts.grant("SELECT", "performance_schema.variables_by_thread"))
        .mend(facts.grant("SELECT", "performance_schema.threads"))
}

/// Sessions leave no trace of having written past the log; Open Dental's backups can do so on MariaDB.
fn audited(config: &Config, facts: &ServerFacts) -> Finding {
    if config.source.audit.is_some() {
        return Finding::ok(UNLOGGED, "rows that sessions keep out of the log are found by source.audit");
    }
    let backups = if facts.mariadb { ", as Open Dental's backups may" } else { "" };
    let found = format!("whether a session at times keeps its writes out of the log{backups}, no server shows");
    Finding::not_seen(UNLOGGED, found).mend(Mend::Config("source.audit = \"1d\"".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn the_practice_is_left_out_by_either_filter() {
        let facts = ServerFacts::of(true, (10, 11, 0), &[]);
        let outcome = |only: &[&str], ignored: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            filtered(&LogFilters { only: names(only), ignored: names(ignored) }, "opendental", &facts).outcome()
        };
        assert_eq!(outcome(&[], &[]), Outcome::Ok);
        assert_eq!(outcome(&["other", "OpenDental"], &["mysql"]), Outcome::Ok);
        assert_eq!(outcome(&["other"], &[]), Outcome::Wrong);
        assert_eq!(outcome(&[], &["opendental"]), Outcome::Wrong);
    }
}
