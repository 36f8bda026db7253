//! Which event types the files of many servers hold, as `docs/coverage.md` says it.

use std::fs;

use opendental_cdc::binlog::{Decoder, EventBody};

use crate::{corpus, corpus::unpack, coverage_page, each_event};

#[test]
fn r4_coverage_files_hold_what_the_page_says() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let files = corpus();
    if files.iter().all(|file| file.starts_with(own)) {
        println!("docs/coverage.md was NOT compared: other servers' files are not here");
        return;
    }
    let unpacked = tempfile::tempdir().unwrap();
    let mut versions = coverage_page::Versions::new();
    for file in files {
        let bytes = fs::read(unpack(file, unpacked.path())).unwrap();
        let mut decoder = Decoder::new();
        let mut types = Vec::new();
        each_event(&bytes, |event| {
            // What cannot be read is other tests' concern.
            let Ok(event) = decoder.decode(event) else { return };
            types.push(event.header.type_code);
            if let EventBody::TransactionPayload(mut payload) = event.body {
                while let Ok(Some(inner)) = payload.next_event() {
                    types.push(inner.header.type_code);
                }
            }
        });
        if let Some(format) = decoder.format() {
            versions.entry(coverage_page::version(format)).or_default().extend(types);
        }
    }
    for (version, seen) in &versions {
        coverage_page::agree("In files", version, seen);
    }
}
