//! W10: what the log cannot answer is scanned for once, by time stamp.

use crate::office::{Office, subscription_row};

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_subscription_whose_start_lies_in_the_past_catches_up_from_exactly_there() {
    let mut office = Office::open().await;
    office
        .exec(
            "INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES (1, 1, 'before', '2026-03-01 09:59:59'), \
             (2, 1, 'at', '2026-03-01 10:00:00'), (3, 1, 'after', '2026-03-02 00:00:00')",
        )
        .await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "'2026-03-01 10:00:00'")).await;
    let bridge = office.bridge();
    let event = office.event().await;
    assert_eq!(event.field("Note"), ["at", "after"]);
    office.ticking(1).await;
    office.exec("UPDATE appointment SET Note='new' WHERE AptNum=1").await;
    assert_eq!(office.event().await.field("Note"), ["new"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_the_scan_is_in_utc_so_that_the_hour_that_comes_twice_is_not_lost() {
    let mut office = Office::open().await;
    // In New York the clocks went back from 02:00 to 01:00 on 2025-11-02: 01:30 came at 05:30 and at 06:30 UTC.
    office
        .exec(
            "SET time_zone='+00:00'; INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES \
             (1, 1, '2025-11-02 05:20:00'), (2, 1, '2025-11-02 05:40:00'), (3, 1, '2025-11-02 06:20:00')",
        )
        .await;
    let url = office.receiver.url("/1/");
    // An ambiguous local time means the earlier instant (rule W2).
    office.exec(&subscription_row(1, &url, "Appointment", 1, "'2025-11-02 01:30:00'")).await;
    let bridge = office.bridge();
    let event = office.event().await;
    assert_eq!(event.field("AptNum"), ["2", "3"]);
    assert_eq!(event.field("DateTStamp"), ["2025-11-02 01:40:00", "2025-11-02 01:20:00"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_rows_that_change_while_the_catch_up_is_sent_arrive_in_their_last_state() {
    let mut office = Office::open().await;
    office.configure("[delivery]\nmax_elements = 10\n");
    let rows: Vec<String> = (1..=200).map(|num| format!("({num}, 1, 'old', '2026-01-01 00:00:00')")).collect();
    office.exec(&format!("INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES {}", rows.join(","))).await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "'2025-12-31 00:00:00'")).await;
    let bridge = office.bridge();
    let mut last = std::collections::BTreeMap::new();
    let mut changed = false;
    while last.len() < 199 || last.values().filter(|note| *note == "new").count() < 100 {
        let event = office.event().await;
        last.extend(event.field("AptNum").into_iter().zip(event.field("Note")));
        if !changed {
            changed = true;
            office.exec("UPDATE appointment SET Note='new' WHERE AptNum % 2 = 0").await;
            office.exec("DELETE FROM appointment WHERE AptNum = 199").await;
        }
    }
    assert!(last.iter().all(|(num, note)| (num.parse::<i64>().unwrap() % 2 == 0) == (note == "new")));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_start_that_lies_ahead_is_waited_for() {
    let mut office = Office::open().await;
    let url = office.receiver.url("/1/");
    office.exec(&subscription_row(1, &url, "Appointment", 1, "NOW() + INTERVAL 4 SECOND")).await;
    let start = office.date_time_start(1).await;
    let bridge = office.bridge();
    office.subscribe(2, "Appointment", 1).await;
    office.ticking(2).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (1, 1, NOW() - INTERVAL 1 HOUR)").await;
    assert_eq!(office.event().await.subscription(), 2);
    office.date_time_start_after(1, &start).await;
    office.exec("INSERT INTO appointment (AptNum, PatNum, DateTStamp) VALUES (2, 1, NOW())").await;
    let mut first = office.event().await;
    while first.subscription() != 1 {
        first = office.event().await;
    }
    assert_eq!(first.field("AptNum"), ["2"], "changes before its start are not the subscription's");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_rows_are_read_once_for_all_subscriptions_that_send_them() {
    let mut office = Office::open_innodb().await;
    // MariaDB then counts the rows that are read of each table.
    office.exec("SET GLOBAL userstat=1").await;
    let numbers = "SELECT seq, 1, '2026-01-01' + INTERVAL seq SECOND FROM seq_1_to_2500";
    office.exec(&format!("INSERT INTO appointment (AptNum, PatNum, DateTStamp) {numbers}")).await;
    for num in 1..=8 {
        let url = office.receiver.url(&format!("/{num}/"));
        office.exec(&subscription_row(num, &url, "Appointment", 1, "'2025-01-01'")).await;
    }
    let read = format!(
        "SELECT ROWS_READ FROM information_schema.TABLE_STATISTICS WHERE TABLE_SCHEMA='{}' AND TABLE_NAME='appointment'",
        office.database
    );
    let rows_read = async |office: &Office| office.value(&read).await.map_or(0, |rows| rows.parse::<i64>().unwrap());
    let before = rows_read(&office).await;
    let bridge = office.bridge();
    let mut arrived = std::collections::BTreeMap::new();
    while arrived.values().sum::<usize>() < 8 * 2500 {
        let event = office.event().await;
        *arrived.entry(event.subscription()).or_insert(0) += event.elements.len();
    }
    assert!(arrived.values().all(|rows| *rows == 2500), "{arrived:?}");
    let rows = rows_read(&office).await - before;
    assert!(rows < 3 * 2500, "{rows} rows were read: the scan reads 2500, and as many are sent");
    bridge.stop().await;
}
