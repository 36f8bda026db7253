//! The framing of transactions: any steps.

use crate::{
    binlog::{
        Event, EventBody, FLAG_ARTIFICIAL, GtidList, GtidSet, Header, LogPoint, MariadbGtid, MariadbGtidEvent,
        MysqlGtid, Position, Tag, XaId,
    },
    source::{
        statement::{Effect, Statement, TableName},
        transaction::{Assembler, Broken, Progress},
        xa_id::XaKey,
    },
};

/// Frames transactions of the steps that `bytes` tell, two bytes each.
///
/// # Panics
/// If a boundary goes back or moves inside a transaction, if what was done is handed out twice, out of order or though
/// it was dropped, or if what no ROLLBACK undoes is lost.
pub fn transactions(bytes: &[u8]) {
    let start = Position { file: "b.000001".to_owned(), offset: 4, gtids: None };
    let mut log =
        Log { assembler: Assembler::new(start), next: 0, given: Vec::new(), lasting: Vec::new(), plain: true };
    let (steps, _) = bytes.as_chunks::<2>();
    for [step, argument] in steps {
        let before = log.assembler.boundary();
        match log.step(*step, *argument) {
            None => {}
            Some(Ok(progress)) => log.progressed(progress, before.position.point()),
            // What no log contains, and is gone on behind all the same.
            Some(Err(_)) => {
                let doubt = log.item();
                log.lasting.push(doubt);
                log.assembler.keep(doubt);
                if matches!(*step % 24, 9 | 10) {
                    let ended = log.assembler.end();
                    log.progressed(ended, before.position.point());
                }
            }
        }
        let now = log.assembler.boundary();
        assert!(now.position.point() >= before.position.point(), "a boundary went back");
        assert!(now.resume.point() <= now.position.point(), "resuming would leave something out");
    }
}

struct Log {
    assembler: Assembler<u32>,
    /// The next item's number.
    next: u32,
    /// All items that were handed out, in ascending order.
    given: Vec<u32>,
    /// Those that no ROLLBACK undoes and that have not been handed out.
    lasting: Vec<u32>,
    /// No XA transaction holds items back, and no connection was lost.
    plain: bool,
}

type Outcome = Result<Progress<u32>, Broken>;

impl Log {
    fn step(&mut self, step: u8, argument: u8) -> Option<Outcome> {
        let name = format!("s{}", argument % 3);
        let key = Some(XaKey::new(1, &[argument & 1], b""));
        let statement = match step % 24 {
            lasting @ 0..=2 => {
                self.add(lasting == 2);
                return None;
            }
            3 => Statement::Begin,
            4 => Statement::Commit,
            5 => Statement::Rollback,
            6 => Statement::Savepoint(name),
            7 => Statement::RollbackTo(name),
            8 => Statement::XaStart(key),
            9 => Statement::XaCommit(key),
            10 => Statement::XaRollback(key),
            11 => Statement::Other,
            12 => {
                let table = TableName { schema: None, table: name };
                let item = self.item();
                self.lasting.push(item);
                let header = self.header(argument);
                let statement = Statement::Tables(vec![(table, Effect::Cleared)]);
                return Some(self.assembler.statement(&header, &statement, vec![item]));
            }
            13 => {
                self.plain = false;
                self.assembler.reconnect();
                return None;
            }
            other => {
                let header = self.header(argument);
                let file = format!("b.{:06}", argument / 32);
                let body = self.body(other, argument, &file);
                return Some(self.assembler.event(&Event { header, body }));
            }
        };
        self.plain &= !matches!(step % 24, 8..=10);
        Some(self.assembler.statement(&self.header(argument), &statement, Vec::new()))
    }

    fn body<'a>(&mut self, kind: u8, argument: u8, file: &'a str) -> EventBody<'a> {
        let number = u64::from(argument);
        // Some positions are near the end of what a number can hold.
        let position = if argument & 16 == 0 { number } else { u64::MAX - number };
        let xid = XaId { format: 1, global: if argument & 1 == 0 { &[0] } else { &[1] }, branch: b"" };
        let mysql = MysqlGtid { source: [7; 16], tag: Tag::default(), number };
        let mariadb = MariadbGtid { domain: 0, server: 1, sequence: number };
        match kind {
            14 => EventBody::Xid(number),
            15 => {
                self.plain = false;
                EventBody::XaPrepare { one_phase: argument & 2 != 0, xid }
            }
            16 => EventBody::MysqlGtid((argument & 1 == 0).then_some(mysql)),
            17 => EventBody::MariadbGtid(MariadbGtidEvent {
                gtid: mariadb,
                standalone: argument & 2 != 0,
                transactional: argument & 4 != 0,
                ddl: false,
                prepared_xa: (argument & 8 != 0).then_some(xid),
                completed_xa: None,
            }),
            18 => EventBody::Rotate { file: file.as_bytes(), position },
            19 => EventBody::Heartbeat { file: file.as_bytes(), position },
            20 => EventBody::Stop,
            21 => {
                let mut set = GtidSet::new();
                set.add(mysql);
                EventBody::PreviousGtids(set)
            }
            22 => {
                let mut list = GtidList::new();
                list.add(mariadb);
                EventBody::MariadbGtidList(list)
            }
            other => EventBody::Ignored(other),
        }
    }

    fn add(&mut self, lasting: bool) {
        let item = self.item();
        if lasting {
            self.lasting.push(item);
        }
        self.assembler.add(item, lasting);
    }

    fn item(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Of an event behind the last one, without a position, or at the end of what a position can be.
    fn header(&self, argument: u8) -> Header {
        let size = 20 + u32::from(argument);
        let behind = self.assembler.point().offset.wrapping_add(u64::from(size)) as u32;
        let end_position = match argument >> 6 {
            0 | 1 => behind,
            2 => 0,
            _ => u32::MAX - size,
        };
        let flags = if argument & 32 == 0 { 0 } else { FLAG_ARTIFICIAL };
        Header { timestamp: 0, type_code: 0, server_id: 1, size, end_position, flags }
    }

    fn progressed(&mut self, progress: Progress<u32>, before: LogPoint) {
        match progress {
            Progress::Inside => assert_eq!(self.assembler.position().point(), before, "moved inside a transaction"),
            Progress::Boundary => {}
            Progress::Committed(items) => {
                assert!(items.is_sorted_by(|one, next| one < next), "out of order");
                for item in items {
                    let place = self.given.binary_search(&item).expect_err("handed out twice");
                    self.given.insert(place, item);
                    self.lasting.retain(|lasting| *lasting != item);
                }
                assert!(!self.plain || self.lasting.is_empty(), "what no ROLLBACK undoes was lost");
            }
        }
    }
}
