//! The event types: their numbers, their names, and what is done with each.

pub(crate) const QUERY: u8 = 2;
pub(crate) const STOP: u8 = 3;
pub(crate) const ROTATE: u8 = 4;
pub(crate) const FORMAT_DESCRIPTION: u8 = 15;
pub(crate) const XID: u8 = 16;
pub(crate) const EXECUTE_LOAD_QUERY: u8 = 18;
pub(crate) const TABLE_MAP: u8 = 19;
pub(crate) const WRITE_ROWS_V1: u8 = 23;
pub(crate) const UPDATE_ROWS_V1: u8 = 24;
pub(crate) const DELETE_ROWS_V1: u8 = 25;
pub(crate) const INCIDENT: u8 = 26;
pub(crate) const HEARTBEAT: u8 = 27;
pub(crate) const WRITE_ROWS_V2: u8 = 30;
pub(crate) const UPDATE_ROWS_V2: u8 = 31;
pub(crate) const DELETE_ROWS_V2: u8 = 32;
pub(crate) const GTID: u8 = 33;
pub(crate) const ANONYMOUS_GTID: u8 = 34;
pub(crate) const PREVIOUS_GTIDS: u8 = 35;
pub(crate) const XA_PREPARE: u8 = 38;
pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 39;
pub(crate) const TRANSACTION_PAYLOAD: u8 = 40;
pub(crate) const HEARTBEAT_V2: u8 = 41;
pub(crate) const GTID_TAGGED: u8 = 42;
pub(crate) const MARIADB_GTID: u8 = 162;
pub(crate) const MARIADB_GTID_LIST: u8 = 163;
pub(crate) const START_ENCRYPTION: u8 = 164;
pub(crate) const QUERY_COMPRESSED: u8 = 165;
pub(crate) const WRITE_ROWS_COMPRESSED_V1: u8 = 166;
pub(crate) const UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
pub(crate) const DELETE_ROWS_COMPRESSED_V1: u8 = 168;
pub(crate) const WRITE_ROWS_COMPRESSED_V2: u8 = 169;
pub(crate) const UPDATE_ROWS_COMPRESSED_V2: u8 = 170;
pub(crate) const DELETE_ROWS_COMPRESSED_V2: u8 = 171;

/// A type of event in the servers' binary logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its number.
    pub code: u8,
    /// Its name in the servers' manuals.
    pub name: &'static str,
    /// What is done with it.
    pub handling: Handling,
}

/// What is done with events of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// They are read.
    Read,
    /// They are passed over, as a review found right: they carry no rows and say nothing that this program needs.
    Skipped {
        /// Why that is so.
        reason: &'static str,
    },
    /// They are an error (rule R4).
    Refused {
        /// Where they come from.
        reason: &'static str,
    },
}

/// All types that the servers' sources name. Any other is an error too, unless its event is flagged as one that may be
/// ignored.
pub const EVENT_TYPES: &[EventType] = &[
    refused(1, "START_EVENT_V3", "the first event of the logs of MySQL 4.1 and before"),
    read(QUERY, "QUERY_EVENT"),
    read(STOP, "STOP_EVENT"),
    read(ROTATE, "ROTATE_EVENT"),
    skipped(5, "INTVAR_EVENT", "the auto-increment value of the statement behind it; that Query event is what counts"),
    refused(6, "LOAD_EVENT", "a loaded file in the logs of MySQL 3.23"),
    refused(7, "SLAVE_EVENT", "never written"),
    refused(8, "CREATE_FILE_EVENT", "a loaded file in the logs of MySQL 4"),
    skipped(
        9,
        "APPEND_BLOCK_EVENT",
        "part of a file that an EXECUTE_LOAD_QUERY event loads; that one is read as a Query",
    ),
    refused(10, "EXEC_LOAD_EVENT", "a loaded file in the logs of MySQL 4"),
    skipped(11, "DELETE_FILE_EVENT", "the end of a file that was to be loaded"),
    refused(12, "NEW_LOAD_EVENT", "a loaded file in the logs of MySQL 4"),
    skipped(13, "RAND_EVENT", "the seeds of the statement behind it; that Query event is what counts"),
    skipped(14, "USER_VAR_EVENT", "a user variable of the statement behind it; that Query event is what counts"),
    read(FORMAT_DESCRIPTION, "FORMAT_DESCRIPTION_EVENT"),
    read(XID, "XID_EVENT"),
    skipped(17, "BEGIN_LOAD_QUERY_EVENT", "the first part of a file that an EXECUTE_LOAD_QUERY event loads"),
    read(EXECUTE_LOAD_QUERY, "EXECUTE_LOAD_QUERY_EVENT"),
    read(TABLE_MAP, "TABLE_MAP_EVENT"),
    refused(20, "PRE_GA_WRITE_ROWS_EVENT", "rows in the logs of test versions of MySQL 5.1"),
    refused(21, "PRE_GA_UPDATE_ROWS_EVENT", "rows in the logs of test versions of MySQL 5.1"),
    refused(22, "PRE_GA_DELETE_ROWS_EVENT", "rows in the logs of test versions of MySQL 5.1"),
    read(WRITE_ROWS_V1, "WRITE_ROWS_EVENT_V1"),
    read(UPDATE_ROWS_V1, "UPDATE_ROWS_EVENT_V1"),
    read(DELETE_ROWS_V1, "DELETE_ROWS_EVENT_V1"),
    read(INCIDENT, "INCIDENT_EVENT"),
    read(HEARTBEAT, "HEARTBEAT_EVENT"),
    skipped(28, "IGNORABLE_EVENT", "made to be skipped"),
    skipped(
        29,
        "ROWS_QUERY_EVENT",
        "the statement's text; its rows follow by themselves, and the text is never shown (rule D4)",
    ),
    read(WRITE_ROWS_V2, "WRITE_ROWS_EVENT"),
    read(UPDATE_ROWS_V2, "UPDATE_ROWS_EVENT"),
    read(DELETE_ROWS_V2, "DELETE_ROWS_EVENT"),
    read(GTID, "GTID_EVENT"),
    read(ANONYMOUS_GTID, "ANONYMOUS_GTID_EVENT"),
    read(PREVIOUS_GTIDS, "PREVIOUS_GTIDS_EVENT"),
    skipped(36, "TRANSACTION_CONTEXT_EVENT", "certification data of group replication; the rows follow by themselves"),
    skipped(37, "VIEW_CHANGE_EVENT", "membership of group replication"),
    read(XA_PREPARE, "XA_PREPARE_EVENT"),
    read(PARTIAL_UPDATE_ROWS, "PARTIAL_UPDATE_ROWS_EVENT"),
    read(TRANSACTION_PAYLOAD, "TRANSACTION_PAYLOAD_EVENT"),
    read(HEARTBEAT_V2, "HEARTBEAT_EVENT_V2"),
    read(GTID_TAGGED, "GTID_TAGGED_EVENT"),
    skipped(
        160,
        "MariaDB ANNOTATE_ROWS_EVENT",
        "the statement's text; its rows follow by themselves, and the text is never shown (rule D4)",
    ),
    skipped(161, "MariaDB BINLOG_CHECKPOINT_EVENT", "the oldest file that the server's own crash recovery needs"),
    read(MARIADB_GTID, "MariaDB GTID_EVENT"),
    read(MARIADB_GTID_LIST, "MariaDB GTID_LIST_EVENT"),
    skipped(
        START_ENCRYPTION,
        "MariaDB START_ENCRYPTION_EVENT",
        "the server decrypts what it sends; a file's reader stops at it",
    ),
    read(QUERY_COMPRESSED, "MariaDB QUERY_COMPRESSED_EVENT"),
    read(WRITE_ROWS_COMPRESSED_V1, "MariaDB WRITE_ROWS_COMPRESSED_EVENT_V1"),
    read(UPDATE_ROWS_COMPRESSED_V1, "MariaDB UPDATE_ROWS_COMPRESSED_EVENT_V1"),
    read(DELETE_ROWS_COMPRESSED_V1, "MariaDB DELETE_ROWS_COMPRESSED_EVENT_V1"),
    read(WRITE_ROWS_COMPRESSED_V2, "MariaDB WRITE_ROWS_COMPRESSED_EVENT"),
    read(UPDATE_ROWS_COMPRESSED_V2, "MariaDB UPDATE_ROWS_COMPRESSED_EVENT"),
    read(DELETE_ROWS_COMPRESSED_V2, "MariaDB DELETE_ROWS_COMPRESSED_EVENT"),
];

const fn read(code: u8, name: &'static str) -> EventType {
    EventType { code, name, handling: Handling::Read }
}

const fn skipped(code: u8, name: &'static str, reason: &'static str) -> EventType {
    EventType { code, name, handling: Handling::Skipped { reason } }
}

const fn refused(code: u8, name: &'static str, reason: &'static str) -> EventType {
    EventType { code, name, handling: Handling::Refused { reason } }
}

fn known(type_code: u8) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|known| known.code == type_code)
}

/// Whether events of this type are passed over.
pub(crate) fn is_skipped(type_code: u8) -> bool {
    known(type_code).is_some_and(|known| matches!(known.handling, Handling::Skipped { .. }))
}

/// Whether no flag excuses an event of this type: it may carry rows.
pub(crate) fn may_carry_rows(type_code: u8) -> bool {
    let refused = known(type_code).is_some_and(|known| matches!(known.handling, Handling::Refused { .. }));
    let compressed = QUERY_COMPRESSED..=DELETE_ROWS_COMPRESSED_V2;
    refused || compressed.contains(&type_code) || matches!(type_code, PARTIAL_UPDATE_ROWS | TRANSACTION_PAYLOAD)
}

/// The name in the servers' manuals, for types that are refused.
pub(crate) fn name(type_code: u8) -> &'static str {
    known(type_code).map_or("unknown", |known| known.name)
}
