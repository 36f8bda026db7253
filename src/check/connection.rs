//! Whether the server can be reached and lets us in, and whether others on the network can read along.

use super::{Finding, Mend, Report, dialect};
use crate::{
    config::{Config, MysqlConfig, MysqlEndpoint},
    source::{Database, DatabaseError, Greeting, ServerFacts},
};

const LOOK: &str = "connection";

/// Connects and logs in; `None` if that fails.
pub(super) async fn look(config: &Config, report: &mut Report) -> Option<(Database, ServerFacts)> {
    let connected = async {
        let database = Database::connect_without_log(&config.mysql).await?;
        let facts = database.server_facts().await?;
        Ok((database, facts))
    };
    match connected.await {
        Ok((database, facts)) => {
            report.push(logged_in(&database, &facts));
            Some((database, facts))
        }
        Err(error) => {
            report.push(refused(&config.mysql, &error).await);
            None
        }
    }
}

fn logged_in(database: &Database, facts: &ServerFacts) -> Finding {
    let (release, account) = (facts.release(), &facts.account);
    let (server, name) = (database.server(), database.name());
    Finding::ok(LOOK, format!("{release} at {server}, logged in as {account}, database {name}"))
}

async fn refused(mysql: &MysqlConfig, error: &DatabaseError) -> Finding {
    let url = || Mend::Config("mysql.url = \"mysql://<user>:<password>@<host>:<port>/<database>\"".to_owned());
    match error {
        DatabaseError::AccessDenied { reason, server, .. } => {
            let finding = Finding::wrong(LOOK, format!("{server} lets us not in: {reason}"));
            let account = named_account(reason);
            match (account, reason.split_once("to database ")) {
                (Some(account), Some(_)) => {
                    let database = mysql.address().map(|address| address.database).unwrap_or_default();
                    let grant = format!("GRANT SELECT ON {}.* TO {account};", dialect::name(&database));
                    finding.mend(Mend::Sql(grant))
                }
                (Some(account), None) => {
                    let greeting = Greeting::of(mysql).await;
                    let passwords = set_password(&account, greeting);
                    passwords.into_iter().fold(finding, |finding, sql| finding.mend(Mend::Sql(sql))).mend(url())
                }
                (None, _) => finding.mend(url()),
            }
        }
        DatabaseError::Configuration { key, reason } => Finding::wrong(LOOK, format!("{key}: {reason}")),
        DatabaseError::Missing { reason, .. } => Finding::wrong(LOOK, reason.clone()).mend(url()),
        error => {
            let start = "start the server, and let this machine through to its port".to_owned();
            Finding::wrong(LOOK, error.to_string()).mend(Mend::Do(start)).mend(url())
        }
    }
}

/// The statements that make the account, and give one that is there our password.
fn set_password(account: &str, server: Option<Greeting>) -> Vec<String> {
    let with = "IDENTIFIED BY '<password of mysql.url>'";
    match server {
        // MySQL knows the others since 5.7.8, and has this one until 5.7.
        Some(Greeting { mariadb: false, version }) if version < (5, 7, 8) => {
            vec![format!("GRANT USAGE ON *.* TO {account} {with};")]
        }
        _ => vec![format!("CREATE USER IF NOT EXISTS {account} {with};"), format!("ALTER USER {account} {with};")],
    }
}

/// The account in `Access denied for user 'name'@'host' …`.
fn named_account(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("for user ")?;
    let end = rest.rfind("'@'").and_then(|at| Some(at + 3 + rest.get(at + 3..)?.find('\'')? + 1))?;
    rest.get(..end).map(str::to_owned)
}

/// Whether patients' data can be read on their way from the server.
pub(super) fn encryption(mysql: &MysqlConfig, facts: &ServerFacts) -> Finding {
    const LOOK: &str = "encryption";
    let plain_log = !mysql.client.encrypts();
    match &facts.encryption {
        Some(tls) if !plain_log => return Finding::ok(LOOK, tls.clone()),
        _ if is_local(mysql) => return Finding::ok(LOOK, "none, and none is needed: the server is on this machine"),
        _ => {}
    }
    let across = "patients' data cross the network for all to read";
    if facts.encryption.is_some() {
        return Finding::warning(LOOK, format!("none for the log, which mysql_cdc reads: {across}"))
            .mend(Mend::Config("mysql.client = \"direct\"".to_owned()));
    }
    let finding = Finding::warning(LOOK, format!("none: {across}"));
    let has_certificate = facts.variable(&["ssl_cert"]).is_some_and(|file| !file.is_empty());
    let finding = match has_certificate || facts.is_on(&["have_ssl"]) || facts.variable(&["have_ssl"]) == Some("YES") {
        true => finding,
        false => finding
            .mend(facts.setting("ssl_cert = <file of a certificate>"))
            .mend(facts.setting("ssl_key = <file of its key>")),
    };
    finding.mend(Mend::Config("mysql.tls = \"required\"".to_owned()))
}

fn is_local(mysql: &MysqlConfig) -> bool {
    match mysql.address().map(|address| address.endpoint) {
        Ok(MysqlEndpoint::Socket(_)) => true,
        Ok(MysqlEndpoint::Tcp { host, .. }) => {
            let address = host.parse::<std::net::IpAddr>();
            host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
        }
        Err(_) => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    fn mysql(host: &str, client: &str) -> MysqlConfig {
        let toml = format!("[mysql]\nurl = \"mysql://cdc:x@{host}/od\"\nclient = \"{client}\"");
        Config::from_toml(&toml).unwrap().mysql
    }

    #[test]
    fn the_account_is_taken_from_what_the_server_says() {
        let said = "Access denied for user 'c@d'@'10.0.0.7' (using password: YES)";
        assert_eq!(named_account(said).as_deref(), Some("'c@d'@'10.0.0.7'"));
        assert_eq!(named_account("Host '10.0.0.7' is not allowed to connect"), None);
    }

    #[test]
    fn an_unencrypted_network_is_warned_of_and_the_machine_itself_is_not() {
        let facts = |variables: &[(&str, &str)]| ServerFacts::of(true, (10, 11, 0), variables);
        for local in ["127.0.0.1", "[::1]", "localhost"] {
            assert_eq!(encryption(&mysql(local, "direct"), &facts(&[])).outcome(), Outcome::Ok, "{local}");
        }
        let remote = mysql("server", "direct");
        let finding = encryption(&remote, &facts(&[("have_ssl", "DISABLED"), ("ssl_cert", "")]));
        let mends: Vec<&str> = finding.mends().iter().map(Mend::text).collect();
        assert_eq!(
            mends,
            ["ssl_cert = <file of a certificate>", "ssl_key = <file of its key>", "mysql.tls = \"required\""]
        );
        assert_eq!(encryption(&remote, &facts(&[("have_ssl", "YES")])).mends().len(), 1);
        let mut encrypted = facts(&[]);
        encrypted.encryption = Some("TLSv1.3".to_owned());
        assert_eq!(encryption(&remote, &encrypted).outcome(), Outcome::Ok);
        if cfg!(feature = "mysql-cdc") {
            let finding = encryption(&mysql("server", "mysql_cdc"), &encrypted);
            assert_eq!(finding.mends(), [Mend::Config("mysql.client = \"direct\"".to_owned())]);
        }
    }
}
