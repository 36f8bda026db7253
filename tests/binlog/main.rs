//! The binlog decoder against files of many servers and against the servers themselves.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod charset;
mod corpus;
mod coverage;
#[path = "../reader/coverage_page.rs"]
mod coverage_page;
mod damage;
mod making;
mod metadata;
mod mutation;
mod oracle;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use opendental_cdc::binlog::{DecodeError, Decoder, EventBody, FileError, FileEvents, RowChange, TableColumns};

/// The binlog files to read: our own, and those of MySQL 5.0 to 8.2 and MariaDB 10.0 and 10.11 beside the project, if
/// they are there (`CDC_TEST_BINLOGS` names another folder).
fn corpus() -> Vec<PathBuf> {
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = files_in(&project.join("tests/data"));
    let folder = std::env::var_os("CDC_TEST_BINLOGS").map_or(project.join("../shared/binlogs"), PathBuf::from);
    if folder.is_dir() {
        files.extend(files_in(&folder));
    } else {
        println!("only our own files are read: there are none in {}", folder.display());
    }
    files
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if path.extension().is_none_or(|extension| extension != "tsv" && extension != "sql") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every row of a binlog file, in order, with its table; and what could not be read.
fn read_rows(file: &[u8], mut row: impl FnMut(&str, &TableColumns, RowChange<'_>)) -> Vec<DecodeError> {
    let mut decoder = Decoder::new();
    let mut tables: HashMap<u64, (String, Result<TableColumns, DecodeError>)> = HashMap::new();
    let mut errors = Vec::new();
    let mut take = |body: EventBody<'_>, errors: &mut Vec<DecodeError>| match body {
        EventBody::TableMap(map) => {
            let name = [map.schema, b".", map.table].concat();
            tables.insert(map.table_id, (String::from_utf8(name).unwrap(), map.columns()));
        }
        EventBody::Rows(rows) => {
            let (name, columns) = &tables[&rows.table_id];
            match columns {
                Ok(columns) => rows.iter(columns).unwrap().for_each(|change| row(name, columns, change.unwrap())),
                Err(error) => errors.push(error.clone()),
            }
        }
        _ => {}
    };
    each_event(file, |bytes| match decoder.decode(bytes).map(|event| event.body) {
        Ok(EventBody::TransactionPayload(mut payload)) => loop {
            match payload.next_event() {
                Ok(Some(event)) => take(event.body, &mut errors),
                Ok(None) => break,
                Err(error) => errors.push(error),
            }
        },
        Ok(body) => take(body, &mut errors),
        Err(error) => errors.push(error),
    });
    errors
}

fn each_event(file: &[u8], mut event: impl FnMut(&[u8])) {
    let mut events = FileEvents::new(file).unwrap();
    loop {
        match events.next_event() {
            Ok(Some((_, bytes))) => event(bytes),
            // Some files are copies of what a server still wrote.
            Ok(None) | Err(FileError::Unfinished) => break,
            Err(error @ FileError::Truncated { .. }) => panic!("{error} at {}", events.offset()),
            Err(error) => panic!("{error}"),
        }
    }
}
