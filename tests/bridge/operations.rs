//! What `docs/operations.md` gives to be typed, typed as it stands there.

use std::{fs, process::Command};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::office::Office;

/// The lines of the page's block that holds this text.
fn block(holding: &str) -> String {
    let page = fs::read_to_string("docs/operations.md").unwrap();
    let blocks = page.split("```").skip(1).step_by(2).map(str::to_owned);
    let block = blocks.into_iter().find(|block| block.contains(holding)).unwrap();
    // Behind its language.
    block.split_once('\n').unwrap().1.to_owned()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_goes_on_with_the_copy_from_before_the_upgrade() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.process();
    office.ticking(1).await;
    assert_eq!(bridge.terminate(), Some(0));
    // What the upgrade to a version that is not written yet does.
    let state = office.state();
    fs::copy(&state, state.with_extension("db.schema-6")).unwrap();
    let mut upgraded = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&state)).await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(&mut upgraded).await.unwrap();
    upgraded.close().await.unwrap();
    let older = office.command(&["run"]);
    let said = String::from_utf8(older.stderr).unwrap();
    assert!(older.status.code() == Some(1) && said.contains("written by a later version"), "{said}");

    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    let commands =
        block("state.db.newer").replace("/var/lib/opendental-cdc", &state.parent().unwrap().display().to_string());
    let typed = Command::new("sh").args(["-ec", &commands]).output().unwrap();
    assert!(typed.status.success(), "{typed:?}");
    let bridge = office.process();
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    assert_eq!(bridge.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_bridge_that_is_removed() {
    let mut office = Office::open().await;
    let before = office.column("SHOW TABLES").await;
    office.subscribe(1, "Appointment", 1).await;
    office.exec("UPDATE apisubscription SET Workstation='CDC-BRIDGE'").await;
    let bridge = office.bridge_with(|config| config.workstation = "CDC-BRIDGE".to_owned());
    office.ticking(1).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    office.event().await;
    bridge.stop().await;
    let (database, account) = (&office.database, format!("'{}'@'127.0.0.1'", office.database));
    let typed =
        block("DROP USER").replace("opendental.", &format!("{database}.")).replace("'cdc'@'127.0.0.1'", &account);
    office.exec(&typed).await;
    assert_eq!(office.column("SELECT ApiSubscriptionNum FROM apisubscription").await, [""; 0]);
    assert_eq!(office.column("SHOW TABLES").await, before);
    for (what, query) in [
        ("triggers", format!("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='{database}'")),
        ("routines", format!("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA='{database}'")),
        ("events", format!("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA='{database}'")),
        ("sessions", format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER='{database}'")),
        ("rights", format!("SELECT User FROM mysql.user WHERE User='{database}'")),
    ] {
        // A session ends a moment after its connection is closed.
        office.until(what, async || office.column(&query).await.is_empty().then_some(())).await;
    }
}
