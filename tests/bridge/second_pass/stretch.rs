//! What happens in the stretch of the log that only the second reader reads, and where it ends.

use super::{BEGUN, DONE, GIVEN_UP, LeftBehind, More, arrive, id, insert, start, start_with};
use crate::{office::Event, proxy::Fate};

/// The last that a subscription was told of a row.
fn last(events: &[Event], num: i64, row: i64, field: &str) -> Option<String> {
    let of = events.iter().filter(|event| event.subscription() == num);
    let mut values = of.flat_map(|event| event.field("AptNum").into_iter().zip(event.field(field)));
    let mut found = None;
    for (key, value) in values.by_ref() {
        if key == row.to_string() {
            found = Some(value);
        }
    }
    found
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn w9_dies_when_the_second_reader_has_joined() {
    let mut left = LeftBehind::new().await;
    let mut dying = start_with(&left.office, &[("CDC_TEST_DIE_AT", "second-pass-joined")]);
    dying.ended().await;
    assert_eq!(dying.exit_code(), None, "it ended in another way");
    left.office.exec(&insert(4)).await;
    let bridge = start(&left.office);
    let each = |num| [1, 2, 4].map(|row| (num, "AptNum", row));
    let others = [(2, "AptNum", 4), (3, "LabCaseNum", 5), (3, "LabCaseNum", 6)];
    let wanted: Vec<_> = [each(1), each(4)].into_iter().flatten().chain(others).collect();
    let events = arrive(&mut left.office, &wanted).await;
    assert_eq!([id(&events, 1), id(&events, 3)], left.failed, "a window stays as it was closed");
    assert!(!events.iter().any(|event| event.field("AptNum").contains(&"3".to_owned())), "a deleted row was sent");
    assert_eq!((left.told(BEGUN), left.told(DONE), left.told(GIVEN_UP)), (2, 1, 0));
    bridge.kill();
}

/// Columns are changed twice, and rows written before, between and behind: `what_is_known` of them is stored or not.
async fn altered(what_is_known: bool) {
    let stretch = "UPDATE appointment SET Note='one' WHERE AptNum=2; \
                   ALTER TABLE appointment ADD COLUMN Chaos INT NOT NULL DEFAULT 7 FIRST; \
                   INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES (6, 1, 'two', NOW()); \
                   ALTER TABLE appointment DROP COLUMN Chaos, ADD COLUMN Order66 VARCHAR(9) DEFAULT 'x' AFTER PatNum; \
                   INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES (7, 1, 'three', NOW())";
    let mut left = LeftBehind::with(More { stretch, ..More::default() }).await;
    if !what_is_known {
        left.office.forget_layouts().await;
    }
    let bridge = start(&left.office);
    left.office.exec(&insert(4)).await;
    let each = |num| [1, 2, 4, 6, 7].map(|row| (num, "AptNum", row));
    let wanted: Vec<_> = [each(1), each(4)].into_iter().flatten().chain([(2, "AptNum", 4)]).collect();
    let events = arrive(&mut left.office, &wanted).await;
    assert_eq!((left.told(DONE), left.told(GIVEN_UP)), (1, 0));
    for num in [1, 4] {
        for (row, note) in [(2, "one"), (6, "two"), (7, "three")] {
            assert_eq!(last(&events, num, row, "Note").as_deref(), Some(note), "subscription {num}, row {row}");
            assert_eq!(last(&events, num, row, "PatNum").as_deref(), Some("1"), "subscription {num}, row {row}");
        }
        assert_eq!(last(&events, num, 3, "AptNum"), None, "a deleted row was sent");
    }
    assert_eq!(id(&events, 1), left.failed[0], "a window stays as it was closed");
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_that_change_where_only_the_second_reader_reads_keep_their_names() {
    altered(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_columns_that_nobody_knows_where_only_the_second_reader_reads_keep_their_names() {
    altered(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_statements_and_an_emptied_table_where_only_the_second_reader_reads() {
    let more = More {
        subscription: Some((5, "PatField", "PatFieldNum", 1)),
        before: "INSERT INTO patfield (PatFieldNum, PatNum, FieldName, FieldValue, SecDateTEdit) VALUES (1, 1, 'f', '', NOW()); ",
        stretch: "TRUNCATE patfield; \
                  INSERT INTO patfield (PatFieldNum, PatNum, FieldName, FieldValue, SecDateTEdit) VALUES (2, 1, 'f', '', NOW()); \
                  SET SESSION binlog_format=STATEMENT; \
                  INSERT INTO appointment (AptNum, PatNum, Note, DateTStamp) VALUES (6, 1, 'stated', NOW()); \
                  UPDATE appointment SET Note='stated' WHERE AptNum=2",
    };
    let mut left = LeftBehind::with(more).await;
    let bridge = start(&left.office);
    left.office.exec(&insert(4)).await;
    let each = |num| [1, 2, 4, 6].map(|row| (num, "AptNum", row));
    let others = [(2, "AptNum", 4), (5, "PatFieldNum", 2), (3, "LabCaseNum", 5), (3, "LabCaseNum", 6)];
    let wanted: Vec<_> = [each(1), each(4)].into_iter().flatten().chain(others).collect();
    let events = arrive(&mut left.office, &wanted).await;
    assert_eq!((left.told(DONE), left.told(GIVEN_UP)), (1, 0));
    for (num, row) in [(1, 2), (1, 6), (4, 2), (4, 6)] {
        assert_eq!(last(&events, num, row, "Note").as_deref(), Some("stated"), "subscription {num}, row {row}");
    }
    for event in &events {
        assert!(event.subscription() != 5 || event.field("PatFieldNum") == ["2"], "what was emptied was sent");
        assert!(event.subscription() != 2 || event.field("AptNum") == ["4"], "sent again");
    }
    bridge.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_schedules_that_moved_unlogged_while_the_second_reader_read_are_told() {
    let more = More {
        subscription: Some((5, "Schedule", "ScheduleNum", 1)),
        before: "INSERT INTO schedule (ScheduleNum, Note, DateTStamp) VALUES (1, '', NOW()); ",
        ..More::default()
    };
    let mut left = LeftBehind::with(more).await;
    left.proxy.dumps(Fate::Slow);
    let bridge = start(&left.office);
    left.until_told(BEGUN).await;
    left.office.ticking(2).await;
    // The schedule itself, and its stamp, stay as they are.
    left.office
        .exec("SET SESSION binlog_format=STATEMENT; INSERT INTO scheduleop (ScheduleNum, OperatoryNum) VALUES (2, 9)")
        .await;
    left.office
        .until("the lookups are read anew", async || (left.told("subscriptions and lookups loaded") > 2).then_some(()))
        .await;
    left.office.ticking(2).await;
    left.office.ticking(2).await;
    assert_eq!(left.told(DONE), 0);
    left.proxy.dumps(Fate::Forwarded);
    arrive(&mut left.office, &[(5, "ScheduleNum", 2)]).await;
    bridge.kill();
}
