//! One event, read.

use super::format::FormatDescription;
use super::gtid::{GtidList, GtidSet, MariadbGtid, MysqlGtid};
use super::header::Header;
use super::payload::Payload;
use super::rows::Rows;
use super::table_map::TableMap;

/// One event of the binlog. Row images and names are borrowed from its bytes.
#[derive(Debug)]
pub struct Event<'a> {
    /// The header.
    pub header: Header,
    /// The rest.
    pub body: EventBody<'a>,
}

impl Event<'_> {
    /// Whether the server made this event up for the connection, so that it stands in no file.
    pub fn is_artificial(&self) -> bool {
        self.header.is_artificial()
    }
}

/// What an event says (MySQL source documentation, "Binlog Event"; MariaDB manual, "Replication Protocol").
#[derive(Debug)]
#[non_exhaustive]
pub enum EventBody<'a> {
    /// How the events behind it are laid out.
    FormatDescription(FormatDescription),
    /// The log goes on in another file.
    Rotate {
        /// That file's name.
        file: &'a [u8],
        /// Where in it.
        position: u64,
    },
    /// A statement, among them BEGIN, COMMIT and all DDL.
    Query(Query<'a>),
    /// The commit of a transaction of a transactional engine, with its number in the server.
    Xid(u64),
    /// An XA transaction was prepared: its rows, read before, count only at XA COMMIT (rule R1).
    XaPrepare {
        /// `XA COMMIT … ONE PHASE`: this is the commit.
        one_phase: bool,
        /// Which XA transaction.
        xid: XaId<'a>,
    },
    /// Which table the rows events with this table id belong to.
    TableMap(TableMap<'a>),
    /// Rows of one table.
    Rows(Rows<'a>),
    /// MySQL: the events of a whole transaction, compressed.
    TransactionPayload(Payload<'a>),
    /// MySQL: the transaction behind it has this GTID; `None`: an anonymous one.
    MysqlGtid(Option<MysqlGtid>),
    /// MySQL: the GTIDs of all transactions in earlier files.
    PreviousGtids(GtidSet),
    /// MariaDB: the transaction behind it, which has no BEGIN.
    MariadbGtid(MariadbGtidEvent<'a>),
    /// MariaDB: the last GTID of each domain in earlier files.
    MariadbGtidList(GtidList),
    /// Nothing happened; the log has been read up to here.
    Heartbeat {
        /// File that the server reads.
        file: &'a [u8],
        /// Where in it.
        position: u64,
    },
    /// The server knows that changes are missing from the log (rule R4).
    Incident,
    /// The server stopped; the next file follows.
    Stop,
    /// A reviewed type that carries nothing we need, by its type code.
    Ignored(u8),
}

/// A Query event (or EXECUTE_LOAD_QUERY, whose statement is a LOAD DATA).
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The default schema of the statement; may be empty.
    pub schema: &'a [u8],
    /// The statement, in the client's character set. Never shown (rule D4).
    pub statement: &'a [u8],
    /// The error with which it ended, 0 for none.
    pub error_code: u16,
    /// The connection that ran it.
    pub thread_id: u32,
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("statement_bytes", &self.statement.len()).finish_non_exhaustive()
    }
}

/// An XA transaction's identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct XaId<'a> {
    /// Its format; 1 unless the client said otherwise.
    pub format: u32,
    /// The global transaction's part.
    pub global: &'a [u8],
    /// The branch's part.
    pub branch: &'a [u8],
}

impl std::fmt::Display for XaId<'_> {
    /// As the servers write it into `XA …` statements: `X'6162',X'',1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "X'{}',X'{}',{}", hex::encode(self.global), hex::encode(self.branch), self.format)
    }
}

/// MariaDB's GTID event, which starts a transaction.
#[derive(Clone, Copy, Debug)]
pub struct MariadbGtidEvent<'a> {
    /// The GTID.
    pub gtid: MariadbGtid,
    /// No COMMIT or XID follows: the one event group behind it is all (DDL).
    pub standalone: bool,
    /// The transaction can be rolled back: no MyISAM in it.
    pub transactional: bool,
    /// It is a DDL statement.
    pub ddl: bool,
    /// What follows ends with XA PREPARE of this transaction.
    pub prepared_xa: Option<XaId<'a>>,
    /// What follows is XA COMMIT or XA ROLLBACK of this transaction.
    pub completed_xa: Option<XaId<'a>>,
}
