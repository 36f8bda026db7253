//! Accounts that `mysql_cdc` can log in with, and what it refuses.

use opendental_cdc::{
    sandbox::{MySql, Options, Server},
    source::{Database, Message, SourceError},
};

use crate::following::{Following, config, database};

/// Reads as `account`, which is made as `identified`; the other questions are asked as root.
async fn reads(server: &Server, account: &str, identified: &str) -> Result<(), SourceError> {
    server
        .exec(&format!(
            "CREATE USER {account}@'%' {identified}; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {account}@'%'"
        ))
        .await
        .unwrap();
    let questions = Database::connect(&config(&server.url("opendental"), "")).await.unwrap();
    let mysql = config(&server.url_for(account, "p%3Aw", "opendental"), "");
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    loop {
        match following.next().await {
            Some(Message::Connected { .. }) => {
                following.end().await;
                return Ok(());
            }
            Some(_) => {}
            None => return Err(following.task.await.unwrap().unwrap_err()),
        }
    }
}

#[tokio::test]
async fn accounts_of_mariadb_read_or_are_refused_in_clear_words() {
    let server = database("logins").await;
    reads(server, "native", "IDENTIFIED BY 'p:w'").await.unwrap();
    let questions = Database::connect(&config(&server.url("opendental"), "")).await.unwrap();
    let required = config(&server.url_for("native", "p%3Aw", "opendental"), "tls = \"required\"");
    let error = Following::over(required, questions, &["t"], None).await.error().await;
    assert!(matches!(error, SourceError::Configuration { key: "mysql.client", .. }), "{error}");
    let error = reads(server, "encrypted", "IDENTIFIED BY 'p:w' REQUIRE SSL").await.unwrap_err();
    assert!(matches!(error, SourceError::Access { .. }), "{error}");
    assert!(error.to_string().contains("REQUIRE SSL needs `mysql.client` = \"direct\""), "{error}");
    match server.exec("INSTALL SONAME 'auth_ed25519'").await {
        Ok(()) => {
            let error = reads(server, "elliptic", "IDENTIFIED VIA ed25519 USING PASSWORD('p:w')").await.unwrap_err();
            assert!(matches!(error, SourceError::Configuration { key: "mysql.client", .. }), "{error}");
            assert!(error.to_string().contains("mysql_native_password and caching_sha2_password"), "{error}");
        }
        Err(error) => println!("ed25519 was NOT tested, the server lacks the plugin: {error}"),
    }
}

#[tokio::test]
async fn accounts_of_mysql_read_or_are_refused_in_clear_words() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = MySql::start(Options::default().gtid()).await.unwrap();
    // Twice: the server answers the second time from its cache.
    for account in ["first", "second"] {
        reads(&server, account, "IDENTIFIED WITH caching_sha2_password BY 'p:w'").await.unwrap();
    }
    let error = reads(&server, "old", "IDENTIFIED WITH sha256_password BY 'p:w'").await.unwrap_err();
    assert!(error.to_string().contains("sha256_password"), "{error}");
    let questions = Database::connect(&config(&server.url("opendental"), "")).await.unwrap();
    server.exec("SET gtid_next = 'AUTOMATIC:tagged'; CREATE TABLE opendental.x (id INT)").await.unwrap();
    let mysql = config(&server.url_for("first", "p%3Aw", "opendental"), "");
    let error = Following::over(mysql.clone(), questions.clone(), &["t"], None).await.error().await;
    assert!(error.to_string().contains("GTIDs have tags"), "{error}");
    server.exec("SET GLOBAL require_secure_transport = ON").await.unwrap();
    let error = Following::over(mysql, questions, &["t"], None).await.error().await;
    assert!(matches!(error, SourceError::Configuration { .. }), "{error}");
    assert!(error.to_string().contains("encrypted"), "{error}");
}
