//! A bridge's status for tests.

use chrono::{DateTime, TimeDelta, Utc};

use crate::status::{
    EngineKind, LastEvent, Pending, Place, Reading, ServerFacts, Stage, Status, SubscriptionStatus, Trouble,
    WindowState,
};

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

pub(super) fn status() -> Status {
    let server = ServerFacts {
        address: "127.0.0.1:3306".to_owned(),
        version: "10.11.6-MariaDB-log".to_owned(),
        database: "opendental".to_owned(),
        utc_offset: Some(0),
    };
    let place = Place { file: "mysql-bin.000042".to_owned(), offset: 1_234_567, gtids: Some("0-1-99".to_owned()) };
    Status {
        stage: Stage::Running,
        server: Some(server),
        reading: Reading {
            since: Some(now() - TimeDelta::hours(3)),
            last: Some(now()),
            place: Some(place),
            behind_bytes: Some(0),
            behind_seconds: Some(0.0),
            ..Reading::default()
        },
        subscriptions: (1..=3).map(subscription).collect(),
        ..Status::starting(EngineKind::Binlog, "CDC-BRIDGE", now() - TimeDelta::days(2))
    }
}

pub(super) fn subscription(num: i64) -> SubscriptionStatus {
    SubscriptionStatus {
        num,
        endpoint: "https://hooks.example.org/apievents/".to_owned(),
        customer_key: "Vz***".to_owned(),
        workstation: "CDC-BRIDGE".to_owned(),
        watch_table: "Appointment".to_owned(),
        ui_event: String::new(),
        polling_seconds: 5,
        state: WindowState::Gathering,
        pending: Some(Pending::default()),
        due: Some(now() + TimeDelta::seconds(4)),
        last_event: Some(LastEvent { at: now() - TimeDelta::minutes(1), elements: 12, status: 200 }),
        trouble: None,
        date_time_start: "2023-11-14 17:13:20".to_owned(),
        date_time_stop: None,
        other_sender: None,
    }
}

pub(super) fn trouble() -> Trouble {
    Trouble {
        reason: "answered 503 Service Unavailable".to_owned(),
        since: Some(now() - TimeDelta::minutes(9)),
        last: Some(now() - TimeDelta::seconds(9)),
        failures: 7,
        next: Some(now() + TimeDelta::seconds(31)),
    }
}
