//! Settings of the server, each of them broken, named, and mended by what is printed.

use mysql_async::prelude::Queryable;
use opendental_cdc::sandbox::{Options, Release};

use crate::stage::{BOTH, Stage, available};

#[tokio::test]
async fn a_server_without_a_log_is_told_how_to_write_one() {
    for release in available(&[Release::MariaDb10_11, Release::MySql5_6, Release::MySql9_7]) {
        let mut stage = Stage::new(release, Options::default().arg("--skip-log-bin")).await;
        let broken = "wrong: off: the server writes no log that could be read | my.cnf: log_bin = mysql-bin \
                      | my.cnf: binlog_format = ROW | do: restart the server; where it must not be, set engine = \"polling\"";
        stage.mends("log_bin off", "binlog", broken, "ok: on").await;
        assert!(stage.report().await.can_run(), "{release}");
    }
}

/// Settings that a running server takes: mended at once, and for good.
pub(crate) async fn running(stage: &mut Stage) {
    let release = stage.release;
    for format in ["MIXED", "STATEMENT"] {
        stage.exec(&format!("SET GLOBAL binlog_format = '{format}'")).await;
        let broken = format!(
            "wrong: {format}: rows are missing from the log, and each window costs a search of its table \
             | SQL: SET GLOBAL binlog_format = 'ROW'; | my.cnf: binlog_format = ROW \
             | do: restart the programs that are connected: sessions keep the format they began with"
        );
        stage.says(&format!("binlog_format = {format}"), "binlog format", &broken).await;
        assert!(!stage.report().await.can_run(), "{release}");
        stage.exec("SET GLOBAL binlog_format = 'ROW'").await;
    }
    for image in ["MINIMAL", "NOBLOB"] {
        stage.exec(&format!("SET GLOBAL binlog_row_image = '{image}'")).await;
        let broken = format!(
            "warning: {image}: rows are read again from their tables, and of deleted ones little is told \
             | SQL: SET GLOBAL binlog_row_image = 'FULL'; | my.cnf: binlog_row_image = FULL"
        );
        let finding = stage.says(&format!("binlog_row_image = {image}"), "row image", &broken).await;
        stage.exec(finding.mends()[0].text()).await;
        assert_eq!(stage.found("row image").await[0].found(), "FULL", "{release}");
    }
    let days = matches!(release, Release::MariaDb10_5 | Release::MySql5_6);
    let (name, one, seven) = match days {
        true => ("expire_logs_days", "1", "7"),
        false => ("binlog_expire_logs_seconds", "86400", "604800"),
    };
    stage.exec(&format!("SET GLOBAL {name} = {one}; SET GLOBAL binlog_format = 'MIXED'")).await;
    let told = |days: &str, hours: u32| {
        format!(
            "{days}: if the bridge is off, or an endpoint down, for more than {hours} hours, it must catch up by SELECT"
        )
    };
    let short =
        format!("warning: {} | SQL: SET GLOBAL {name} = {seven}; | my.cnf: {name} = {seven}", told("1 day", 24));
    let mended = format!("ok: {}", told("7 days", 168));
    // The line in my.cnf is what counts from here on.
    let format = stage.found("binlog format").await.remove(0);
    stage.mends(&format!("{name} = {one}"), "retention", &short, &mended).await;
    stage.mend(&format).await;
    assert_eq!(stage.found("binlog format").await[0].found(), "ROW", "{release}");
    assert_eq!(stage.found("retention").await[0].found(), told("7 days", 168), "{release}");
}

#[tokio::test]
async fn a_practice_that_is_left_out_of_the_log_is_named() {
    for release in available(&BOTH) {
        let mut stage = Stage::new(release, Options::default().arg("--binlog-do-db=other")).await;
        let broken = "wrong: opendental is left out: binlog_do_db names others | my.cnf: binlog_do_db = opendental \
                      | do: restart the server";
        stage.mends("binlog_do_db = other", "databases in the log", broken, "ok: opendental is logged").await;
        let ignored = Stage::new(release, Options::default().arg("--binlog-ignore-db=opendental")).await;
        let broken = "wrong: opendental is left out: binlog_ignore_db names it \
                      | do: take the line binlog_ignore_db = opendental out of my.cnf | do: restart the server";
        ignored.says("binlog_ignore_db = opendental", "databases in the log", broken).await;
    }
}

/// Rule R4: statements in the log are found, and a new file has none.
pub(crate) async fn statements(stage: &mut Stage) {
    let mut session = stage.server.connect().await.unwrap();
    let write = "SET SESSION binlog_format = 'STATEMENT', timestamp = 1780000000; \
                 INSERT INTO appointment (AptNum) VALUES (1); INSERT INTO computer (CompName) VALUES ('x')";
    session.query_drop(write).await.unwrap();
    let files = stage.server.query("SHOW BINARY LOGS").await.unwrap();
    let (file, next) = (format!("mysql-bin.{:06}", files.len()), format!("mysql-bin.{:06}", files.len() + 1));
    let broken = "warning: instead of rows, in {file}, on appointment (last at 2026-05-28 20:26:40 UTC): a \
                  session writes MIXED or STATEMENT \
                  | do: restart the programs that were connected before binlog_format was ROW \
                  | SQL: FLUSH BINARY LOGS;";
    let broken = broken.replace("{file}", &file);
    let mended = format!("ok: none on a watched table in {next}");
    stage.mends("a session with binlog_format = STATEMENT", "logged statements", &broken, &mended).await;
}

#[tokio::test]
async fn sessions_from_before_are_seen_once_it_is_granted_and_ended_by_what_is_printed() {
    let Some(release) = available(&[Release::MySql9_7]).next() else { return };
    let mut stage = Stage::new(release, Options::default().arg("--performance-schema=ON")).await;
    let mut old = stage.server.connect().await.unwrap();
    old.query_drop("SET SESSION binlog_format = 'MIXED'").await.unwrap();
    let mut past = stage.server.connect().await.unwrap();
    past.query_drop("SET SESSION sql_log_bin = 0").await.unwrap();
    let unseen = "not seen: whether one still writes MIXED or STATEMENT, or past the log, is not shown to us \
                  | SQL: GRANT SELECT ON performance_schema.variables_by_thread TO 'cdc'@'127.0.0.1'; \
                  | SQL: GRANT SELECT ON performance_schema.threads TO 'cdc'@'127.0.0.1';";
    let finding = stage.says("the documented grants", "sessions", unseen).await;
    stage.mend(&finding).await;
    let mixed =
        format!("warning: 1 still write MIXED or STATEMENT, from before it was changed | SQL: KILL {};", old.id());
    let mixed = stage.says("a session with binlog_format = MIXED", "sessions", &mixed).await;
    let unlogged = format!("warning: 1 write past the log at this moment (sql_log_bin = 0) | SQL: KILL {};", past.id());
    let unlogged = stage.says("a session with sql_log_bin = 0", "sessions", &unlogged).await;
    stage.mend(&mixed).await;
    stage.mend(&unlogged).await;
    loop {
        // A killed session takes a moment to end.
        let found = stage.found("sessions").await;
        if found.len() == 1 && found[0].found() == "all write ROW" {
            break;
        }
    }
}

#[tokio::test]
async fn r10_what_sessions_keep_out_of_the_log_is_the_audits_to_find() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let unseen = "not seen: whether a session at times keeps its writes out of the log, as Open Dental's backups may, no \
                  server shows | config: source.audit = \"1d\"";
    let mended = "ok: rows that sessions keep out of the log are found by source.audit";
    stage.mends("source.audit off", "sql_log_bin", unseen, mended).await;
}

#[tokio::test]
async fn compressed_transactions_are_read_by_our_own_client_event_by_event() {
    let Some(release) = available(&[Release::MySql9_7]).next() else { return };
    let mut stage = Stage::new(release, Options::default().arg("--binlog-transaction-compression=ON")).await;
    stage.set("mysql.client", "\"mysql_async\"");
    let broken = "warning: of transactions: mysql_async unpacks each as a whole, whatever its size \
                  | config: mysql.client = \"direct\"";
    stage.mends("binlog_transaction_compression, mysql_async", "compression", broken, "ok: on, and read").await;
}
