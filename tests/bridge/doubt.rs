//! R4: what the log does not tell with certainty is caught up from the tables, and the bridge goes on.

use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn r4_rows_of_statement_format_writes_are_caught_up_and_the_bridge_goes_on() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    office.exec("SET SESSION binlog_format=STATEMENT; INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    office.exec("INSERT INTO appointment (AptNum, PatNum) VALUES (2, 1)").await;
    let mut next = office.event().await;
    while next.field("AptNum") == ["1"] {
        next = office.event().await;
    }
    assert_eq!(next.field("AptNum").last().unwrap(), "2");
    bridge.stop().await;
}
