//! MySQL's GTIDs: intervals of numbers for each source and tag.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GtidError;

/// Longest tag that MySQL takes.
const MAX_TAG: usize = 32;
/// Largest transaction number (MySQL manual, "GTID Format and Storage").
const MAX_NUMBER: u64 = i64::MAX as u64 - 1;

/// A tag of a GTID (MySQL 8.3 and later); empty for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tag {
    // Zeros behind the text, so that the derived order is the text's.
    text: [u8; MAX_TAG],
}

impl Tag {
    /// The tag with this text, in lower case as the server keeps it; `None` if the server would not take it.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut tag = Self::default();
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if text.first().is_some_and(u8::is_ascii_digit) || !text.iter().all(valid) {
            return None;
        }
        let kept = tag.text.get_mut(..text.len())?;
        kept.copy_from_slice(text);
        kept.make_ascii_lowercase();
        Some(tag)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let text = self.text.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// One transaction: `source:number` or `source:tag:number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MysqlGtid {
    /// UUID of the server that first logged it.
    pub source: [u8; 16],
    /// The tag, empty for none.
    pub tag: Tag,
    /// From 1.
    pub number: u64,
}

impl fmt::Display for MysqlGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(&self.source, f)?;
        if !self.tag.is_empty() {
            write!(f, ":{}", self.tag.as_str())?;
        }
        write!(f, ":{}", self.number)
    }
}

/// First and last number of a run of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    first: u64,
    last: u64,
}

/// A set of transactions, as in `@@gtid_executed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet {
    /// For each source and tag: intervals in order that neither touch nor overlap; never none.
    intervals: BTreeMap<([u8; 16], Tag), Vec<Interval>>,
}

impl GtidSet {
    /// No transactions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one transaction. Cheap where it follows the last one of its source, as in a log. Numbers that no server
    /// gives (0, or above 2^63 - 2) are left out.
    pub fn add(&mut self, gtid: MysqlGtid) {
        self.add_interval(gtid.source, gtid.tag, gtid.number, gtid.number);
    }

    /// Adds the transactions from `first` to `last`, both included.
    pub(crate) fn add_interval(&mut self, source: [u8; 16], tag: Tag, first: u64, last: u64) {
        if first == 0 || last > MAX_NUMBER || first > last {
            return;
        }
        let intervals = self.intervals.entry((source, tag)).or_default();
        // What lies before and does not touch the new one stays; what touches it is merged into it.
        let start = match intervals.last() {
            Some(end) if first > end.last + 1 => intervals.len(),
            _ => intervals.partition_point(|interval| interval.last + 1 < first),
        };
        let end = start + intervals.iter().skip(start).take_while(|interval| interval.first <= last + 1).count();
        let merged = intervals.iter().take(end).skip(start).fold(Interval { first, last }, |merged, interval| {
            Interval { first: merged.first.min(interval.first), last: merged.last.max(interval.last) }
        });
        intervals.splice(start..end, [merged]);
    }

    /// Whether the transaction is in the set.
    pub fn contains(&self, gtid: MysqlGtid) -> bool {
        self.intervals.get(&(gtid.source, gtid.tag)).is_some_and(|intervals| {
            let after = intervals.partition_point(|interval| interval.last < gtid.number);
            intervals.get(after).is_some_and(|interval| interval.first <= gtid.number)
        })
    }

    /// Whether any transaction of this source and tag is in the set.
    pub(crate) fn contains_source(&self, source: [u8; 16], tag: Tag) -> bool {
        self.intervals.contains_key(&(source, tag))
    }

    /// Whether every transaction of `other` is in this set.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.intervals.iter().all(|(source, theirs)| {
            let ours = self.intervals.get(source).map(Vec::as_slice).unwrap_or_default();
            theirs.iter().all(|interval| {
                let after = ours.partition_point(|ours| ours.last < interval.last);
                ours.get(after).is_some_and(|ours| ours.first <= interval.first)
            })
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Each source's UUID and tag with its intervals (first and last number), in order: what COM_BINLOG_DUMP_GTID
    /// needs.
    pub fn sources(&self) -> impl Iterator<Item = (&[u8; 16], &Tag, impl Iterator<Item = (u64, u64)>)> {
        self.intervals.iter().map(|((source, tag), intervals)| {
            (source, tag, intervals.iter().map(|interval| (interval.first, interval.last)))
        })
    }
}

fn write_uuid(uuid: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

impl fmt::Display for GtidSet {
    /// As the server writes it: a source once, its untagged intervals, then each tag with its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last_source = None;
        for ((source, tag), intervals) in &self.intervals {
            if last_source != Some(source) {
                if last_source.is_some() {
                    f.write_str(",")?;
                }
                write_uuid(source, f)?;
                last_source = Some(source);
            }
            if !tag.is_empty() {
                write!(f, ":{}", tag.as_str())?;
            }
            for interval in intervals {
                write!(f, ":{}", interval.first)?;
                if interval.last > interval.first {
                    write!(f, "-{}", interval.last)?;
                }
            }
        }
        Ok(())
    }
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    if !(text.len() == 36 || text.len() == 32) {
        return None;
    }
    let mut uuid = [0; 16];
    hex::decode_to_slice(digits, &mut uuid).ok()?;
    Some(uuid)
}

fn parse_number(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number))
}

fn parse_interval(text: &str) -> Option<(u64, u64)> {
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (parse_number(first.trim())?, parse_number(last.trim())?);
            (first <= last).then_some((first, last))
        }
        None => parse_number(text).map(|number| (number, number)),
    }
}

impl FromStr for GtidSet {
    type Err = GtidError;

    /// Reads the server's text, line breaks and all; blank text is an empty set.
    fn from_str(text: &str) -> Result<Self, GtidError> {
        let mut set = Self::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut pieces = part.split(':').map(str::trim);
            let source = pieces.next().unwrap_or_default();
            let source = parse_uuid(source).ok_or_else(|| GtidError::new(source, "server UUID"))?;
            let mut tag = Tag::default();
            let mut complete = false;
            for piece in pieces {
                if piece.starts_with(|first: char| first.is_ascii_digit()) {
                    let (first, last) = parse_interval(piece)
                        .ok_or_else(|| GtidError::new(piece, "interval of transaction numbers"))?;
                    set.add_interval(source, tag, first, last);
                    complete = true;
                } else {
                    tag = Tag::new(piece.as_bytes())
                        .filter(|tag| !tag.is_empty())
                        .ok_or_else(|| GtidError::new(piece, "GTID tag"))?;
                    complete = false;
                }
            }
            if !complete {
                return Err(GtidError::new(part, "GTID set with transaction numbers"));
            }
        }
        Ok(set)
    }
}

impl Serialize for GtidSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GtidSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn gtids() -> impl Strategy<Value = Vec<MysqlGtid>> {
        let tag = prop::sample::select(vec!["", "a", "b_2"]).prop_map(|text| Tag::new(text.as_bytes()).unwrap());
        let gtid = (0..3u8, tag, 1..30u64);
        let gtid = gtid.prop_map(|(source, tag, number)| MysqlGtid { source: [source; 16], tag, number });
        prop::collection::vec(gtid, 0..60)
    }

    proptest! {
        #[test]
        fn a_set_holds_exactly_what_was_added(gtids in gtids(), asked in gtids()) {
            let mut set = GtidSet::new();
            gtids.iter().for_each(|gtid| set.add(*gtid));
            let added: HashSet<_> = gtids.iter().copied().collect();
            for gtid in gtids.iter().chain(&asked) {
                prop_assert_eq!(set.contains(*gtid), added.contains(gtid));
            }
            let mut some = GtidSet::new();
            asked.iter().for_each(|gtid| some.add(*gtid));
            prop_assert_eq!(set.contains_all(&some), asked.iter().all(|gtid| added.contains(gtid)));
        }

        #[test]
        fn the_order_of_adding_and_adding_twice_change_nothing(gtids in gtids()) {
            let (mut forward, mut backward) = (GtidSet::new(), GtidSet::new());
            gtids.iter().for_each(|gtid| forward.add(*gtid));
            gtids.iter().rev().chain(&gtids).for_each(|gtid| backward.add(*gtid));
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn text_and_back(gtids in gtids()) {
            let mut set = GtidSet::new();
            gtids.iter().for_each(|gtid| set.add(*gtid));
            prop_assert_eq!(set.to_string().parse::<GtidSet>().unwrap(), set.clone());
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<GtidSet>(&json).unwrap(), set);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f:,\\- ]{0,60}|.{0,20}") {
            let _ = text.parse::<GtidSet>();
        }
    }

    #[test]
    fn the_servers_texts() {
        let text = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3:11:47-49:domain_1:1-3:15-21";
        assert_eq!(text.parse::<GtidSet>().unwrap().to_string(), text);
        let folded = "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-2:3,\n24DA167A-0C0C-11E8-8442-00059A3C7B00:1";
        let expected = "24da167a-0c0c-11e8-8442-00059a3c7b00:1,3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3";
        assert_eq!(folded.parse::<GtidSet>().unwrap().to_string(), expected);
    }

    #[test]
    fn what_is_no_set() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        for text in ["24bc", "x:1", uuid, &format!("{uuid}:0"), &format!("{uuid}:3-1"), &format!("{uuid}:1:tag")] {
            assert!(text.parse::<GtidSet>().is_err(), "{text}");
        }
    }
}
