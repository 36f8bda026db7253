//! What a file's events mean for watched tables.

use super::file;

/// A file without its first four bytes, whose sizes and checksums are made right.
pub(crate) fn run(bytes: &[u8]) {
    let events: Vec<_> = file::mended(bytes).collect();
    opendental_cdc::source::fuzzing::following(&events);
}
