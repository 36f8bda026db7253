//! The documented example of each watch table comes out byte for byte, from rows made to match it on a real server.

use crate::office::{Office, subscription_row};

const APPOINTMENT: &str = r#"{"AptNum":18,"PatNum":17,"AptStatus":"Scheduled","Pattern":"//XXXX//","Confirmed":19,"confirmed":"Not Called","TimeLocked":"false","Op":3,"Note":"","ProvNum":1,"provAbbr":"DOC1","ProvHyg":0,"AptDateTime":"2020-07-31 08:30:00","NextAptNum":0,"UnschedStatus":0,"unschedStatus":"","IsNewPatient":"false","ProcDescript":"Seal, Seal","ClinicNum":0,"IsHygiene":"false","DateTStamp":"2021-05-03 08:30:12","DateTimeArrived":"0001-01-01 00:00:00","DateTimeSeated":"0001-01-01 00:00:00","DateTimeDismissed":"0001-01-01 00:00:00","InsPlan1":3,"InsPlan2":0,"DateTimeAskedToArrive":"0001-01-01 00:00:00","colorOverride":"0,0,0","AppointmentTypeNum":0,"SecDateTEntry":"2020-07-04 09:12:05","Priority":"Normal","PatternSecondary":"XX////XX","ItemOrderPlanned":0}"#;

const APPOINTMENT_ROW: &str = "INSERT INTO appointment (AptNum, PatNum, AptStatus, Pattern, Confirmed, Op, ProvNum, \
    AptDateTime, ProcDescript, DateTStamp, InsPlan1, SecDateTEntry, PatternSecondary) VALUES (18, 17, 1, \
    '//XXXX//', 19, 3, 1, '2020-07-31 08:30:00', 'Seal, Seal', '2021-05-03 08:30:12', 3, '2020-07-04 09:12:05', \
    'XX////XX')";

const APPOINTMENT_DELETED: &str = r#"{"HistApptNum":2754,"HistUserNum":1,"HistDateTStamp":"2022-05-16 09:55:19","HistApptAction":"Deleted","ApptSource":"None","AptNum":266,"PatNum":68,"AptStatus":"Broken","Pattern":"//XX//","Confirmed":19,"confirmed":"Not Called","TimeLocked":"false","Op":15,"Note":"","ProvNum":1,"provAbbr":"DOC1","ProvHyg":0,"AptDateTime":"2022-05-16 12:40:00","NextAptNum":0,"UnschedStatus":0,"unschedStatus":"","IsNewPatient":"false","ProcDescript":"ProChild","ClinicNum":5,"IsHygiene":"false","DateTStamp":"2022-05-16 09:55:19","DateTimeArrived":"2022-05-16 00:00:00","DateTimeSeated":"2022-05-16 00:00:00","DateTimeDismissed":"2022-05-16 00:00:00","InsPlan1":4,"InsPlan2":0,"DateTimeAskedToArrive":"0001-01-01 00:00:00","colorOverride":"0,0,0","AppointmentTypeNum":0,"Priority":"Normal","PatternSecondary":"//////","ItemOrderPlanned":0}"#;

const APPOINTMENT_DELETED_ROW: &str = "INSERT INTO histappointment (HistApptNum, HistUserNum, HistDateTStamp, \
    HistApptAction, AptNum, PatNum, AptStatus, Pattern, Confirmed, Op, ProvNum, AptDateTime, ProcDescript, ClinicNum, \
    DateTStamp, DateTimeArrived, DateTimeSeated, DateTimeDismissed, InsPlan1, PatternSecondary) VALUES (2754, 1, \
    '2022-05-16 09:55:19', 4, 266, 68, 5, '//XX//', 19, 15, 1, '2022-05-16 12:40:00', 'ProChild', 5, \
    '2022-05-16 09:55:19', '2022-05-16', '2022-05-16', '2022-05-16', 4, '//////')";

const OPERATORY: &str = r#"{"OperatoryNum":1,"OpName":"Dr. Brian Albert","Abbrev":"OP-1","ItemOrder":0,"IsHidden":"false","ProvDentist":1,"ProvHygienist":0,"IsHygiene":"false","ClinicNum":2,"SetProspective":"false","IsWebSched":"false","OperatoryType":0,"operatoryType":""}"#;

const OPERATORY_ROW: &str = "INSERT INTO operatory (OperatoryNum, OpName, Abbrev, ProvDentist, ClinicNum) VALUES (1, \
    'Dr. Brian Albert', 'OP-1', 1, 2)";

const PAT_FIELD: &str = r#"{"PatFieldNum":5,"PatNum":69,"FieldName":"Ins Verified","FieldValue":"Yes","SecDateEntry":"2021-12-04","SecDateTEdit":"2022-12-15 11:26:31"}"#;

const PAT_FIELD_ROW: &str = "INSERT INTO patfield (PatFieldNum, PatNum, FieldName, FieldValue, SecDateEntry, \
    SecDateTEdit) VALUES (5, 69, 'Ins Verified', 'Yes', '2021-12-04', '2022-12-15 11:26:31')";

const PATIENT: &str = r#"{"PatNum":48,"LName":"Smith","FName":"Jane","MiddleI":"","Preferred":"","PatStatus":"Patient","Gender":"Female","Position":"Single","Birthdate":"1976-05-24","SSN":"","Address":"125 Satin Heights","Address2":"","City":"San Jose","State":"CA","Zip":"97301","HmPhone":"(536)624-5871","WkPhone":"(536)987-4822","WirelessPhone":"(536)987-4822","Guarantor":48,"Email":"smithfam@yahoo.com","EstBalance":0.0,"PriProv":1,"priProvAbbr":"DOC1","SecProv":0,"secProvAbbr":"","FeeSched":0,"BillingType":"Standard Account","ImageFolder":"SmithJane48","FamFinUrgNote":"CC on file expiring soon","ChartNumber":"","MedicaidID":"","BalTotal":111.9,"EmployerNum":0,"DateFirstVisit":"2021-12-16","ClinicNum":0,"clinicAbbr":"","Premed":"false","Ward":"","PreferConfirmMethod":"None","PreferContactMethod":"WirelessPh","PreferRecallMethod":"TextMessage","Language":"spa","AdmitDate":"0001-01-01","siteDesc":"","DateTStamp":"2021-12-08 15:34:34","SuperFamily":0,"TxtMsgOk":"Unknown","SecDateEntry":"2021-12-04"}"#;

const PATIENT_ROW: &str = "INSERT INTO patient (PatNum, LName, FName, Gender, Birthdate, Address, City, State, Zip, \
    HmPhone, WkPhone, WirelessPhone, Guarantor, Email, PriProv, BillingType, ImageFolder, FamFinUrgNote, BalTotal, \
    DateFirstVisit, PreferContactMethod, PreferRecallMethod, Language, DateTStamp, SecDateEntry) VALUES (48, 'Smith', \
    'Jane', 1, '1976-05-24', '125 Satin Heights', 'San Jose', 'CA', '97301', '(536)624-5871', '(536)987-4822', \
    '(536)987-4822', 48, 'smithfam@yahoo.com', 1, 40, 'SmithJane48', 'CC on file expiring soon', 111.9, '2021-12-16', \
    4, 8, 'spa', '2021-12-08 15:34:34', '2021-12-04')";

const PROVIDER: &str = r#"{"ProvNum":4,"Abbr":"HYG2","LName":"Bently","FName":"Bruce","MI":"","Suffix":"","FeeSched":53,"Specialty":265,"SSN":"","StateLicense":"","IsSecondary":"true","provColor":"164,164,255","IsHidden":"false","UsingTIN":"false","SigOnFile":"false","NationalProvID":"","DateTStamp":"2016-03-03 13:10:47","IsNotPerson":"false","ProvStatus":"Active","IsHiddenReport":"false","Birthdate":"0001-01-01","SchedNote":"","PreferredName":""}"#;

const PROVIDER_ROW: &str = "INSERT INTO provider (ProvNum, Abbr, LName, FName, FeeSched, Specialty, IsSecondary, \
    ProvColor, SigOnFile, DateTStamp) VALUES (4, 'HYG2', 'Bently', 'Bruce', 53, 265, 1, -5987073, 0, \
    '2016-03-03 13:10:47')";

const SCHEDULE: &str = r#"{"ScheduleNum":"24555","SchedDate":"2022-04-04","StartTime":"08:00:00","StopTime":"12:00:00","SchedType":"Provider","ProvNum":"2","BlockoutType":"0","blockoutType":"","Note":"","operatories":"5","EmployeeNum":"0","DateTStamp":"2022-04-04 08:16:42"}"#;

const SCHEDULE_ROW: &str = "INSERT INTO scheduleop (ScheduleOpNum, ScheduleNum, OperatoryNum) VALUES (1, 24555, 5); \
    INSERT INTO schedule (ScheduleNum, SchedDate, StartTime, StopTime, SchedType, ProvNum, DateTStamp) VALUES (24555, \
    '2022-04-04', '08:00:00', '12:00:00', 1, 2, '2022-04-04 08:16:42')";

const TOOTH_INITIAL: &str = r#"{"ToothInitialNum":344,"PatNum":13,"ToothNum":"22","InitialType":"Rotate","Movement":"-20","DrawingSegment":"","ColorDraw":"0,0,0","SecDateTEntry":"2024-05-30 12:42:57","SecDateTEdit":"2024-05-30 12:42:57","DrawText":""}"#;

const TOOTH_INITIAL_ROW: &str = "INSERT INTO toothinitial (ToothInitialNum, PatNum, ToothNum, InitialType, Movement, \
    DrawingSegment, SecDateTEntry, SecDateTEdit) VALUES (344, 13, '22', 6, -20, '', '2024-05-30 12:42:57', \
    '2024-05-30 12:42:57')";

const LAB_CASE: &str = r#"{"LabCaseNum":226,"PatNum":33,"LaboratoryNum":1,"AptNum":143,"PlannedAptNum":0,"DateTimeDue":"0001-01-01 00:00:00","DateTimeCreated":"2022-09-30 14:23:12","DateTimeSent":"2022-10-03 14:24:12","DateTimeRecd":"2022-10-04 14:24:12","DateTimeChecked":"2022-10-05 14:24:12","ProvNum":3,"Instructions":"Repair clasps on Max partial","LabFee":0.0,"DateTStamp":"2022-10-05 14:24:12","InvoiceNum":""}"#;

const LAB_CASE_ROW: &str = "INSERT INTO labcase (LabCaseNum, PatNum, LaboratoryNum, AptNum, DateTimeCreated, \
    DateTimeSent, DateTimeRecd, DateTimeChecked, ProvNum, Instructions, DateTStamp) VALUES (226, 33, 1, 143, \
    '2022-09-30 14:23:12', '2022-10-03 14:24:12', '2022-10-04 14:24:12', '2022-10-05 14:24:12', 3, \
    'Repair clasps on Max partial', '2022-10-05 14:24:12')";

/// Only the order of its fields and the form of its PatNum are documented.
const MEDICATION_PAT: &str = r#"{"MedicationPatNum":7,"PatNum":"234","medName":"Amoxicillin","MedicationNum":3,"PatNote":"","DateStart":"2024-05-30","DateStop":"0001-01-01","ProvNum":1}"#;

const MEDICATION_PAT_ROW: &str = "INSERT INTO medicationpat (MedicationPatNum, PatNum, MedicationNum, DateStart, \
    ProvNum, DateTStamp) VALUES (7, 234, 3, '2024-05-30', 1, '2024-05-30 12:00:00')";

const LOOKUPS: &str = "INSERT INTO provider (ProvNum, Abbr, DateTStamp) VALUES (1, 'DOC1', '2000-01-01'); \
    INSERT INTO definition (DefNum, Category, ItemName) VALUES (19, 2, 'Not Called'), (40, 4, 'Standard Account'); \
    INSERT INTO medication (MedicationNum, MedName) VALUES (3, 'Amoxicillin')";

const EXAMPLES: [(&str, &str, &str); 10] = [
    ("Appointment", APPOINTMENT_ROW, APPOINTMENT),
    ("AppointmentDeleted", APPOINTMENT_DELETED_ROW, APPOINTMENT_DELETED),
    ("Operatory", OPERATORY_ROW, OPERATORY),
    ("PatField", PAT_FIELD_ROW, PAT_FIELD),
    ("Patient", PATIENT_ROW, PATIENT),
    ("Provider", PROVIDER_ROW, PROVIDER),
    ("Schedule", SCHEDULE_ROW, SCHEDULE),
    ("ToothInitial", TOOTH_INITIAL_ROW, TOOTH_INITIAL),
    ("LabCase", LAB_CASE_ROW, LAB_CASE),
    ("MedicationPat", MEDICATION_PAT_ROW, MEDICATION_PAT),
];

/// Out of the log: the row is inserted while the bridge runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_objects_come_out_of_the_log() {
    let mut office = Office::open().await;
    office.exec(LOOKUPS).await;
    for (num, (watch, _, _)) in EXAMPLES.iter().enumerate() {
        office.subscribe(num as i64 + 1, watch, 1).await;
    }
    let bridge = office.bridge();
    office.ticking(EXAMPLES.len() as i64).await;
    for (watch, row, object) in EXAMPLES {
        office.exec(row).await;
        let event = office.event().await;
        assert_eq!(std::str::from_utf8(&event.received.body).unwrap(), format!("[{object}]"), "{watch}");
    }
    bridge.stop().await;
}

/// Out of the table: the row was there before, and a catch-up finds it.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_objects_come_out_of_the_tables() {
    let mut office = Office::open().await;
    office.exec(LOOKUPS).await;
    for (_, row, _) in EXAMPLES {
        office.exec(row).await;
    }
    let bridge = office.bridge();
    for (num, (watch, _, object)) in EXAMPLES.iter().enumerate() {
        let url = office.receiver.url("/1/");
        office.exec(&subscription_row(num as i64 + 1, &url, watch, 1, "'2010-01-01'")).await;
        let event = office.event().await;
        assert_eq!(std::str::from_utf8(&event.received.body).unwrap(), format!("[{object}]"), "{watch}");
    }
    bridge.stop().await;
}
