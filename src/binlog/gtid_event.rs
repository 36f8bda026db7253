//! The events that carry GTIDs.

use super::error::DecodeError;
use super::event::{MariadbGtidEvent, XaId};
use super::gtid::{GtidList, GtidSet, MariadbGtid, MysqlGtid, Tag};
use super::header::Header;
use super::input::Input;

const WHAT: &str = "the GTID event";

pub(super) fn mysql(body: &[u8]) -> Result<MysqlGtid, DecodeError> {
    let mut input = Input::new(body, WHAT);
    let _flags = input.u8()?;
    Ok(MysqlGtid { source: input.uuid()?, tag: Tag::default(), number: input.u64()? })
}

/// A message of MySQL's serialisation library: its version, its size, the last field that a reader must know, then
/// fields with their numbers: 0 flags, 1 source, 2 number, 3 tag, and more that nothing here needs (MySQL source
/// documentation, "Gtid_event").
pub(super) fn tagged(body: &[u8]) -> Result<MysqlGtid, DecodeError> {
    let mut input = Input::new(body, WHAT);
    let version = input.varlen()?;
    if version != 1 {
        return Err(input.malformed());
    }
    let _size = input.varlen()?;
    let _last_needed = input.varlen()?;
    let (mut source, mut number, mut tag) = (None, None, None);
    while source.is_none() || number.is_none() || tag.is_none() {
        match input.varlen()? {
            0 => {
                input.varlen()?;
            }
            1 => {
                let mut uuid = [0; 16];
                for byte in &mut uuid {
                    *byte = u8::try_from(input.varlen()?).map_err(|_| input.malformed())?;
                }
                source = Some(uuid);
            }
            2 => number = Some(u64::try_from(input.varlen_signed()?).map_err(|_| input.malformed())?),
            3 => tag = Some(read_tag(&mut input)?),
            _ => return Err(input.malformed()),
        }
    }
    match (source, number, tag) {
        (Some(source), Some(number), Some(tag)) => Ok(MysqlGtid { source, tag, number }),
        _ => Err(input.malformed()),
    }
}

fn read_tag(input: &mut Input<'_>) -> Result<Tag, DecodeError> {
    let length = usize::try_from(input.varlen()?).unwrap_or(usize::MAX);
    Tag::new(input.bytes(length)?).ok_or_else(|| input.malformed())
}

/// A count of sources, each with its UUID and intervals whose end is not included. Where a tag is in use, the count
/// moves up a byte, the bytes above and below it are 1, and each source has its tag.
pub(super) fn previous(body: &[u8]) -> Result<GtidSet, DecodeError> {
    let mut input = Input::new(body, "the previous GTIDs event");
    let count = input.u64()?;
    let (tagged, sources) = match count >> 56 {
        0 => (false, count),
        1 => (true, count >> 8 & 0xffff_ffff_ffff),
        _ => return Err(input.malformed()),
    };
    let mut set = GtidSet::new();
    for _ in 0..sources {
        let source = input.uuid()?;
        let tag = if tagged { read_tag(&mut input)? } else { Tag::default() };
        // The server writes each source once and its intervals in order; all else would also be slow to take in.
        if set.contains_source(source, tag) {
            return Err(input.malformed());
        }
        let mut before = 0;
        for _ in 0..input.u64()? {
            let (first, end) = (input.u64()?, input.u64()?);
            match end.checked_sub(1) {
                Some(last) if first > before && first <= last => set.add_interval(source, tag, first, last),
                _ => return Err(input.malformed()),
            }
            before = end;
        }
    }
    Ok(set)
}

const STANDALONE: u8 = 1;
const GROUP_COMMIT: u8 = 2;
const TRANSACTIONAL: u8 = 4;
const DDL: u8 = 32;
const PREPARED_XA: u8 = 64;
const COMPLETED_XA: u8 = 128;

/// MariaDB manual, "GTID_EVENT".
pub(super) fn mariadb<'a>(header: &Header, body: &'a [u8]) -> Result<MariadbGtidEvent<'a>, DecodeError> {
    let mut input = Input::new(body, WHAT);
    let sequence = input.u64()?;
    let domain = input.u32()?;
    let flags = input.u8()?;
    if flags & GROUP_COMMIT != 0 {
        input.u64()?;
    }
    let mut xid = None;
    if flags & (PREPARED_XA | COMPLETED_XA) != 0 {
        let format = input.u32()?;
        let (global, branch) = (usize::from(input.u8()?), usize::from(input.u8()?));
        xid = Some(XaId { format, global: input.bytes(global)?, branch: input.bytes(branch)? });
    }
    let has = |flag| flags & flag != 0;
    Ok(MariadbGtidEvent {
        gtid: MariadbGtid { domain, server: header.server_id, sequence },
        standalone: has(STANDALONE),
        transactional: has(TRANSACTIONAL),
        ddl: has(DDL),
        prepared_xa: xid.filter(|_| has(PREPARED_XA)),
        completed_xa: xid.filter(|_| has(COMPLETED_XA)),
    })
}

/// MariaDB manual, "GTID_LIST_EVENT": the upper four bits of the count are flags. A domain is named once for each
/// server, its last transaction last.
pub(super) fn list(body: &[u8]) -> Result<GtidList, DecodeError> {
    let mut input = Input::new(body, "the GTID list event");
    let count = input.u32()? & 0x0fff_ffff;
    let mut list = GtidList::new();
    for _ in 0..count {
        list.add(MariadbGtid { domain: input.u32()?, server: input.u32()?, sequence: input.u64()? });
    }
    Ok(list)
}
