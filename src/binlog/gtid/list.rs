//! MariaDB's GTIDs: the last of each replication domain says all.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GtidError;

/// One transaction: `domain-server-sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MariadbGtid {
    /// The replication domain.
    pub domain: u32,
    /// The server that first logged it.
    pub server: u32,
    /// Grows in each domain.
    pub sequence: u64,
}

impl fmt::Display for MariadbGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl FromStr for MariadbGtid {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, GtidError> {
        let error = || GtidError::new(text, "MariaDB GTID (domain-server-sequence)");
        let mut parts = text.trim().split('-');
        let mut next = || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let gtid = match (next(), next(), next()) {
            (Some(domain), Some(server), Some(sequence)) => Self {
                domain: domain.parse().map_err(|_| error())?,
                server: server.parse().map_err(|_| error())?,
                sequence: sequence.parse().map_err(|_| error())?,
            },
            _ => return Err(error()),
        };
        if parts.next().is_some() { Err(error()) } else { Ok(gtid) }
    }
}

/// The last GTID of each domain, as in `@@gtid_binlog_pos` and `@slave_connect_state`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidList {
    last: BTreeMap<u32, (u32, u64)>,
}

impl GtidList {
    /// No transactions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `gtid` the last of its domain, as the log does when it comes next.
    pub fn add(&mut self, gtid: MariadbGtid) {
        self.last.insert(gtid.domain, (gtid.server, gtid.sequence));
    }

    /// Whether the last of its domain is `gtid` or a later one.
    pub fn contains(&self, gtid: MariadbGtid) -> bool {
        self.last.get(&gtid.domain).is_some_and(|(_, sequence)| gtid.sequence <= *sequence)
    }

    /// Whether there are no domains.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The last of each domain, by domain.
    pub fn iter(&self) -> impl Iterator<Item = MariadbGtid> {
        self.last.iter().map(|(domain, (server, sequence))| MariadbGtid {
            domain: *domain,
            server: *server,
            sequence: *sequence,
        })
    }
}

impl fmt::Display for GtidList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, gtid) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{gtid}")?;
        }
        Ok(())
    }
}

impl FromStr for GtidList {
    type Err = GtidError;

    /// Reads a list separated by commas; blank text is an empty list. A domain named twice is an error.
    fn from_str(text: &str) -> Result<Self, GtidError> {
        let mut list = Self::new();
        if text.trim().is_empty() {
            return Ok(list);
        }
        for part in text.split(',') {
            let gtid: MariadbGtid = part.parse()?;
            if list.last.contains_key(&gtid.domain) {
                return Err(GtidError::new(part, "MariaDB GTID of a domain not named before"));
            }
            list.add(gtid);
        }
        Ok(list)
    }
}

impl Serialize for GtidList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GtidList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gtids() -> impl Strategy<Value = Vec<MariadbGtid>> {
        let gtid = (0..4u32, any::<u32>(), any::<u64>());
        prop::collection::vec(
            gtid.prop_map(|(domain, server, sequence)| MariadbGtid { domain, server, sequence }),
            0..9,
        )
    }

    proptest! {
        #[test]
        fn text_and_back(gtids in gtids()) {
            let mut list = GtidList::new();
            gtids.iter().for_each(|gtid| list.add(*gtid));
            prop_assert_eq!(list.to_string().parse::<GtidList>().unwrap(), list.clone());
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(serde_json::from_str::<GtidList>(&json).unwrap(), list);
        }

        #[test]
        fn what_was_added_is_contained_and_adding_it_again_changes_nothing(gtids in gtids()) {
            let mut list = GtidList::new();
            for gtid in gtids {
                list.add(gtid);
                prop_assert!(list.contains(gtid));
                let before = list.clone();
                list.add(gtid);
                prop_assert_eq!(&before, &list);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,\\- ]{0,40}|.{0,20}") {
            let _ = text.parse::<GtidList>();
        }
    }

    #[test]
    fn what_is_no_list() {
        for text in ["0-1", "0-1-2-3", "0-1-x", "0-1-2,0-2-3", "0--2", ",", "-1-1-1", "4294967296-1-1"] {
            assert!(text.parse::<GtidList>().is_err(), "{text}");
        }
        assert!(" ".parse::<GtidList>().unwrap().is_empty());
    }
}
