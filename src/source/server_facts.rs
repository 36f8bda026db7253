//! What kind of server it is and how it is set up, as everybody sees it who is logged in.

use std::collections::BTreeMap;

use super::{
    database::{Database, Purpose},
    database_error::DatabaseError,
    session::Answer,
};

const DOING: &str = "questions about its settings";

/// A server's kind, version and settings, and how we are logged in.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// MariaDB, and not MySQL.
    pub mariadb: bool,
    /// Major, minor and patch of its version.
    pub version: (u16, u16, u16),
    /// The account that we are logged in as, quoted as a GRANT names it.
    pub account: String,
    /// TLS version and cipher of the SQL connection; `None`: it is not encrypted.
    pub encryption: Option<String>,
    /// How many replications it runs, as MariaDB tells everybody and MySQL until 5.6; `None` elsewhere.
    pub replications_running: Option<u32>,
    variables: BTreeMap<String, String>,
}

impl ServerFacts {
    /// The global value of the first of the variables that the server has; names differ between releases.
    pub fn variable(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variables.get(*name)).map(String::as_str)
    }

    /// Whether the server has the variable, and it is on.
    pub fn is_on(&self, names: &[&str]) -> bool {
        self.variable(names).is_some_and(|value| value.eq_ignore_ascii_case("on") || value == "1")
    }

    /// A variable's number; `None` if the server has no such variable, or it is none.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.variable(&[name])?.parse().ok()
    }

    #[cfg(test)]
    pub(crate) fn of(mariadb: bool, version: (u16, u16, u16), variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let account = "'cdc'@'%'".to_owned();
        Self { mariadb, version, account, encryption: None, replications_running: None, variables }
    }
}

impl Database {
    /// Asks for them.
    pub async fn server_facts(&self) -> Result<ServerFacts, DatabaseError> {
        let sql = "SELECT CURRENT_USER(); SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher'); \
                   SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_running', 'Slave_running'); \
                   SHOW GLOBAL VARIABLES";
        let (answers, facts) = self.ask(Purpose::Rows, DOING, |_| sql.to_owned()).await?;
        let [user, encryption, replication, variables] = answers.as_slice() else {
            return Err(self.unexpected(DOING, "an answer is missing"));
        };
        let user = user.rows.first().and_then(|row| row.text_at(0)).unwrap_or_default();
        let (encryption, replication) = (pairs(encryption), pairs(replication));
        let tls = [encryption.get("ssl_version"), encryption.get("ssl_cipher")];
        let tls: Vec<&str> = tls.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let running = match (replication.get("slaves_running"), replication.get("slave_running")) {
            (Some(count), _) => count.parse().ok(),
            (None, Some(running)) => Some(u32::from(running == "ON")),
            (None, None) => None,
        };
        Ok(ServerFacts {
            mariadb: facts.mariadb,
            version: facts.version,
            account: quoted(user),
            encryption: (!tls.is_empty()).then(|| tls.join(", ")),
            replications_running: running,
            variables: pairs(variables),
        })
    }
}

/// Names, in lower case, and values.
fn pairs(answer: &Answer) -> BTreeMap<String, String> {
    let pair = |name: &str, value: Option<&str>| (name.to_ascii_lowercase(), value.unwrap_or_default().to_owned());
    answer.rows.iter().filter_map(|row| Some(pair(row.text_at(0)?, row.text_at(1)))).collect()
}

/// `user@host` as `'user'@'host'`. A user's name may hold an `@`, a host's may not.
fn quoted(account: &str) -> String {
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    format!("'{}'@'{}'", user.replace('\'', "''"), host.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_quoted_as_a_grant_wants_it() {
        assert_eq!(quoted("cdc@127.0.0.1"), "'cdc'@'127.0.0.1'");
        assert_eq!(quoted("c'd@c@%"), "'c''d@c'@'%'");
    }
}
