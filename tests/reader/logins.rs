//! Sockets, password plugins and encryption.

use std::{path::Path, process::Command};

use opendental_cdc::{
    sandbox::{MariaDb, Options},
    source::{Database, Message, SourceError},
};

use crate::following::{Following, config, database};

#[tokio::test]
async fn a_socket_and_ed25519_and_the_grants_of_the_manual_do() {
    let server = database("logins").await;
    server
        .exec(
            "USE logins; CREATE TABLE t (id BIGINT PRIMARY KEY); CREATE USER native@'%' IDENTIFIED BY 'p:w/';
             GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO native@'%'",
        )
        .await
        .unwrap();
    let socket = format!("mysql://root@localhost/logins?socket={}", server.socket().display());
    let mut urls = vec![socket, server.url_for("native", "p%3Aw%2F", "logins")];
    match server.exec("INSTALL SONAME 'auth_ed25519'").await {
        Ok(()) => {
            server
                .exec(
                    "CREATE USER elliptic@'%' IDENTIFIED VIA ed25519 USING PASSWORD('p w');
                     GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO elliptic@'%'",
                )
                .await
                .unwrap();
            urls.push(server.url_for("elliptic", "p%20w", "logins"));
        }
        Err(error) => println!("ed25519 was NOT tested, the server lacks the plugin: {error}"),
    }
    let root = config(&server.url("logins"), "");
    let database = Database::connect(&root).await.unwrap();
    for (id, url) in urls.into_iter().enumerate() {
        let mut following = Following::over(config(&url, ""), database.clone(), &["t"], None).await;
        following.connected().await;
        server.exec(&format!("INSERT INTO logins.t VALUES ({id})")).await.unwrap();
        assert_eq!(following.steps().await, [format!("+{id}")]);
        following.end().await;
    }
}

#[tokio::test]
async fn tls_modes_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let server = MariaDb::start(
        Options::default()
            .arg(format!("--ssl-cert={}", path("server.pem")))
            .arg(format!("--ssl-key={}", path("server.key")))
            .arg(format!("--ssl-ca={}", path("ca.pem"))),
    )
    .await
    .unwrap();
    server.exec("CREATE USER safe@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO safe@'%'").await.unwrap();
    let by = |host: &str, mode: &str, ca: &str| {
        let url = server.url_for("safe", "x", "opendental").replace("127.0.0.1", host);
        let ca = if ca.is_empty() { String::new() } else { format!("tls_ca = \"{}\"", path(ca)) };
        config(&url, &format!("tls = \"{mode}\"\n{ca}"))
    };
    let root = config(&server.url("opendental"), "");
    let database = Database::connect(&root).await.unwrap();
    let outcome = async |mysql| {
        let mut following = Following::over(mysql, database.clone(), &["t"], None).await;
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
    };
    // The certificate is db.practice.example's.
    for (mode, ca) in [("preferred", ""), ("required", ""), ("verify-ca", "ca.pem")] {
        outcome(by("127.0.0.1", mode, ca)).await.unwrap();
    }
    for (mode, ca) in [("disabled", ""), ("verify-ca", "other.pem"), ("verify-ca", ""), ("verify-identity", "ca.pem")] {
        let error = outcome(by("127.0.0.1", mode, ca)).await.unwrap_err();
        assert!(matches!(error, SourceError::Configuration { .. } | SourceError::Access { .. }), "{mode}: {error}");
    }
    outcome(by("localhost", "verify-identity", "ca.pem")).await.unwrap();
}

/// An authority, another one, and a certificate of the first for db.practice.example and localhost.
fn certificates(folder: &Path) {
    let script = "
        for ca in ca other; do
          openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca 2>/dev/null
        done
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server 2>/dev/null
        printf 'subjectAltName=DNS:db.practice.example,DNS:localhost' > names
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem 2>/dev/null";
    let made = Command::new("sh").args(["-ec", script]).current_dir(folder).status().unwrap();
    assert!(made.success());
}
