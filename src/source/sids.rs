//! MySQL's GTID sets as `mysql_common` sends them.

use mysql_common::packets::{GnoInterval, Sid};

use crate::binlog::GtidSet;

/// The set, by source.
pub(super) fn sids(set: &GtidSet) -> Vec<Sid<'static>> {
    let sids = set.sources().map(|(source, tag, intervals)| {
        let intervals = intervals.map(|(first, last)| GnoInterval::new(first, last.saturating_add(1))).collect();
        sid(source, tag.as_str()).with_intervals(intervals)
    });
    sids.collect()
}

fn sid(source: &[u8; 16], tag: &str) -> Sid<'static> {
    let plain = Sid::new(*source);
    if tag.is_empty() {
        return plain;
    }
    // A tag can only be given as text, with an interval, which is then put right.
    let source = hex::encode(source);
    format!("{source}:{tag}:1").parse().unwrap_or(plain)
}
