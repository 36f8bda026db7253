//! The account: its login and its rights, each taken away and given back by what is printed.

use opendental_cdc::sandbox::Release;

use crate::stage::{PASSWORD, RIGHTS, Stage};

const ACCOUNT: &str = "cdc@'127.0.0.1'";

/// Rights that are missing.
pub(crate) async fn rights(stage: &mut Stage) {
    let release = stage.release;
    let position = if release.is_mariadb() { "BINLOG MONITOR" } else { "REPLICATION CLIENT" };
    stage.exec(&format!("REVOKE REPLICATION CLIENT ON *.* FROM {ACCOUNT}")).await;
    let broken = format!(
        "wrong: not granted: the log's position cannot be asked for | SQL: GRANT {position} ON *.* TO 'cdc'@'127.0.0.1';"
    );
    let look = format!("right {position}");
    stage.mends("without REPLICATION CLIENT", &look, &broken, "ok: granted").await;

    stage.exec(&format!("REVOKE UPDATE ON opendental.apisubscription FROM {ACCOUNT}")).await;
    let broken = "wrong: not granted on apisubscription \
                  | SQL: GRANT UPDATE ON `opendental`.`apisubscription` TO 'cdc'@'127.0.0.1';";
    stage.mends("without UPDATE", "right UPDATE", broken, "ok: granted on apisubscription").await;

    stage.exec(&format!("REVOKE SELECT ON opendental.* FROM {ACCOUNT}")).await;
    let tables = stage.server.query("SELECT table_name FROM information_schema.tables WHERE table_schema='opendental'");
    for table in tables.await.unwrap().into_iter().flatten().flatten().filter(|name| name != "clinic") {
        stage.exec(&format!("GRANT SELECT ON opendental.{table} TO {ACCOUNT}")).await;
    }
    let broken = "wrong: not granted on clinic | SQL: GRANT SELECT ON `opendental`.* TO 'cdc'@'127.0.0.1';";
    stage.mends("SELECT on some tables", "right SELECT", broken, "ok: granted on all 17 tables that are read").await;

    stage.exec(&format!("REVOKE REPLICATION SLAVE ON *.* FROM {ACCOUNT}")).await;
    let finding = stage.found("right REPLICATION SLAVE").await.remove(0);
    assert!(finding.found().starts_with("not granted: "), "{finding:?}");
    assert_eq!(finding.mends()[0].text(), "GRANT REPLICATION SLAVE ON *.* TO 'cdc'@'127.0.0.1';");
    crate::stage::tell(release, "without REPLICATION SLAVE", &finding, stage.folder.path());
    stage.mend(&finding).await;
    assert!(stage.report().await.can_run(), "{release}");

    let finding = stage.found("right INSERT, DELETE").await.remove(0);
    let (_, grant) = finding.found().split_once(": GRANT").unwrap();
    stage.exec(&format!("GRANT{grant}")).await;
    assert_eq!(stage.found("right INSERT, DELETE").await[0].found(), "granted on apisubscription");
}

/// Logins that are refused, and a server that is not there.
pub(crate) async fn login(stage: &mut Stage) {
    let release = stage.release;
    let good = stage.config.get("mysql.url").unwrap().clone();
    let report = stage.report().await;
    let mended = crate::stage::said(&report.findings[0]);
    assert!(mended.starts_with("ok: M"), "{mended}");

    let old = release == Release::MySql5_6;
    stage
        .exec(&match old {
            true => format!("SET PASSWORD FOR {ACCOUNT} = PASSWORD('another')"),
            false => format!("ALTER USER {ACCOUNT} IDENTIFIED BY 'another'"),
        })
        .await;
    let finding = stage.found("connection").await.remove(0);
    let text = crate::stage::said(&finding);
    assert!(text.contains("lets us not in: Access denied for user 'cdc'@'127.0.0.1'"), "{text}");
    assert!(!text.contains(PASSWORD), "D4: {text}");
    crate::stage::tell(release, "a wrong password", &finding, stage.folder.path());
    for mend in finding.mends().iter().filter(|mend| mend.kind() == "SQL") {
        stage.exec(&mend.text().replace("<password of mysql.url>", PASSWORD)).await;
    }
    assert_eq!(finding.mends().len(), if old { 2 } else { 3 }, "{release}: {finding:?}");
    assert_eq!(crate::stage::said(&stage.found("connection").await[0]), mended);

    stage.exec(&format!("DROP USER {ACCOUNT}; CREATE USER {ACCOUNT} IDENTIFIED BY '{PASSWORD}'")).await;
    let finding = stage.found("connection").await.remove(0);
    assert!(finding.found().ends_with("to database 'opendental'"), "{finding:?}");
    assert_eq!(finding.mends()[0].text(), "GRANT SELECT ON `opendental`.* TO 'cdc'@'127.0.0.1';");
    crate::stage::tell(release, "an account without rights", &finding, stage.folder.path());
    stage.mend(&finding).await;
    assert_eq!(crate::stage::said(&stage.found("connection").await[0]), mended);

    stage.exec(&format!("GRANT ALL ON *.* TO {ACCOUNT}")).await;
    stage.set("mysql.url", &good.replace("/opendental", "/opendantel"));
    let broken = "wrong: Unknown database 'opendantel' \
                  | config: mysql.url = \"mysql://<user>:<password>@<host>:<port>/<database>\"";
    stage.says("another database's name", "connection", broken).await;

    stage.set("mysql.url", &good);
    stage.server.stop().await.unwrap();
    let finding = stage.found("connection").await.remove(0);
    assert!(finding.found().starts_with("no connection to 127.0.0.1:"), "{finding:?}");
    assert_eq!(finding.mends()[0].text(), "start the server, and let this machine through to its port");
    assert!(stage.report().await.findings.iter().any(|finding| finding.look() == "state file"), "looks go on");
    stage.server.restart().await.unwrap();
    assert_eq!(crate::stage::said(&stage.found("connection").await[0]), mended);
    stage.exec(&format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {ACCOUNT}")).await;
    stage.exec(RIGHTS).await;
}
