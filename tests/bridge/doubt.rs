//! R4: what cannot be read with certainty stops the bridge, with a name and its position unmoved.

use opendental_cdc::{bridge::BridgeError, source::SourceError};

use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_statement_format_write_on_a_watched_table_stops_the_bridge_at_that_place() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let start = office.date_time_start(1).await;
    office.exec("SET SESSION binlog_format=STATEMENT; INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)").await;
    let error = bridge.error().await;
    let BridgeError::Source(SourceError::Doubt(doubt)) = &error else { panic!("{error}") };
    assert_eq!(doubt.table_name, "appointment");
    assert!(office.receiver.try_next().is_none());
    assert!(office.date_time_start(1).await >= start);
    // It is still there: a new start meets the same doubt and skips nothing.
    let again = office.bridge().error().await;
    assert!(matches!(again, BridgeError::Source(SourceError::Doubt(_))), "{again}");

    // The documented way on: without its state the bridge begins behind the doubt and catches up by time stamp.
    office.remove_state();
    let bridge = office.bridge();
    assert_eq!(office.event().await.field("AptNum"), ["1"]);
    bridge.stop().await;
}
