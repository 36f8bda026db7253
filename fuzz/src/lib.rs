//! What the fuzzers do with their bytes. `cargo test` does the same with the stored corpus and mutations of it
//! (`tests/fuzz.rs` in the folder above).
//!
//! Each target takes any bytes. What they are read as is read to its end, or to its first error; panics, loops and
//! memory beyond the target's limit are findings.

mod charset;
mod event;
mod event_bytes;
mod file;
#[cfg(fuzzing)]
mod follow;
mod gtid;
mod json;
mod memory;
mod payload;
mod reading;
mod rows;

pub use event_bytes::Server;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its binary and of its folder in `corpus`.
    pub name: &'static str,
    /// Reads some bytes.
    pub run: fn(&[u8]),
    /// Most bytes that may be allocated at once for so many bytes of input.
    pub memory: fn(usize) -> usize,
}

/// All targets. Three read what is private, and are there for the fuzzers only; their tests stand beside it.
pub const TARGETS: &[Target] = &[
    Target { name: "file", run: file::run, memory: memory::of_columns },
    Target { name: "event", run: event::run, memory: memory::of_zlib },
    Target { name: "rows", run: rows::run, memory: memory::of_zlib },
    Target { name: "payload", run: payload::run, memory: memory::of_zstd },
    Target { name: "json", run: json::run, memory: memory::of_text },
    Target { name: "gtid", run: gtid::run, memory: memory::of_columns },
    Target { name: "charset", run: charset::run, memory: memory::of_text },
    #[cfg(fuzzing)]
    Target { name: "follow", run: follow::run, memory: memory::of_zstd },
    #[cfg(fuzzing)]
    Target { name: "statement", run: opendental_cdc::source::fuzzing::statement, memory: memory::of_columns },
    #[cfg(fuzzing)]
    Target { name: "transactions", run: opendental_cdc::source::fuzzing::transactions, memory: memory::of_columns },
];

impl Target {
    /// Reads some bytes and panics if that took too much memory. Nothing else may run meanwhile.
    pub fn check(&self, bytes: &[u8]) {
        let peak = memory::peak_of(|| (self.run)(bytes));
        let most = (self.memory)(bytes.len());
        assert!(peak <= most, "{peak} bytes were allocated for {} bytes, but at most {most} may be", bytes.len());
    }
}

/// [`Target::check`] of the target with this name.
#[cfg(fuzzing)]
pub fn check(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    target.check(bytes);
}
