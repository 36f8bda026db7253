//! The columns of `apisubscription` that tell of failures.

use opendental_cdc::source::{Failing, FailureNote};

use crate::practice::{Kind, Practice};

/// As releases from 26 on have them, as far as is known.
const COLUMNS: &str = "ALTER TABLE apisubscription \
    ADD COLUMN DateTimeLastFailure datetime NOT NULL DEFAULT '0001-01-01 00:00:00', \
    ADD COLUMN FailureReason varchar(255) NOT NULL DEFAULT '', \
    ADD COLUMN SubsequentFailures int NOT NULL DEFAULT 0, \
    ADD COLUMN DateTimeNextRetry datetime NOT NULL DEFAULT '0001-01-01 00:00:00'";

const STRICT: &str = "SET GLOBAL sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ANSI_QUOTES'";

async fn subscriptions(practice: &Practice, count: i64) {
    let rows: Vec<String> =
        (1..=count).map(|num| format!("({num}, '', '', '', 'Patient', 5, '', '2026-11-01 01:30:00', '')")).collect();
    let columns = "ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, PollingSeconds, UiEventType, \
                   DateTimeStart, Note";
    practice.exec(&format!("INSERT INTO apisubscription ({columns}) VALUES {}", rows.join(", "))).await;
}

fn failing(num: i64, failures: u64) -> FailureNote {
    let failing = Failing {
        last: format!("2026-11-01 01:30:{num:02}"),
        next: format!("2026-11-01 01:31:{num:02}"),
        reason: "cannot connect: it's \\ \u{fc}nreachable 🦷".to_owned(),
        failures,
    };
    FailureNote { num, failing: Some(failing) }
}

async fn rows(practice: &Practice, columns: &str) -> Vec<String> {
    let query = format!("SELECT CONCAT_WS('|', {columns}) FROM apisubscription ORDER BY ApiSubscriptionNum");
    practice.server.query(&query).await.unwrap().into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn failures_are_noted_and_taken_back_by_one_update_and_touch_nothing_else() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 4).await;
        practice.exec(COLUMNS).await;
        practice.exec(STRICT).await;
        practice.database.close().await;
        let columns = practice.database.failure_columns().await.unwrap();
        assert!(!columns.is_empty(), "{kind:?}");
        let updates = || async {
            let rows = practice.server.query("SHOW GLOBAL STATUS LIKE 'Com_update'").await.unwrap();
            rows[0][1].clone().unwrap().parse::<i64>().unwrap()
        };
        let before = updates().await;
        practice
            .database
            .write_failures(&columns, &[failing(1, 1), failing(3, u64::MAX), failing(9, 1)])
            .await
            .unwrap();
        assert_eq!(updates().await - before, 1, "{kind:?}");
        let all = "DateTimeLastFailure, FailureReason, SubsequentFailures, DateTimeNextRetry, DateTimeStart";
        let untouched = "0001-01-01 00:00:00||0|0001-01-01 00:00:00|2026-11-01 01:30:00";
        let reason = "cannot connect: it's \\ ?nreachable ?";
        let noted = format!("2026-11-01 01:30:01|{reason}|1|2026-11-01 01:31:01|2026-11-01 01:30:00");
        let most = format!("2026-11-01 01:30:03|{reason}|2147483647|2026-11-01 01:31:03|2026-11-01 01:30:00");
        assert_eq!(rows(&practice, all).await, [&noted, untouched, &most, untouched], "{kind:?}");

        let over = FailureNote { num: 1, failing: None };
        practice.database.write_failures(&columns, &[over, failing(2, 7)]).await.unwrap();
        let over = "2026-11-01 01:30:01||0|0001-01-01 00:00:00|2026-11-01 01:30:00";
        let second = format!("2026-11-01 01:30:02|{reason}|7|2026-11-01 01:31:02|2026-11-01 01:30:00");
        assert_eq!(rows(&practice, all).await, [over, &second, &most, untouched], "{kind:?}");
    }
}

#[tokio::test]
async fn only_columns_that_are_there_and_can_hold_it_are_written() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        subscriptions(&practice, 1).await;
        let columns = practice.database.failure_columns().await.unwrap();
        assert!(columns.is_empty(), "{kind:?}");
        practice.database.write_failures(&columns, &[failing(1, 1)]).await.unwrap();

        practice
            .exec(
                "ALTER TABLE apisubscription ADD COLUMN failurereason varchar(14) CHARACTER SET latin1 NULL, \
                 ADD COLUMN SubsequentFailures tinyint NOT NULL DEFAULT 0, \
                 ADD COLUMN DateTimeNextRetry timestamp NULL, ADD COLUMN DateTimeLastFailure bigint NULL",
            )
            .await;
        practice.exec(STRICT).await;
        practice.database.close().await;
        let columns = practice.database.failure_columns().await.unwrap();
        practice.database.write_failures(&columns, &[failing(1, 1000)]).await.unwrap();
        let all = "FailureReason, SubsequentFailures, DateTimeNextRetry, DateTimeLastFailure";
        assert_eq!(rows(&practice, all).await, ["cannot connect|127"], "{kind:?}");
    }
}

#[tokio::test]
async fn hundreds_of_failures_are_noted_at_once() {
    let practice = Practice::new(Kind::MariaDbMyIsam).await;
    subscriptions(&practice, 450).await;
    practice.exec(COLUMNS).await;
    let columns = practice.database.failure_columns().await.unwrap();
    let notes: Vec<FailureNote> = (1..=450).map(|num| FailureNote { num, ..failing(num % 60, 5) }).collect();
    practice.database.write_failures(&columns, &notes).await.unwrap();
    assert_eq!(practice.value("SELECT COUNT(*) FROM apisubscription WHERE SubsequentFailures = 5").await, "450");
}
