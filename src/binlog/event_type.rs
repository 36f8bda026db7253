//! The numbers of the event types, and which of them may be passed over.

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
pub(crate) const WRITE_ROWS_COMPRESSED_V2: u8 = 169;
pub(crate) const UPDATE_ROWS_COMPRESSED_V2: u8 = 170;
pub(crate) const DELETE_ROWS_COMPRESSED_V2: u8 = 171;

/// Events that carry no rows and say nothing that this program needs, each with the reason why it may be skipped.
/// A type that is not here and that the decoder does not read is an error (rule R4).
const IGNORED: &[(u8, &str)] = &[
    (5, "INTVAR: the auto-increment value of the statement behind it; that Query event is what counts"),
    (9, "APPEND_BLOCK: part of a file that an EXECUTE_LOAD_QUERY event loads; that one is read as a Query"),
    (11, "DELETE_FILE: the end of such a file"),
    (13, "RAND: the seeds of the statement behind it; that Query event is what counts"),
    (14, "USER_VAR: a user variable of the statement behind it; that Query event is what counts"),
    (17, "BEGIN_LOAD_QUERY: the first part of such a file"),
    (28, "IGNORABLE: made to be skipped"),
    (29, "ROWS_QUERY: the statement's text; its rows follow by themselves, and the text is never shown (rule D4)"),
    (36, "TRANSACTION_CONTEXT: certification data of group replication; the rows follow by themselves"),
    (37, "VIEW_CHANGE: membership of group replication"),
    (160, "MariaDB ANNOTATE_ROWS: the statement's text; its rows follow by themselves, and the text is never shown"),
    (161, "MariaDB BINLOG_CHECKPOINT: the oldest file that the server's own crash recovery needs"),
    (START_ENCRYPTION, "MariaDB START_ENCRYPTION: the server decrypts what it sends; a file reader must stop at it"),
];

/// Why events of this type are skipped; `None` if they are not.
pub(crate) fn ignored(type_code: u8) -> Option<&'static str> {
    IGNORED.iter().find(|(ignored, _)| *ignored == type_code).map(|(_, reason)| *reason)
}

/// The name in the servers' manuals, for types that are refused.
pub(crate) fn name(type_code: u8) -> &'static str {
    match type_code {
        1 => "START_EVENT_V3",
        7 => "SLAVE_EVENT",
        8 => "CREATE_FILE_EVENT",
        10 => "EXEC_LOAD_EVENT",
        12 => "NEW_LOAD_EVENT",
        20 => "PRE_GA_WRITE_ROWS_EVENT",
        21 => "PRE_GA_UPDATE_ROWS_EVENT",
        22 => "PRE_GA_DELETE_ROWS_EVENT",
        PARTIAL_UPDATE_ROWS => "PARTIAL_UPDATE_ROWS_EVENT",
        TRANSACTION_PAYLOAD => "TRANSACTION_PAYLOAD_EVENT",
        QUERY_COMPRESSED => "MariaDB QUERY_COMPRESSED_EVENT",
        WRITE_ROWS_COMPRESSED_V1 => "MariaDB WRITE_ROWS_COMPRESSED_EVENT_V1",
        UPDATE_ROWS_COMPRESSED_V1 => "MariaDB UPDATE_ROWS_COMPRESSED_EVENT_V1",
        168 => "MariaDB DELETE_ROWS_COMPRESSED_EVENT_V1",
        WRITE_ROWS_COMPRESSED_V2 => "MariaDB WRITE_ROWS_COMPRESSED_EVENT",
        UPDATE_ROWS_COMPRESSED_V2 => "MariaDB UPDATE_ROWS_COMPRESSED_EVENT",
        DELETE_ROWS_COMPRESSED_V2 => "MariaDB DELETE_ROWS_COMPRESSED_EVENT",
        _ => "unknown",
    }
}
