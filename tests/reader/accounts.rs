//! Password plugins and encryption as each release has them, on both kinds of connection: for statements, and for the log.

use std::process::Command;

use opendental_cdc::{
    config::{BinlogClient, MysqlConfig},
    sandbox::{Options, Release, Server},
    source::{Database, Message},
};

use crate::following::{Following, config};

/// What a login comes to; else a part of what is said.
type Outcome = Result<(), &'static str>;

/// An account, named like its plugin.
struct Account {
    /// Statements that make it; the password is `p/w`.
    made_by: &'static str,
    name: &'static str,
    statements: Outcome,
    log: Outcome,
}

const NATIVE: Account =
    Account { made_by: "CREATE USER native@'%' IDENTIFIED BY 'p/w'", name: "native", statements: Ok(()), log: Ok(()) };

const ED25519: Account = Account {
    made_by: "INSTALL SONAME 'auth_ed25519'; CREATE USER elliptic@'%' IDENTIFIED VIA ed25519 USING PASSWORD('p/w')",
    name: "elliptic",
    statements: Err("plugin client_ed25519, which"),
    log: Ok(()),
};

const PARSEC: Account = Account {
    made_by: "INSTALL SONAME 'auth_parsec'; CREATE USER parsec@'%' IDENTIFIED VIA parsec USING PASSWORD('p/w')",
    name: "parsec",
    statements: Err("plugin parsec, which"),
    log: Err("plugin parsec, which"),
};

/// The passwords of MySQL 4.0.
const OLD: Account = Account {
    made_by: "CREATE USER old@'%' IDENTIFIED WITH mysql_old_password; SET old_passwords = 1; SET PASSWORD FOR old@'%' = PASSWORD('p/w')",
    name: "old",
    statements: Err("plugin mysql_old_password, which"),
    log: Err("plugin mysql_old_password, which"),
};

const SHA256: Account = Account {
    made_by: "CREATE USER sha256@'%' IDENTIFIED WITH sha256_password BY 'p/w'",
    name: "sha256",
    statements: Ok(()),
    log: Err("plugin sha256_password, which"),
};

/// MySQL 5.6 takes such a password over TLS only, and its TLS is too old.
const SHA256_OF_5_6: Account = Account {
    made_by: "CREATE USER sha256@'%' IDENTIFIED WITH sha256_password; SET old_passwords = 2; SET PASSWORD FOR sha256@'%' = PASSWORD('p/w')",
    name: "sha256",
    statements: Err("Access denied"),
    log: Err("plugin sha256_password, which"),
};

const CACHING_SHA2: Account = Account {
    made_by: "CREATE USER sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'p/w'",
    name: "sha2",
    statements: Ok(()),
    log: Ok(()),
};

fn accounts(release: Release) -> &'static [Account] {
    match release {
        Release::MariaDb10_5 => &[NATIVE, ED25519],
        // Debian's package of the server alone has no plugins.
        Release::MariaDb10_11 => &[NATIVE],
        Release::MariaDb11_8 => &[NATIVE, ED25519, PARSEC],
        Release::MySql5_6 => &[NATIVE, SHA256_OF_5_6, OLD],
        Release::MySql9_7 => &[CACHING_SHA2, SHA256],
    }
}

#[tokio::test]
async fn accounts_of_every_release_log_in_or_are_told_why_not() {
    for release in Release::ALL {
        if !release.is_available() {
            println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
            continue;
        }
        let server = with_certificate(release).await;
        server.exec("USE opendental; CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
        let root = Database::connect(&config(&server.url("opendental"), "")).await.unwrap();
        for account in accounts(release) {
            let name = account.name;
            server.exec(&format!("{}; GRANT ALL ON *.* TO {name}@'%'", account.made_by)).await.unwrap();
            for tls in ["disabled", "preferred", "required"] {
                let mysql = config(&server.url_for(name, "p%2Fw", "opendental"), &format!("tls = \"{tls}\""));
                // The TLS of MySQL 5.6 is that of its time.
                let too_old =
                    (release == Release::MySql5_6 && tls == "required").then_some(Err("older than version 1.2"));
                let said = Database::connect(&mysql).await.map(drop).map_err(|error| error.to_string());
                check(&said, too_old.unwrap_or(account.statements), &format!("{release} {name} {tls}"));
                for client in [BinlogClient::Direct, BinlogClient::MysqlAsync] {
                    let mysql = MysqlConfig { client, ..mysql.clone() };
                    let said = log(Following::over(mysql, root.clone(), &["t"], None).await).await;
                    check(
                        &said,
                        too_old.unwrap_or(account.log),
                        &format!("{release} {name} {tls}, the log, {client:?}"),
                    );
                }
            }
        }
    }
}

fn check(said: &Result<(), String>, expected: Outcome, what: &str) {
    match (said, expected) {
        (Ok(()), Ok(())) => {}
        (Err(said), Err(part)) => assert!(said.contains(part) && !said.contains("p/w"), "{what}: {said}"),
        _ => panic!("{what}: {said:?} where {expected:?} was expected"),
    }
}

/// Whether the reader connects at its first attempt, and what it says if not.
async fn log(mut following: Following) -> Result<(), String> {
    loop {
        match following.next().await {
            Some(Message::Connected { .. }) => {
                following.end().await;
                return Ok(());
            }
            Some(Message::Disconnected { reason }) => panic!("it would try for ever: {reason}"),
            Some(_) => {}
            None => return Err(following.task.await.unwrap().unwrap_err().to_string()),
        }
    }
}

/// A server that encrypts, with a certificate that nobody signed.
async fn with_certificate(release: Release) -> Server {
    let folder = tempfile::tempdir().unwrap();
    // MySQL 5.6 reads keys of the traditional form only.
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout new.key -out server.pem -days 2 -subj /CN=server
                  openssl rsa -traditional -in new.key -out server.key";
    let made = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let options = Options::default()
        .arg(format!("--ssl-cert={}", path("server.pem")))
        .arg(format!("--ssl-key={}", path("server.key")));
    release.start(options).await.unwrap()
}
