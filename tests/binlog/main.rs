//! The binlog decoder against files of many servers and against the servers themselves.
#![allow(clippy::unwrap_used, missing_docs)]

mod charset;
mod corpus;
mod mutation;
mod oracle;
mod select;

use std::collections::HashMap;
use std::path::PathBuf;

use opendental_cdc::binlog::{DecodeError, Decoder, EventBody, FileError, FileEvents, RowChange, TableColumns};

/// Binlog files of MySQL 5.0 to 8.2 and MariaDB 10.0 and 10.11 beside the project; tests that need them say when they
/// are not there.
fn corpus_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/binlogs");
    let folder = std::env::var_os("OPENDENTAL_CDC_BINLOGS").map_or(folder, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no binlog files in {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Every row of a binlog file, in order, with its table; and what could not be read.
fn read_rows(file: &[u8], mut row: impl FnMut(&str, &TableColumns, RowChange<'_>)) -> Vec<DecodeError> {
    let mut decoder = Decoder::new();
    let mut tables: HashMap<u64, (String, Result<TableColumns, DecodeError>)> = HashMap::new();
    let mut errors = Vec::new();
    each_event(file, |bytes| match decoder.decode(bytes).map(|event| event.body) {
        Ok(EventBody::TableMap(map)) => {
            let name = [map.schema, b".", map.table].concat();
            tables.insert(map.table_id, (String::from_utf8(name).unwrap(), map.columns()));
        }
        Ok(EventBody::Rows(rows)) => {
            let (name, columns) = &tables[&rows.table_id];
            match columns {
                Ok(columns) => rows.iter(columns).unwrap().for_each(|change| row(name, columns, change.unwrap())),
                Err(error) => errors.push(error.clone()),
            }
        }
        Ok(_) => {}
        Err(error) => errors.push(error),
    });
    errors
}

fn each_event(file: &[u8], mut event: impl FnMut(&[u8])) {
    let mut events = FileEvents::new(file).unwrap();
    loop {
        match events.next_event() {
            Ok(Some((_, bytes))) => event(bytes),
            Ok(None) => break,
            Err(error @ FileError::Truncated { .. }) => panic!("{error} at {}", events.offset()),
            Err(error) => panic!("{error}"),
        }
    }
}
