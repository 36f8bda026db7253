//! The DateTimeStart write-back.

use opendental_cdc::source::{DatabaseError, WriteBack, WriteBackOutcome};

use crate::practice::{Kind, Practice};

/// As many subscriptions, all with this DateTimeStart.
async fn subscriptions(practice: &Practice, count: i64, start: &str) {
    let rows: Vec<String> =
        (1..=count).map(|num| format!("({num}, '', '', '', 'Patient', 5, '', '{start}', '')")).collect();
    let columns = "ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, PollingSeconds, UiEventType, \
                   DateTimeStart, Note";
    practice.exec(&format!("INSERT INTO apisubscription ({columns}) VALUES {}", rows.join(", "))).await;
}

fn write(num: i64, last_seen: &str, value: &str) -> WriteBack {
    WriteBack { num, last_seen: last_seen.to_owned(), value: value.to_owned() }
}

const OLD: &str = "2026-11-01 01:30:00";
const NEW: &str = "2026-11-01 01:30:05";

#[tokio::test]
async fn w5_a_thousand_subscriptions_are_one_update() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 1000, OLD).await;
        practice.exec("UPDATE apisubscription SET DateTimeStart = '2025-01-01' WHERE ApiSubscriptionNum % 2").await;
        let updates =
            "SELECT variable_value + 0 FROM information_schema.global_status WHERE variable_name = 'Com_update'";
        let updates = if kind.is_mysql() { "SHOW GLOBAL STATUS LIKE 'Com_update'" } else { updates };
        let before = practice.server.query(updates).await.unwrap();
        let writes: Vec<WriteBack> =
            (1..=1000).map(|num| write(num, if num % 2 == 1 { "2025-01-01 00:00:00" } else { OLD }, NEW)).collect();
        let outcomes = practice.database.write_back(&writes).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == WriteBackOutcome::Written), "{kind:?}");
        let count = format!("SELECT COUNT(*) FROM apisubscription WHERE DateTimeStart = '{NEW}'");
        assert_eq!(practice.value(&count).await, "1000", "{kind:?}");
        let after = practice.server.query(updates).await.unwrap();
        let number = |rows: &[Vec<Option<String>>]| rows[0].last().cloned().unwrap().unwrap().parse::<i64>().unwrap();
        assert_eq!(number(&after) - number(&before), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn w7_only_the_value_last_seen_is_written_over() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 5, OLD).await;
        practice.exec("UPDATE apisubscription SET DateTimeStart = '2026-10-01' WHERE ApiSubscriptionNum = 2").await;
        practice.exec("DELETE FROM apisubscription WHERE ApiSubscriptionNum = 3").await;
        practice.exec("UPDATE apisubscription SET DateTimeStart = 0 WHERE ApiSubscriptionNum = 4").await;
        practice
            .exec(&format!("UPDATE apisubscription SET DateTimeStart = '{NEW}' WHERE ApiSubscriptionNum = 5"))
            .await;
        let writes = [
            write(5, OLD, NEW),
            write(3, OLD, NEW),
            write(1, OLD, "2026-11-01 01:30:06"),
            write(2, OLD, NEW),
            write(4, "0000-00-00 00:00:00", NEW),
        ];
        let outcomes = practice.database.write_back(&writes).await.unwrap();
        let expected = [
            // Found there already: as after a crash between the UPDATE and its answer.
            WriteBackOutcome::Written,
            WriteBackOutcome::Gone,
            WriteBackOutcome::Written,
            WriteBackOutcome::Found("2026-10-01 00:00:00".to_owned()),
            WriteBackOutcome::Written,
        ];
        assert_eq!(outcomes, expected, "{kind:?}");
        let rows = practice.server.query("SELECT DateTimeStart FROM apisubscription ORDER BY 1").await.unwrap();
        let rows: Vec<String> = rows.into_iter().flatten().flatten().collect();
        assert_eq!(rows, ["2026-10-01 00:00:00", NEW, NEW, "2026-11-01 01:30:06"], "{kind:?}");
        assert_eq!(practice.database.write_back(&[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn w7_a_strict_server_takes_a_zero_date_as_last_seen() {
    for kind in Kind::all() {
        let mode = "--sql-mode=STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_BACKSLASH_ESCAPES,ANSI_QUOTES";
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 1, OLD).await;
        practice.exec("UPDATE apisubscription SET DateTimeStart = 0").await;
        practice.exec(&format!("SET GLOBAL sql_mode = '{}'", mode.split_once('=').unwrap().1)).await;
        practice.database.close().await;
        let outcomes = practice.database.write_back(&[write(1, "0000-00-00 00:00:00", NEW)]).await.unwrap();
        assert_eq!(outcomes, [WriteBackOutcome::Written], "{kind:?}");
    }
}

#[tokio::test]
async fn a_read_only_server_is_named_as_such() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 1, OLD).await;
        practice.exec("SET GLOBAL read_only = 1").await;
        let error = practice.database.write_back(&[write(1, OLD, NEW)]).await.unwrap_err();
        assert!(matches!(error, DatabaseError::ReadOnly { .. }), "{kind:?}: {error}");
    }
}
