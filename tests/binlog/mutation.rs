//! Damaged events: whatever the bytes, the decoder answers with values or errors, and soon.

use std::collections::HashMap;
use std::fs;

use opendental_cdc::binlog::{Decoder, EventBody, FileEvents, TableColumns, Utc};
use proptest::prelude::*;

use crate::{corpus, each_event};

/// Reads everything that an event offers.
fn read_all(decoder: &mut Decoder, tables: &mut HashMap<u64, TableColumns>, event: &[u8]) {
    let Ok(event) = decoder.decode(event) else { return };
    match event.body {
        EventBody::TransactionPayload(mut payload) => {
            while let Ok(Some(event)) = payload.next_event() {
                read_body(tables, event.body);
            }
        }
        body => read_body(tables, body),
    }
}

fn read_body(tables: &mut HashMap<u64, TableColumns>, body: EventBody<'_>) {
    match body {
        EventBody::TableMap(map) => {
            if let Ok(columns) = map.columns() {
                tables.insert(map.table_id, columns);
            }
        }
        EventBody::Rows(rows) => {
            // A damaged table id must not hide what damaged rows do.
            let columns = tables.get(&rows.table_id).or_else(|| tables.values().next());
            let Some(Ok(changes)) = columns.map(|columns| rows.iter(columns)) else { return };
            let columns = columns.unwrap();
            for change in changes {
                let Ok(change) = change else { break };
                for image in [change.before, change.after].into_iter().flatten() {
                    for value in image.values(columns) {
                        let Ok((index, value)) = value else { break };
                        let _ = value.text(columns.get(index).unwrap(), &Utc);
                        let _ = image.value(columns, index);
                    }
                }
            }
        }
        body => drop(format!("{body:?}")),
    }
}

/// Puts the size and the checksum right again, so that the damage gets past them.
fn mend(event: &mut [u8]) {
    let Ok(size) = u32::try_from(event.len()) else { return };
    let Some(stated) = event.get_mut(9..13) else { return };
    stated.copy_from_slice(&size.to_le_bytes());
    if let Some(split) = event.len().checked_sub(4) {
        let checksum = crc32fast::hash(&event[..split]);
        event[split..].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn corpus_events() -> Vec<Vec<Vec<u8>>> {
    let small = |path: &std::path::PathBuf| path.extension().is_none_or(|extension| extension != "gz");
    let files = corpus().into_iter().filter(small).map(|path| {
        let mut events = Vec::new();
        each_event(&fs::read(path).unwrap(), |event| events.push(event.to_vec()));
        events
    });
    files.collect()
}

#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Ones(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(place, byte)| Damage::Set(place, byte)),
        1 => place().prop_map(Damage::Cut),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        1 => place().prop_map(Damage::Ones),
    ]
}

fn apply(damage: &Damage, event: &mut Vec<u8>) {
    if event.is_empty() {
        return;
    }
    match damage {
        Damage::Set(place, byte) => {
            let place = place.index(event.len());
            event[place] = *byte;
        }
        Damage::Cut(place) => event.truncate(place.index(event.len())),
        Damage::Insert(place, bytes) => {
            let place = place.index(event.len());
            event.splice(place..place, bytes.iter().copied());
        }
        Damage::Ones(place) => {
            let place = place.index(event.len());
            event.iter_mut().skip(place).take(8).for_each(|byte| *byte = 0xff);
        }
    }
}

#[test]
fn r4_damaged_events_never_panic_hang_or_take_memory() {
    let files = corpus_events();
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        prop::collection::vec(damage(), 1..4),
        any::<bool>(),
        any::<Option<u8>>(),
    );
    proptest!(config, |((file, event, damages, mended, type_code) in strategy)| {
        let file = &files[file.index(files.len())];
        let damaged = event.index(file.len());
        let mut decoder = Decoder::new();
        let mut tables = HashMap::new();
        for (index, event) in file.iter().enumerate() {
            if index == damaged {
                let mut event = event.clone();
                damages.iter().for_each(|damage| apply(damage, &mut event));
                if let (Some(code), Some(place)) = (type_code, event.get_mut(4)) {
                    *place = code;
                }
                if mended {
                    mend(&mut event);
                }
                read_all(&mut decoder, &mut tables, &event);
            } else {
                read_all(&mut decoder, &mut tables, event);
            }
        }
    });
}

#[test]
fn any_bytes_are_no_event_or_an_event() {
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200), mended in any::<bool>())| {
        let mut bytes = bytes;
        if mended {
            mend(&mut bytes);
        }
        read_all(&mut Decoder::new(), &mut HashMap::new(), &bytes);
        if let Ok(mut events) = FileEvents::new(&[b"\xfebin", &bytes[..]].concat()[..]) {
            while let Ok(Some(_)) = events.next_event() {}
        }
    });
}
