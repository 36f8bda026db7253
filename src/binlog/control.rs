//! Events about the log and its transactions.

use super::error::DecodeError;
use super::event::{EventBody, Query, XaId};
use super::header::Header;
use super::input::Input;

/// Bytes at the start of a Query event's body that this program reads: thread, time, schema length, error, length of
/// the status variables. EXECUTE_LOAD_QUERY has more behind them.
const QUERY_POST_HEADER: u8 = 13;

pub(super) fn rotate(body: &[u8]) -> Result<EventBody<'_>, DecodeError> {
    let mut input = Input::new(body, "the rotate event");
    let position = input.u64()?;
    let file = input.rest();
    if file.is_empty() || file.contains(&0) {
        return Err(input.malformed());
    }
    Ok(EventBody::Rotate { file, position })
}

pub(super) fn query(body: &[u8], post_header: u8) -> Result<Query<'_>, DecodeError> {
    let mut input = Input::new(body, "the query event");
    let Some(more) = post_header.checked_sub(QUERY_POST_HEADER) else {
        return Err(input.malformed());
    };
    let thread_id = input.u32()?;
    let _seconds = input.u32()?;
    let schema_length = usize::from(input.u8()?);
    let error_code = input.u16()?;
    let status_length = usize::from(input.u16()?);
    input.bytes(usize::from(more))?;
    input.bytes(status_length)?;
    let schema = input.bytes(schema_length)?;
    if input.u8()? != 0 {
        return Err(input.malformed());
    }
    Ok(Query { schema, statement: input.rest(), error_code, thread_id })
}

pub(super) fn xa_prepare(body: &[u8]) -> Result<EventBody<'_>, DecodeError> {
    let mut input = Input::new(body, "the XA prepare event");
    let one_phase = input.u8()? != 0;
    let format = input.u32()?;
    let global = input.u32()? as usize;
    let branch = input.u32()? as usize;
    let xid = XaId { format, global: input.bytes(global)?, branch: input.bytes(branch)? };
    Ok(EventBody::XaPrepare { one_phase, xid })
}

/// The position stands in the event's header. Beyond 4 GB it does not fit there: MariaDB then sends 0 and puts it into
/// eight bytes in front of the file's name, and MySQL uses the second version of the event.
pub(super) fn heartbeat<'a>(header: &Header, body: &'a [u8], mariadb: bool) -> Result<EventBody<'a>, DecodeError> {
    let mut input = Input::new(body, "the heartbeat event");
    let mut position = u64::from(header.end_position);
    if mariadb && header.end_position == 0 {
        position = input.u64()?;
    }
    Ok(EventBody::Heartbeat { file: input.rest(), position })
}

/// Numbered fields, each with its length (MySQL source documentation, "Heartbeat_event_v2").
pub(super) fn heartbeat_v2(body: &[u8]) -> Result<EventBody<'_>, DecodeError> {
    let mut input = Input::new(body, "the heartbeat event");
    let (mut file, mut position) = (None, None);
    while !input.is_empty() {
        let field = input.u8()?;
        if field == 0 {
            break;
        }
        let value = input.packed_bytes()?;
        match field {
            1 => file = Some(value),
            2 => position = Some(Input::new(value, "the heartbeat event").packed()?),
            _ => {}
        }
    }
    match (file, position) {
        (Some(file), Some(position)) => Ok(EventBody::Heartbeat { file, position }),
        _ => Err(input.malformed()),
    }
}
