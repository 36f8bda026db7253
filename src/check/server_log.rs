//! The server's log: whether it writes one, and what it puts there.

use super::{Finding, Mend, Report};
use crate::{
    config::{BinlogClient, Config},
    source::ServerFacts,
};

/// Looks at the log's settings; `false` if there is no log.
pub(super) fn look(config: &Config, facts: &ServerFacts, report: &mut Report) -> bool {
    if !facts.is_on(&["log_bin"]) {
        report.push(off(facts));
        return false;
    }
    report.push(Finding::ok("binlog", "on"));
    report.push(format(facts));
    report.push(row_image(facts));
    report.extend(row_metadata(facts));
    report.extend(compression(config, facts));
    true
}

fn off(facts: &ServerFacts) -> Finding {
    let finding = Finding::wrong("binlog", "off: the server writes no log that could be read");
    let finding = match facts.variable(&["server_id"]) {
        Some("0") | None => finding.mend(facts.setting("server_id = 1")),
        Some(_) => finding,
    };
    finding
        .mend(facts.setting("log_bin = mysql-bin"))
        .mend(facts.setting("binlog_format = ROW"))
        .mend(Mend::Do("restart the server; where it must not be, set engine = \"polling\"".to_owned()))
}

fn format(facts: &ServerFacts) -> Finding {
    const LOOK: &str = "binlog format";
    match facts.variable(&["binlog_format"]) {
        None => Finding::ok(LOOK, "ROW, the only one that this server has"),
        Some("ROW") => Finding::ok(LOOK, "ROW"),
        Some(other) => {
            let found = format!("{other}: rows are missing from the log, and each window costs a search of its table");
            Finding::wrong(LOOK, found)
                .mend(facts.set("binlog_format", "'ROW'"))
                .mend(facts.setting("binlog_format = ROW"))
                .mend(Mend::Do(
                    "restart the programs that are connected: sessions keep the format they began with".to_owned(),
                ))
        }
    }
}

fn row_image(facts: &ServerFacts) -> Finding {
    const LOOK: &str = "row image";
    match facts.variable(&["binlog_row_image"]) {
        // Before there was a choice, rows were logged whole.
        None => Finding::ok(LOOK, "FULL, the only one that this server has"),
        Some(whole @ ("FULL" | "FULL_NODUP")) => Finding::ok(LOOK, whole),
        Some(other) => {
            let found = format!("{other}: rows are read again from their tables, and of deleted ones little is told");
            Finding::warning(LOOK, found)
                .mend(facts.set("binlog_row_image", "'FULL'"))
                .mend(facts.setting("binlog_row_image = FULL"))
        }
    }
}

fn row_metadata(facts: &ServerFacts) -> Option<Finding> {
    let found = match facts.variable(&["binlog_row_metadata"])? {
        "FULL" => "FULL: the log names the columns".to_owned(),
        other => format!(
            "{other}: columns are named by what the tables are now. FULL would name them in the log, so that rows from \
             before an ALTER TABLE need no search"
        ),
    };
    Some(Finding::ok("row metadata", found))
}

fn compression(config: &Config, facts: &ServerFacts) -> Option<Finding> {
    const LOOK: &str = "compression";
    if facts.is_on(&["binlog_transaction_compression"]) && config.mysql.client == BinlogClient::MysqlAsync {
        let found = "of transactions: mysql_async unpacks each as a whole, whatever its size";
        return Some(Finding::warning(LOOK, found).mend(Mend::Config("mysql.client = \"direct\"".to_owned())));
    }
    let on = facts.is_on(&["binlog_transaction_compression", "log_bin_compress"]);
    facts.variable(&["binlog_transaction_compression", "log_bin_compress"])?;
    Some(Finding::ok(LOOK, if on { "on, and read" } else { "off" }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn a_compressed_log_is_warned_of_only_where_the_client_unpacks_it_whole() {
        let config = |client: &str| {
            Config::from_toml(&format!("[mysql]\nurl = \"mysql://u:p@h/d\"\nclient = \"{client}\"")).unwrap()
        };
        let facts = ServerFacts::of(false, (8, 0, 20), &[("binlog_transaction_compression", "ON")]);
        assert_eq!(compression(&config("direct"), &facts).unwrap().outcome(), Outcome::Ok);
        assert_eq!(compression(&config("mysql_async"), &facts).unwrap().outcome(), Outcome::Warning);
        let none = ServerFacts::of(false, (5, 6, 24), &[]);
        assert!(compression(&config("mysql_async"), &none).is_none());
    }

    #[test]
    fn windows_has_its_file_under_another_name() {
        let on = |system| ServerFacts::of(false, (5, 6, 24), &[("version_compile_os", system), ("server_id", "0")]);
        assert_eq!(off(&on("Win64")).mends()[0], Mend::Setting { file: "my.ini", line: "server_id = 1".to_owned() });
        assert_eq!(off(&on("Linux")).mends()[0], Mend::Setting { file: "my.cnf", line: "server_id = 1".to_owned() });
    }
}
