//! What the fuzzers do (`fuzz/README.md`), with their stored corpus and with mutations of it: whatever the bytes, the
//! outcome is a value or an error, soon, and in memory that is a small multiple of them.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, unused_imports)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use targets::TARGETS;

/// How often each stored input is mutated.
const MUTATIONS: usize = 200;

/// One test for all, since memory is counted over the whole process.
#[test]
fn r4_whatever_the_bytes_reading_them_ends_and_takes_little_memory() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut random = fastrand::Rng::with_seed(3);
    for target in TARGETS {
        let mut inputs: Vec<Vec<u8>> = Vec::new();
        for entry in fs::read_dir(corpus.join(target.name)).unwrap() {
            inputs.push(fs::read(entry.unwrap().path()).unwrap());
        }
        // In the order of their names, so that every run does the same.
        inputs.sort();
        assert!(!inputs.is_empty(), "{}", target.name);
        for input in &inputs {
            target.check(input);
            for _ in 0..MUTATIONS {
                let mut mutated = input.clone();
                for _ in 0..random.usize(1..5) {
                    mutate(&mut mutated, &inputs, &mut random);
                }
                target.check(&mutated);
            }
        }
        println!("{}: {} inputs", target.name, inputs.len());
    }
}

fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut fastrand::Rng) {
    let place = random.usize(0..=bytes.len());
    let end = (place + random.usize(1..9)).min(bytes.len());
    match random.u8(0..8) {
        0 => bytes.truncate(place),
        1 => drop(bytes.drain(place..end)),
        2 => bytes.splice(place..place, [random.u8(..), random.u8(..)]).for_each(drop),
        3 => bytes[place..end].fill(0xff),
        4 => {
            // The end of another input, behind the start of this one.
            let other = &others[random.usize(0..others.len())];
            bytes.truncate(place);
            bytes.extend(&other[place.min(other.len())..]);
        }
        5 => bytes[place..end].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1)),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                let any = random.u8(..);
                *byte = random.choice([0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, any]).unwrap();
            }
        }
    }
}
