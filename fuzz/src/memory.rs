//! How much memory reading takes.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a decoder's buffers take before they have read anything.
const FIXED: usize = 1 << 20;

/// The most that `run` had allocated at once, in bytes, beside what was allocated before.
pub(crate) fn peak_of(run: impl FnOnce()) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    run();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

/// A table map tells a column in little more than a byte, and what is known of a column has some eighty.
pub(crate) fn of_columns(input: usize) -> usize {
    FIXED + 160 * input
}

/// A byte becomes six as `\u0000`, and a growing text is copied.
pub(crate) fn of_text(input: usize) -> usize {
    FIXED + 40 * input
}

/// zlib makes at most 1032 bytes of one.
pub(crate) fn of_zlib(input: usize) -> usize {
    FIXED + 3 * 1032 * input
}

/// An event in a payload has at most 1 GiB, of whatever few bytes it was compressed to; its buffer grows by doubling.
pub(crate) fn of_zstd(_input: usize) -> usize {
    3 << 30
}
