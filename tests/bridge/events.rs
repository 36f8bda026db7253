//! Every watch table's changes arrive, with derived fields, from both engines.

use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn each_watch_tables_changes_arrive_as_its_own_events() {
    let cases = [
        ("Appointment", "INSERT INTO appointment (AptNum, PatNum) VALUES (1, 1)", "AptNum"),
        (
            "AppointmentDeleted",
            "INSERT INTO histappointment (HistApptNum, HistApptAction, AptNum) VALUES (1, 4, 9), (2, 1, 9)",
            "HistApptNum",
        ),
        ("Operatory", "INSERT INTO operatory (OperatoryNum, OpName) VALUES (1, 'A')", "OperatoryNum"),
        ("PatField", "INSERT INTO patfield (PatFieldNum, FieldName) VALUES (1, 'A')", "PatFieldNum"),
        ("Patient", "INSERT INTO patient (PatNum, LName) VALUES (1, 'A')", "PatNum"),
        ("Provider", "INSERT INTO provider (ProvNum, Abbr) VALUES (1, 'A')", "ProvNum"),
        ("Schedule", "INSERT INTO schedule (ScheduleNum) VALUES (1)", "ScheduleNum"),
        ("ToothInitial", "INSERT INTO toothinitial (ToothInitialNum) VALUES (1)", "ToothInitialNum"),
        ("LabCase", "INSERT INTO labcase (LabCaseNum) VALUES (1)", "LabCaseNum"),
        ("MedicationPat", "INSERT INTO medicationpat (MedicationPatNum) VALUES (1)", "MedicationPatNum"),
    ];
    for mut office in [Office::open().await, Office::open_innodb().await] {
        for (num, (watch, _, _)) in cases.iter().enumerate() {
            office.subscribe(num as i64 + 1, watch, 1).await;
        }
        let bridge = office.bridge();
        office.ticking(cases.len() as i64).await;
        for (watch, insert, key) in &cases {
            office.exec(insert).await;
            let event = office.event().await;
            assert_eq!(event.received.header("event-type"), format!("WatchTable: {watch}"));
            assert_eq!(event.field(key), ["1"], "{watch}");
        }
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_schedules_operatories_is_a_change_of_the_schedule() {
    let mut office = Office::open().await;
    office.exec("INSERT INTO schedule (ScheduleNum, DateTStamp) VALUES (1, '2020-01-01'), (2, '2020-01-01')").await;
    office.exec("INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum, OperatoryNum) VALUES (10, 1, 5)").await;
    office.subscribe(1, "Schedule", 1).await;
    let bridge = office.bridge();
    office.ticking(1).await;
    let seen = async |office: &mut Office| {
        let event = office.event().await;
        (event.field("ScheduleNum"), event.field("operatories"))
    };
    office.exec("INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum, OperatoryNum) VALUES (11, 1, 6)").await;
    assert_eq!(seen(&mut office).await, (vec!["1".to_owned()], vec!["5,6".to_owned()]));
    office.exec("DELETE FROM scheduleop WHERE ScheduleOpNum=10").await;
    assert_eq!(seen(&mut office).await, (vec!["1".to_owned()], vec!["6".to_owned()]));
    office.exec("UPDATE scheduleop SET ScheduleNum=2 WHERE ScheduleOpNum=11").await;
    let both = (vec!["1".to_owned(), "2".to_owned()], vec![String::new(), "6".to_owned()]);
    assert_eq!(seen(&mut office).await, both);
    bridge.stop().await;
}
