//! Connections: accounts, encryption, loss and return.

use opendental_cdc::{
    config::TlsMode,
    row::RowKey,
    sandbox::{MariaDb, MySql, Options},
    source::{Database, DatabaseError},
};

use crate::practice::{Kind, Practice, config};

async fn refusal(url: &str, tls: TlsMode) -> DatabaseError {
    let mut config = config(url);
    config.tls = tls;
    match Database::connect(&config).await {
        Ok(_) => panic!("the server let us in"),
        Err(error) => error,
    }
}

/// One of each, for what takes a server long.
fn one_of_each() -> Vec<Kind> {
    let kinds = Kind::all();
    kinds.filter(|kind| matches!(kind, Kind::MariaDbMyIsam | Kind::MySqlGtid)).collect()
}

#[tokio::test]
async fn w2_another_server_of_the_same_kind_is_another_one() {
    for kind in one_of_each() {
        let practice = Practice::new(kind).await;
        let other = kind.start(Options::default()).await;
        let other = Database::connect(&config(&other.url("opendental"))).await.unwrap();
        assert_ne!(practice.database.identity().await.unwrap(), other.identity().await.unwrap(), "{kind:?}");
    }
}

#[tokio::test]
async fn r7_a_broken_connection_is_replaced_at_the_next_call() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("INSERT INTO site (SiteNum, Description, Note) VALUES (1, 'a', '')").await;
        let read = || practice.database.row_by_key("site", &["SiteNum"], &["Description"], &RowKey::Int(1));
        let identity = practice.database.identity().await.unwrap();
        read().await.unwrap();
        let sessions = "SELECT id FROM information_schema.processlist WHERE user = 'cdc'";
        let sessions = practice.server.query(sessions).await.unwrap();
        assert_eq!(sessions.len(), 2, "{kind:?}");
        for session in sessions.into_iter().flatten().flatten() {
            practice.exec(&format!("KILL {session}")).await;
        }
        assert!(read().await.unwrap().is_some(), "{kind:?}");
        assert_eq!(practice.database.barrier().await.unwrap().identity, identity, "{kind:?}");
    }
}

#[tokio::test]
async fn r7_a_server_that_is_away_is_waited_for_and_known_again() {
    for kind in one_of_each() {
        let mut practice = Practice::new(kind).await;
        let database = practice.database.clone();
        let read = || database.row_by_key("site", &["SiteNum"], &["Description"], &RowKey::Int(1));
        let identity = database.identity().await.unwrap();
        practice.server.stop().await.unwrap();
        for error in [database.barrier().await.unwrap_err(), read().await.unwrap_err()] {
            assert!(error.is_connection_lost() && error.is_retryable(), "{kind:?}: {error}");
        }
        practice.server.restart().await.unwrap();
        assert_eq!(database.barrier().await.unwrap().identity, identity, "{kind:?}");
        assert!(read().await.unwrap().is_none());
        let again = Database::connect(&config(&practice.server.url("opendental"))).await.unwrap();
        assert_eq!(identity, again.identity().await.unwrap(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_refused_account_is_told_what_it_needs() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let url = |user: &str, password: &str| practice.server.url_for(user, password, "opendental");
        let error = refusal(&url("cdc", "wr0ng"), TlsMode::Preferred).await;
        assert!(matches!(error, DatabaseError::AccessDenied { .. }), "{kind:?}: {error}");
        assert!(!error.to_string().contains("wr0ng"), "D4");

        practice
            .exec("CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'x'; GRANT SELECT ON opendental.* TO poor@'127.0.0.1'")
            .await;
        let error = refusal(&url("poor", "x"), TlsMode::Preferred).await;
        assert!(matches!(error, DatabaseError::AccessDenied { .. }), "{kind:?}: {error}");
        assert!(error.to_string().contains("GRANT REPLICATION CLIENT"), "{error}");

        practice.exec("GRANT REPLICATION CLIENT ON *.* TO poor@'127.0.0.1'").await;
        let poor = Database::connect(&config(&url("poor", "x"))).await.unwrap();
        let write =
            opendental_cdc::source::WriteBack { num: 1, last_seen: String::new(), value: "2026-01-01 00:00:00".into() };
        let error = poor.write_back(&[write]).await.unwrap_err().to_string();
        assert!(error.contains("GRANT UPDATE"), "{kind:?}: {error}");

        practice.exec("REVOKE SELECT ON opendental.* FROM poor@'127.0.0.1'").await;
        practice.exec("GRANT UPDATE ON opendental.apisubscription TO poor@'127.0.0.1'").await;
        poor.close().await;
        let error = poor.row_by_key("site", &["SiteNum"], &["Note"], &RowKey::Int(1)).await.unwrap_err().to_string();
        assert!(error.contains("GRANT SELECT"), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn the_session_is_left_as_the_server_sets_it_up() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice.exec("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1").await;
        let database =
            Database::connect(&config(&practice.server.url_for("cdc", "s3cret", "opendental"))).await.unwrap();
        database.barrier().await.unwrap();
        practice.exec("SET GLOBAL general_log = 0").await;
        let sql = "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE user_host LIKE '%cdc%'";
        let statements = practice.server.query(sql).await.unwrap();
        assert!(statements.len() > 5, "{kind:?}");
        for statement in statements.into_iter().flatten().flatten() {
            assert!(!statement.contains("sql_mode") && !statement.contains("time_zone"), "{kind:?}: {statement}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_will_do() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice
            .exec("CREATE USER local@localhost IDENTIFIED BY 'x'; GRANT REPLICATION CLIENT ON *.* TO local@localhost")
            .await;
        practice.exec("GRANT SELECT ON opendental.* TO local@localhost").await;
        let url = format!("mysql://local:x@localhost/opendental?socket={}", practice.server.socket().display());
        let database = Database::connect(&config(&url)).await.unwrap();
        assert_eq!(database.identity().await.unwrap(), practice.database.identity().await.unwrap(), "{kind:?}");
        assert_eq!(database.server(), practice.server.socket().display().to_string());
    }
}

#[tokio::test]
async fn encryption_is_as_configured() {
    if !MySql::is_available() {
        return;
    }
    let practice = Practice::new(Kind::MySqlGtid).await;
    practice.exec("ALTER USER cdc@'127.0.0.1' REQUIRE SSL").await;
    let url = practice.server.url_for("cdc", "s3cret", "opendental");
    let error = refusal(&url, TlsMode::Disabled).await;
    assert!(matches!(error, DatabaseError::AccessDenied { .. }), "{error}");
    // The server made its certificate itself: nobody knows its authority, nor does it name a host.
    for tls in [TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
        let error = refusal(&url, tls).await;
        assert!(error.to_string().starts_with("mysql.tls: "), "{error}");
    }
    let mut config = config(&url);
    for (tls, file) in [(TlsMode::Preferred, None), (TlsMode::Required, None), (TlsMode::VerifyCa, Some("ca.pem"))] {
        config.tls = tls;
        config.tls_ca = file.map(|file| practice.server.data().join(file)).unwrap_or_default();
        Database::connect(&config).await.unwrap().barrier().await.unwrap();
    }
    config.tls = TlsMode::VerifyIdentity;
    assert!(Database::connect(&config).await.is_err());

    // Without encryption, the password goes to the server under its public key.
    practice.exec("ALTER USER cdc@'127.0.0.1' REQUIRE NONE; FLUSH PRIVILEGES").await;
    config.tls = TlsMode::Disabled;
    for _ in 0..2 {
        Database::connect(&config).await.unwrap().barrier().await.unwrap();
    }
}

#[tokio::test]
async fn required_encryption_is_never_left_out() {
    let practice = Practice::new(Kind::MariaDbMyIsam).await;
    let error = refusal(&practice.server.url_for("cdc", "s3cret", "opendental"), TlsMode::Required).await;
    assert!(error.to_string().starts_with("mysql.tls: "), "{error}");
}

#[tokio::test]
async fn a_server_without_a_log_is_named_as_such() {
    let server = MariaDb::start(Options::default().arg("--skip-log-bin")).await.unwrap();
    let database = Database::connect(&config(&server.url("opendental"))).await.unwrap();
    for error in [database.barrier().await.map(drop), database.snapshot().await.map(drop)] {
        let error = error.unwrap_err();
        assert!(matches!(error, DatabaseError::NoBinlog { .. }), "{error}");
    }
}
