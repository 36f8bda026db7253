//! Reads all that events offer.

use std::collections::HashMap;

use opendental_cdc::binlog::{Decoder, Event, EventBody, Image, Rows, TableColumns, Utc, Value};

/// More rows than any input here can hold, even compressed.
const MOST_ROWS: usize = 1 << 24;

/// A stream of events.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    decoder: Decoder,
    tables: HashMap<u64, TableColumns>,
}

impl Reading {
    /// Reads an event and, if it can be read, all in it.
    pub(crate) fn event(&mut self, bytes: &[u8]) {
        let Ok(Event { body, .. }) = self.decoder.decode(bytes) else { return };
        match body {
            EventBody::TransactionPayload(mut payload) => {
                while let Ok(Some(inner)) = payload.next_event() {
                    read(&mut self.tables, inner.body);
                }
                assert!(matches!(payload.next_event(), Ok(None)), "an event behind a payload's end or error");
            }
            body => read(&mut self.tables, body),
        }
    }
}

fn read(tables: &mut HashMap<u64, TableColumns>, body: EventBody<'_>) {
    match body {
        EventBody::TableMap(map) => {
            if let Ok(columns) = map.columns() {
                tables.insert(map.table_id, columns);
            }
        }
        EventBody::Rows(event) => {
            // A damaged table id must not hide what damaged rows do.
            if let Some(columns) = tables.get(&event.table_id).or_else(|| tables.values().next()) {
                rows(&event, columns);
                rows(&event.keep().rows(), columns);
            }
        }
        EventBody::MysqlGtid(Some(gtid)) => drop(gtid.to_string()),
        EventBody::PreviousGtids(set) => drop(set.to_string()),
        EventBody::MariadbGtidList(list) => drop(list.to_string()),
        body => drop(format!("{body:?}")),
    }
}

/// Walks the rows, reads their values, and shows them as text.
fn rows(event: &Rows<'_>, columns: &TableColumns) {
    let Ok(changes) = event.iter(columns) else { return };
    let mut text = String::new();
    for (number, change) in changes.enumerate() {
        assert!(number < MOST_ROWS, "rows without end");
        let Ok(change) = change else { break };
        assert!(change.before.is_some() || change.after.is_some());
        let _ = change.is_no_op();
        for image in [change.before, change.after].into_iter().flatten() {
            read_image(image, columns, &mut text);
        }
    }
}

fn read_image(image: Image<'_>, columns: &TableColumns, text: &mut String) {
    let _ = image.is_whole(columns);
    let mut next = 0;
    for value in image.values(columns) {
        let Ok((index, value)) = value else { return };
        assert!((next..columns.len()).contains(&index), "columns come in order");
        next = index + 1;
        let column = columns.get(index).expect("it is one of them");
        text.clear();
        let _ = value.write_text(column, &Utc, text);
        let _ = value.bytes(column);
        if matches!(
            value,
            Value::Decimal(_) | Value::Date(_) | Value::Time { .. } | Value::DateTime(..) | Value::Timestamp(_)
        ) {
            // As `decode` takes for granted, which puts it into JSON as it is.
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')));
        }
    }
    // One column by itself is what it is among the others.
    if let Some(last) = next.checked_sub(1) {
        let alone = image.value(columns, last).expect("it was read before").expect("it is there");
        let column = columns.get(last).expect("it is one of them");
        let mut again = String::new();
        let _ = alone.write_text(column, &Utc, &mut again);
        assert_eq!(again, *text);
    }
}
