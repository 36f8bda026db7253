//! What a log may hold, and some that it cannot.

use super::*;

fn assembler(offset: u64) -> Assembler<u32> {
    Assembler::new(Position { file: "b.000001".to_owned(), offset, gtids: Some(Gtids::Mariadb(Default::default())) })
}

fn header(size: u32, end_position: u32) -> Header {
    Header { timestamp: 0, type_code: 0, server_id: 1, size, end_position, flags: 0 }
}

fn event<'a>(end_position: u32, body: EventBody<'a>) -> Event<'a> {
    Event { header: header(10, end_position), body }
}

#[test]
fn r1_positions_of_zero_inside_a_transaction_are_never_a_boundary() {
    let mut assembler = assembler(100);
    assert_eq!(assembler.statement(&header(10, 110), &Statement::Begin, vec![]), Ok(Progress::Inside));
    for size in [20, 30] {
        assert_eq!(
            assembler.event(&Event { header: header(size, 0), body: EventBody::Ignored(160) }),
            Ok(Progress::Inside)
        );
        assembler.add(size, false);
        assert_eq!(assembler.boundary().position.offset, 100);
    }
    assert_eq!(assembler.event(&event(400, EventBody::Xid(1))), Ok(Progress::Committed(vec![20, 30])));
    assert_eq!(assembler.boundary().position.offset, 400);
}

#[test]
fn r1_positions_beyond_4_gb_go_on_counting() {
    let mut assembler = assembler(0xffff_fff0);
    assembler.event(&event(20, EventBody::Xid(1))).unwrap();
    assert_eq!(assembler.boundary().position.offset, 0x1_0000_0014);
    // The start of a file, sent again, is no step back and no wrap.
    assembler.event(&event(5, EventBody::Stop)).unwrap();
    assert_eq!(assembler.boundary().position.offset, 0x1_0000_0014);
}

#[test]
fn r1_a_position_that_no_file_has_does_not_overflow() {
    let mut assembler = assembler(100);
    let rotate = EventBody::Rotate { file: b"b.000002", position: u64::MAX - 1 };
    assembler.event(&event(200, rotate)).unwrap();
    assembler.event(&event(5, EventBody::Stop)).unwrap();
    assembler.statement(&header(10, 0), &Statement::Begin, vec![]).unwrap();
    assembler.event(&event(0, EventBody::Ignored(5))).unwrap();
    assert_eq!(assembler.event(&event(0, EventBody::Xid(1))), Ok(Progress::Boundary));
}

#[test]
fn r1_a_transaction_that_the_server_died_in_does_not_count() {
    let mut assembler = assembler(100);
    assembler.statement(&header(10, 110), &Statement::Begin, vec![]).unwrap();
    assembler.add(1, false);
    assembler.add(2, true);
    let next = EventBody::Rotate { file: b"b.000002", position: 4 };
    assert_eq!(assembler.event(&event(200, next)), Ok(Progress::Committed(vec![2])), "MyISAM's row is in the table");
    assert_eq!(assembler.point(), LogPoint { file: 2, offset: 4 });
}

#[test]
fn r1_a_lost_connection_drops_what_is_open_and_begins_again_before_it() {
    let mut assembler = assembler(100);
    assembler.statement(&header(10, 110), &Statement::Begin, vec![]).unwrap();
    assembler.add(1, true);
    assembler.reconnect();
    assert_eq!(assembler.point(), LogPoint { file: 1, offset: 100 });
    assert_eq!(assembler.event(&event(200, EventBody::Xid(1))), Ok(Progress::Boundary));
}

#[test]
fn r1_nested_savepoints_undo_what_lies_behind_them_but_not_myisam() {
    let mut assembler = assembler(100);
    let statement =
        |assembler: &mut Assembler<u32>, statement: Statement| assembler.statement(&header(10, 0), &statement, vec![]);
    statement(&mut assembler, Statement::Begin).unwrap();
    assembler.add(1, false);
    statement(&mut assembler, Statement::Savepoint("a".to_owned())).unwrap();
    assembler.add(2, true);
    assembler.add(3, false);
    statement(&mut assembler, Statement::Savepoint("b".to_owned())).unwrap();
    assembler.add(4, false);
    statement(&mut assembler, Statement::RollbackTo("a".to_owned())).unwrap();
    assembler.add(5, false);
    assert!(statement(&mut assembler, Statement::RollbackTo("b".to_owned())).is_err(), "it is gone too");
    statement(&mut assembler, Statement::RollbackTo("a".to_owned())).unwrap();
    assembler.add(6, false);
    assert_eq!(statement(&mut assembler, Statement::Commit), Ok(Progress::Committed(vec![1, 2, 6])));
}

#[test]
fn r1_a_rollback_keeps_what_it_cannot_undo() {
    let mut assembler = assembler(100);
    assembler.statement(&header(10, 110), &Statement::Begin, vec![]).unwrap();
    for (item, lasting) in [(1, false), (2, true), (3, false), (4, true)] {
        assembler.add(item, lasting);
    }
    let rollback = assembler.statement(&header(10, 200), &Statement::Rollback, vec![]);
    assert_eq!(rollback, Ok(Progress::Committed(vec![2, 4])));
    assembler.statement(&header(10, 210), &Statement::Begin, vec![]).unwrap();
    assembler.add(5, false);
    assert_eq!(assembler.statement(&header(10, 300), &Statement::Rollback, vec![]), Ok(Progress::Boundary));
    assert_eq!(assembler.boundary().position.offset, 300);
}

#[test]
fn r4_what_cannot_be_is_passed_over_with_all_that_was_collected() {
    let mut assembler = assembler(100);
    assembler.statement(&header(10, 110), &Statement::Begin, vec![]).unwrap();
    assembler.add(1, false);
    assert!(assembler.statement(&header(10, 120), &Statement::Begin, vec![]).is_err());
    assert_eq!(assembler.pass(30, 2), Progress::Inside);
    assert_eq!(assembler.event(&event(200, EventBody::Xid(1))), Ok(Progress::Committed(vec![1, 2])));
    assert_eq!(assembler.pass(30, 3), Progress::Committed(vec![3]));
    assert_eq!(assembler.boundary().position.offset, 230);
}

#[test]
fn r1_resuming_stays_before_the_oldest_prepared_transaction() {
    let mut assembler = assembler(100);
    let prepare = |assembler: &mut Assembler<u32>, name: &[u8], end: u32| {
        assembler
            .statement(&header(10, end - 50), &Statement::XaStart(Some(XaKey::new(1, name, b""))), vec![])
            .unwrap();
        assembler.add(end, false);
        let xid = crate::binlog::XaId { format: 1, global: name, branch: b"" };
        assembler.event(&event(end, EventBody::XaPrepare { one_phase: false, xid })).unwrap()
    };
    assert_eq!(prepare(&mut assembler, b"x", 200), Progress::Boundary);
    prepare(&mut assembler, b"y", 300);
    let commit = |name: &[u8]| Statement::XaCommit(Some(XaKey::new(1, name, b"")));
    assert_eq!(assembler.boundary().resume.offset, 100);
    assert_eq!(assembler.statement(&header(10, 400), &commit(b"x"), vec![]), Ok(Progress::Committed(vec![200])));
    assert_eq!((assembler.boundary().resume.offset, assembler.boundary().position.offset), (200, 400));
    assert_eq!(assembler.statement(&header(10, 500), &commit(b"y"), vec![]), Ok(Progress::Committed(vec![300])));
    assert_eq!(assembler.boundary().resume.offset, 500);
    assert!(assembler.statement(&header(10, 600), &commit(b"y"), vec![]).is_err());
}
