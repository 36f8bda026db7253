//! What a statement in the log (a Query event) does to transactions and tables.
//!
//! Where rows are logged as rows, statements are DDL and the frame of transactions. A statement that writes rows by
//! itself (statement format) is told apart too, since its rows are not in the log (rule R4). Whoever calls this never
//! shows the text (rule D4).

use super::sql_token::{Token, Tokens};
use super::xa_id::XaKey;

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK of the whole transaction.
    Rollback,
    /// SAVEPOINT, with its name in lower case.
    Savepoint(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// XA START; `None`: its identifier cannot be read.
    XaStart(Option<XaKey>),
    /// XA COMMIT.
    XaCommit(Option<XaKey>),
    /// XA ROLLBACK.
    XaRollback(Option<XaKey>),
    /// DDL, by what it does to each table that it names.
    Tables(Vec<(TableName, Effect)>),
    /// DROP DATABASE of this name.
    DropSchema(String),
    /// Writes rows by itself, to this table alone. What triggers of that table write is not seen.
    Write(TableName),
    /// May write rows by itself, to any table.
    WriteAny,
    /// Nothing that concerns rows or columns.
    Other,
}

/// A table as a statement names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName {
    /// `None`: the statement's default schema.
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

/// What DDL does to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Its columns, key or engine may be others.
    Layout,
    /// It is empty.
    Cleared,
    /// It is gone, or empty and with other columns.
    Gone,
    /// Rows came or went without being logged: a table renamed into its place, a partition dropped.
    Replaced,
}

/// Statements that neither write rows of tables nor change their columns.
const HARMLESS: &[&str] = &[
    "BACKUP",
    "CACHE",
    "CHANGE",
    "CHECK",
    "CHECKSUM",
    "CLONE",
    "DESCRIBE",
    "EXPLAIN",
    "FLUSH",
    "GRANT",
    "HELP",
    "INSTALL",
    "KILL",
    "LOCK",
    "OPTIMIZE",
    "PURGE",
    "RELEASE",
    "REPAIR",
    "RESET",
    "RESTART",
    "REVOKE",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "STOP",
    "UNINSTALL",
    "UNLOCK",
    "USE",
];

/// What CREATE, ALTER and DROP may name; the first of these words says what they are about.
const OBJECTS: &[&str] = &[
    "TABLE",
    "TABLES",
    "INDEX",
    "DATABASE",
    "SCHEMA",
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "USER",
    "ROLE",
    "SERVER",
    "SEQUENCE",
    "PACKAGE",
    "TABLESPACE",
    "LOGFILE",
    "INSTANCE",
    "RESOURCE",
    "SPATIAL REFERENCE",
    "PREPARE",
    "UNDO",
    "LIBRARY",
];

impl Statement {
    /// Reads a statement.
    pub(crate) fn read(statement: &[u8]) -> Self {
        match statement {
            // What the servers write themselves, once for each transaction.
            b"BEGIN" => Self::Begin,
            b"COMMIT" => Self::Commit,
            _ => read(Tokens::new(statement)),
        }
    }
}

fn read(mut tokens: Tokens<'_>) -> Statement {
    let word = loop {
        match tokens.next() {
            None => return Statement::Other,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(b"SET") && tokens.accept("STATEMENT") => {
                // MariaDB's settings for one statement, which stands behind them.
                if !tokens.any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"FOR"))) {
                    return Statement::WriteAny;
                }
            }
            Some(Token::Word(word)) => break word.to_ascii_uppercase(),
            Some(_) => return Statement::WriteAny,
        }
    };
    match word.as_slice() {
        b"BEGIN" if tokens.accept("NOT") => Statement::WriteAny,
        b"BEGIN" => Statement::Begin,
        b"START" if tokens.accept("TRANSACTION") => Statement::Begin,
        b"START" => Statement::Other,
        b"COMMIT" => Statement::Commit,
        b"ROLLBACK" => rollback(tokens),
        b"SAVEPOINT" => name(&mut tokens).map_or(Statement::WriteAny, |name| Statement::Savepoint(lower(name))),
        b"XA" => xa(tokens),
        b"CREATE" => create(tokens),
        b"ALTER" => alter(tokens),
        b"DROP" => drop_object(tokens),
        b"TRUNCATE" => {
            tokens.accept("TABLE");
            one_table(tokens, Effect::Cleared)
        }
        b"RENAME" => rename(tokens),
        b"INSERT" | b"REPLACE" => {
            tokens.accept_all(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]);
            tokens.accept("INTO");
            written(tokens)
        }
        b"UPDATE" => update(tokens),
        b"DELETE" => delete(tokens),
        b"LOAD" => load(tokens),
        // MariaDB's ANALYZE before any other statement runs that statement.
        b"ANALYZE" => match ["TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"].iter().any(|next| tokens.accept(next)) {
            true => Statement::Other,
            false => Statement::WriteAny,
        },
        word if HARMLESS.iter().any(|harmless| harmless.as_bytes() == word) => Statement::Other,
        _ => Statement::WriteAny,
    }
}

fn rollback(mut tokens: Tokens<'_>) -> Statement {
    tokens.accept("WORK");
    if !tokens.accept("TO") {
        return Statement::Rollback;
    }
    tokens.accept("SAVEPOINT");
    name(&mut tokens).map_or(Statement::WriteAny, |name| Statement::RollbackTo(lower(name)))
}

fn xa(mut tokens: Tokens<'_>) -> Statement {
    let Some(Token::Word(verb)) = tokens.next() else { return Statement::WriteAny };
    match verb.to_ascii_uppercase().as_slice() {
        b"START" | b"BEGIN" => Statement::XaStart(XaKey::read(tokens)),
        b"COMMIT" => Statement::XaCommit(XaKey::read(tokens)),
        b"ROLLBACK" => Statement::XaRollback(XaKey::read(tokens)),
        // The XA PREPARE event behind them says what counts.
        b"END" | b"PREPARE" | b"RECOVER" => Statement::Other,
        _ => Statement::WriteAny,
    }
}

/// Takes tokens up to the word that says what the statement is about.
fn object<'a>(tokens: &mut Tokens<'a>) -> Option<Vec<u8>> {
    tokens.find_map(|token| match token {
        Token::Word(word) => {
            let word = word.to_ascii_uppercase();
            OBJECTS.iter().any(|object| object.as_bytes() == word).then_some(word)
        }
        _ => None,
    })
}

fn create(mut tokens: Tokens<'_>) -> Statement {
    let replace = tokens.accept("OR");
    tokens.accept("REPLACE");
    if tokens.accept("TEMPORARY") {
        return Statement::Other;
    }
    match object(&mut tokens).as_deref() {
        Some(b"TABLE") => {}
        Some(b"INDEX") => return on_table(tokens),
        _ => return Statement::Other,
    }
    if_exists(&mut tokens);
    let Some(table) = table(&mut tokens) else { return Statement::WriteAny };
    // Logged as rows, the rows of CREATE … SELECT follow, and the statement is logged without its SELECT.
    let selects = tokens.any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"SELECT")));
    let effect = match (selects, replace) {
        (true, _) => Effect::Replaced,
        (false, true) => Effect::Gone,
        (false, false) => Effect::Layout,
    };
    Statement::Tables(vec![(table, effect)])
}

fn alter(mut tokens: Tokens<'_>) -> Statement {
    match object(&mut tokens).as_deref() {
        Some(b"TABLE") => {}
        _ => return Statement::Other,
    }
    if_exists(&mut tokens);
    let Some(altered) = table(&mut tokens) else { return Statement::WriteAny };
    let mut effect = Effect::Layout;
    let mut others = Vec::new();
    let mut depth = 0_usize;
    while let Some(token) = tokens.next() {
        let word = match token {
            Token::Sign(b'(') => {
                depth += 1;
                continue;
            }
            Token::Sign(b')') => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Token::Word(word) if depth == 0 => word.to_ascii_uppercase(),
            _ => continue,
        };
        match word.as_slice() {
            b"RENAME" => {
                let mut ahead = tokens;
                if ["COLUMN", "INDEX", "KEY"].iter().any(|part| ahead.accept(part)) {
                    continue;
                }
                tokens.accept_all(&["TO", "AS"]);
                tokens.accept_sign(b'=');
                let Some(name) = table(&mut tokens) else { return Statement::WriteAny };
                effect = Effect::Gone;
                others.push((name, Effect::Replaced));
            }
            b"DROP" | b"TRUNCATE" | b"IMPORT" | b"DISCARD" | b"CONVERT" if partition_ahead(tokens) => {
                effect = Effect::Replaced;
            }
            b"EXCHANGE" => {
                effect = Effect::Replaced;
                while let Some(token) = tokens.next() {
                    if matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"TABLE")) {
                        others.extend(table(&mut tokens).map(|name| (name, Effect::Replaced)));
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    others.insert(0, (altered, effect));
    Statement::Tables(others)
}

/// Whether rows come or go with what is altered: partitions, table spaces, tables made partitions.
fn partition_ahead(mut tokens: Tokens<'_>) -> bool {
    ["PARTITION", "TABLESPACE", "TABLE"].iter().any(|part| tokens.accept(part))
}

fn drop_object(mut tokens: Tokens<'_>) -> Statement {
    if tokens.accept("TEMPORARY") {
        return Statement::Other;
    }
    match object(&mut tokens).as_deref() {
        Some(b"TABLE" | b"TABLES") => {}
        Some(b"INDEX") => return on_table(tokens),
        Some(b"DATABASE" | b"SCHEMA") => {
            if_exists(&mut tokens);
            return name(&mut tokens).map_or(Statement::WriteAny, Statement::DropSchema);
        }
        _ => return Statement::Other,
    }
    if_exists(&mut tokens);
    let mut tables = Vec::new();
    loop {
        let Some(table) = table(&mut tokens) else { return Statement::WriteAny };
        tables.push((table, Effect::Gone));
        if !tokens.accept_sign(b',') {
            return Statement::Tables(tables);
        }
    }
}

fn rename(mut tokens: Tokens<'_>) -> Statement {
    if tokens.accept("USER") {
        return Statement::Other;
    }
    if !tokens.accept("TABLE") && !tokens.accept("TABLES") {
        return Statement::WriteAny;
    }
    if_exists(&mut tokens);
    let mut tables = Vec::new();
    loop {
        let Some(old) = table(&mut tokens) else { return Statement::WriteAny };
        // MariaDB: WAIT n, NOWAIT.
        for token in tokens.by_ref() {
            if matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"TO")) {
                break;
            }
        }
        let Some(new) = table(&mut tokens) else { return Statement::WriteAny };
        tables.push((old, Effect::Gone));
        tables.push((new, Effect::Replaced));
        if !tokens.accept_sign(b',') {
            return Statement::Tables(tables);
        }
    }
}

fn update(mut tokens: Tokens<'_>) -> Statement {
    tokens.accept_all(&["LOW_PRIORITY", "IGNORE"]);
    let Some(target) = table(&mut tokens) else { return Statement::WriteAny };
    if !tokens.accept("SET") {
        tokens.accept("AS");
        if name(&mut tokens).is_none() || !tokens.accept("SET") {
            return Statement::WriteAny;
        }
    }
    Statement::Write(target)
}

fn delete(mut tokens: Tokens<'_>) -> Statement {
    tokens.accept_all(&["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"]);
    if !tokens.accept("FROM") {
        return Statement::WriteAny;
    }
    let Some(target) = table(&mut tokens) else { return Statement::WriteAny };
    let alone = match tokens.next() {
        None => true,
        Some(Token::Word(word)) => {
            [&b"WHERE"[..], b"ORDER", b"LIMIT", b"RETURNING"].iter().any(|next| word.eq_ignore_ascii_case(next))
        }
        Some(token) => token == Token::Sign(b';'),
    };
    if alone { Statement::Write(target) } else { Statement::WriteAny }
}

fn load(mut tokens: Tokens<'_>) -> Statement {
    while let Some(token) = tokens.next() {
        if matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"INTO")) && tokens.accept("TABLE") {
            return written(tokens);
        }
    }
    Statement::WriteAny
}

fn written(mut tokens: Tokens<'_>) -> Statement {
    table(&mut tokens).map_or(Statement::WriteAny, Statement::Write)
}

fn one_table(mut tokens: Tokens<'_>, effect: Effect) -> Statement {
    table(&mut tokens).map_or(Statement::WriteAny, |table| Statement::Tables(vec![(table, effect)]))
}

/// `CREATE INDEX … ON table`, `DROP INDEX … ON table`: the key may be another.
fn on_table(mut tokens: Tokens<'_>) -> Statement {
    while let Some(token) = tokens.next() {
        if matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(b"ON")) {
            return one_table(tokens, Effect::Layout);
        }
    }
    Statement::WriteAny
}

fn if_exists(tokens: &mut Tokens<'_>) {
    if tokens.accept("IF") {
        tokens.accept("NOT");
        tokens.accept("EXISTS");
    }
}

fn name(tokens: &mut Tokens<'_>) -> Option<String> {
    let mut ahead = *tokens;
    let name = match ahead.next()? {
        Token::Word(word) => text(word),
        Token::Name(quoted) => text(quoted).replace("``", "`"),
        Token::DoubleQuoted(quoted) => text(quoted).replace("\"\"", "\""),
        Token::Text(_) | Token::Sign(_) => return None,
    };
    *tokens = ahead;
    Some(name)
}

fn table(tokens: &mut Tokens<'_>) -> Option<TableName> {
    let first = name(tokens)?;
    if !tokens.accept_sign(b'.') {
        return Some(TableName { schema: None, table: first });
    }
    Some(TableName { schema: Some(first), table: name(tokens)? })
}

/// Names that are not UTF-8 match no table of ours, whose names are.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lower(name: String) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> TableName {
        match name.split_once('.') {
            Some((schema, table)) => TableName { schema: Some(schema.to_owned()), table: table.to_owned() },
            None => TableName { schema: None, table: name.to_owned() },
        }
    }

    fn read(statement: &str) -> Statement {
        Statement::read(statement.as_bytes())
    }

    #[test]
    fn r1_the_frame_of_transactions_is_known() {
        use Statement::*;
        for (statement, expected) in [
            ("BEGIN", Begin),
            ("/* app */ begin work", Begin),
            ("START TRANSACTION WITH CONSISTENT SNAPSHOT", Begin),
            ("COMMIT", Commit),
            ("Commit AND CHAIN", Commit),
            ("ROLLBACK", Rollback),
            ("rollback work", Rollback),
            ("SAVEPOINT `A``b`", Savepoint("a`b".to_owned())),
            ("ROLLBACK TO `S`", RollbackTo("s".to_owned())),
            ("ROLLBACK WORK TO SAVEPOINT s", RollbackTo("s".to_owned())),
            ("RELEASE SAVEPOINT s", Other),
            ("XA START X'6162',X'',1", XaStart(Some(XaKey::new(1, b"ab", b"")))),
            ("XA COMMIT X'6162',X'63',7", XaCommit(Some(XaKey::new(7, b"ab", b"c")))),
            ("XA COMMIT 'it''s' ONE PHASE", XaCommit(Some(XaKey::new(1, b"it's", b"")))),
            ("xa rollback 0x6162", XaRollback(Some(XaKey::new(1, b"ab", b"")))),
            ("XA COMMIT nonsense", XaCommit(None)),
            ("XA END X'6162',X'',1", Other),
        ] {
            assert_eq!(read(statement), expected, "{statement}");
        }
    }

    #[test]
    fn settings_before_a_statement_do_not_hide_it_however_many_there_are() {
        let settings = "SET STATEMENT max_statement_time=1 FOR ".repeat(100_000);
        assert_eq!(read(&format!("{settings} DELETE FROM t")), Statement::Write(table("t")));
        assert_eq!(read(&settings), Statement::Other);
        assert_eq!(read("SET STATEMENT max_statement_time=1"), Statement::WriteAny);
    }

    #[test]
    fn r5_ddl_names_its_tables_and_what_it_does_to_them() {
        use Effect::*;
        for (statement, expected) in [
            ("ALTER TABLE `db`.`t` ADD c INT", vec![("db.t", Layout)]),
            ("alter ignore table t DROP COLUMN c, drop key k", vec![("t", Layout)]),
            ("ALTER ONLINE TABLE IF EXISTS t RENAME COLUMN a TO b, RENAME INDEX i TO j", vec![("t", Layout)]),
            ("ALTER TABLE t ADD c INT COMMENT 'RENAME TO x; DROP PARTITION'", vec![("t", Layout)]),
            ("ALTER TABLE t RENAME TO u", vec![("t", Gone), ("u", Replaced)]),
            ("ALTER TABLE t ADD c INT, RENAME db.u", vec![("t", Gone), ("db.u", Replaced)]),
            ("ALTER TABLE t DROP PARTITION p", vec![("t", Replaced)]),
            ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", vec![("t", Replaced), ("u", Replaced)]),
            ("ALTER TABLE t IMPORT TABLESPACE", vec![("t", Replaced)]),
            ("CREATE TABLE IF NOT EXISTS t (a INT)", vec![("t", Layout)]),
            ("CREATE OR REPLACE TABLE t (a INT)", vec![("t", Gone)]),
            ("CREATE TABLE t (a INT) SELECT 1 AS a", vec![("t", Replaced)]),
            ("CREATE UNIQUE INDEX i ON t (a)", vec![("t", Layout)]),
            ("DROP INDEX `PRIMARY` ON t", vec![("t", Layout)]),
            ("DROP TABLE IF EXISTS `a`, db.b /* generated by server */", vec![("a", Gone), ("db.b", Gone)]),
            ("/*!50003 DROP*/ TABLE /*M!100100 IF EXISTS*/ t -- all\n# of it", vec![("t", Gone)]),
            ("TRUNCATE t", vec![("t", Cleared)]),
            ("TRUNCATE TABLE \"t\"", vec![("t", Cleared)]),
            ("RENAME TABLE a TO b, db.c TO d", vec![("a", Gone), ("b", Replaced), ("db.c", Gone), ("d", Replaced)]),
            ("RENAME TABLE a NOWAIT TO b", vec![("a", Gone), ("b", Replaced)]),
            ("SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE t FORCE", vec![("t", Layout)]),
        ] {
            let expected = expected.into_iter().map(|(name, effect)| (table(name), effect)).collect();
            assert_eq!(read(statement), Statement::Tables(expected), "{statement}");
        }
        assert_eq!(read("DROP DATABASE IF EXISTS `od`"), Statement::DropSchema("od".to_owned()));
    }

    #[test]
    fn r4_statements_that_write_rows_are_never_taken_for_harmless() {
        for (statement, target) in [
            ("INSERT INTO t VALUES (1)", "t"),
            ("insert low_priority ignore `db`.`t` (a) SELECT 1", "db.t"),
            ("REPLACE DELAYED INTO t SET a = 1", "t"),
            ("UPDATE t SET a = 1", "t"),
            ("UPDATE LOW_PRIORITY t AS x SET a = 1", "t"),
            ("DELETE FROM t", "t"),
            ("DELETE QUICK FROM `db`.t WHERE a IN (SELECT 1)", "db.t"),
            ("LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE t", "t"),
            ("SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (1)", "t"),
        ] {
            assert_eq!(read(statement), Statement::Write(table(target)), "{statement}");
        }
        for statement in [
            "UPDATE t, u SET t.a = u.a",
            "UPDATE t JOIN u ON t.a = u.a SET t.b = 1",
            "DELETE t FROM t JOIN u",
            "DELETE FROM t USING t, u",
            "WITH c AS (SELECT 1) UPDATE t SET a = 1",
            "SELECT `db`.`f`()",
            "CALL p()",
            "DO f()",
            "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END",
            "EXECUTE IMMEDIATE 'x'",
            "ANALYZE FORMAT=JSON UPDATE t SET a = 1",
            "MERGE INTO t",
            "(SELECT 1)",
            "IMPORT TABLE FROM 'x.sdi'",
        ] {
            assert_eq!(read(statement), Statement::WriteAny, "{statement}");
        }
    }

    #[test]
    fn what_concerns_no_rows_is_passed_over() {
        for statement in [
            "",
            "# Dummy event replacing event type 160 that slave cannot handle.",
            "GRANT SELECT ON t TO u",
            "FLUSH TABLES",
            "OPTIMIZE TABLE t",
            "ANALYZE TABLE t",
            "SET PASSWORD FOR u = 'x'",
            "CREATE DEFINER=`table`@`%` TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO u VALUES (1)",
            "CREATE ALGORITHM=MERGE VIEW v AS SELECT * FROM t",
            "CREATE USER u",
            "CREATE TEMPORARY TABLE t (a INT)",
            "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`",
            "DROP VIEW t",
            "ALTER DATABASE d CHARACTER SET utf8mb4",
            "RENAME USER a TO b",
            "START SLAVE",
        ] {
            assert_eq!(read(statement), Statement::Other, "{statement}");
        }
    }
}
