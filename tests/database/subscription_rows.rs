//! Rows of `apisubscription`, as people edit them.

use opendental_cdc::{
    row::{Field, Row},
    source::{ColumnValue, DatabaseError, Misfit},
};

use crate::practice::{Kind, Practice};

const RIGHTS: &str = "GRANT INSERT, DELETE ON opendental.apisubscription TO cdc@'127.0.0.1'";

/// A server that minds what is written.
const STRICT: &str =
    "SET GLOBAL sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'";

type Values = Vec<(&'static str, ColumnValue)>;

fn text(value: &str) -> ColumnValue {
    ColumnValue::Text(value.to_owned())
}

fn values(note: &str) -> Values {
    vec![
        ("EndPointUrl", text("https://myserver/apievents/?a='b'&c=\\")),
        ("Workstation", text("")),
        ("CustomerKey", text("VzkmZEaUWOjnQX2z")),
        ("WatchTable", text("Appointment")),
        ("PollingSeconds", ColumnValue::Number(5)),
        ("UiEventType", text("")),
        ("DateTimeStart", text("2022-01-31 00:00:00")),
        ("DateTimeStop", text("0001-01-01 00:00:00")),
        ("Note", text(note)),
    ]
}

async fn open(kind: Kind) -> Practice {
    let practice = Practice::new(kind).await;
    practice.exec(RIGHTS).await;
    practice.exec(STRICT).await;
    practice.database.close().await;
    practice
}

#[tokio::test]
async fn what_is_written_is_read_back_whatever_it_holds() {
    for kind in Kind::all() {
        let practice = open(kind).await;
        let hostile = "'; DROP TABLE apisubscription; -- \\' \" ` % _ \u{fc} \u{20ac}\n\0";
        let edit = practice.database.edit_subscriptions().await.unwrap();
        assert!(edit.rows().is_empty(), "{kind:?}");
        let row = edit.insert(&values(hostile)).await.unwrap();
        assert_eq!(row.text("Note"), Some(hostile), "{kind:?}");
        assert_eq!(row.text("EndPointUrl"), Some("https://myserver/apievents/?a='b'&c=\\"), "{kind:?}");
        assert_eq!(row.text("DateTimeStop"), Some("0001-01-01 00:00:00"), "{kind:?}");
        let num: i64 = row.text("ApiSubscriptionNum").unwrap().parse().unwrap();
        assert_eq!(practice.database.subscription_rows().await.unwrap(), std::slice::from_ref(&row), "{kind:?}");

        let edit = practice.database.edit_subscriptions().await.unwrap();
        assert_eq!(edit.rows(), std::slice::from_ref(&row), "{kind:?}");
        let change = [("Note", text("x")), ("PollingSeconds", ColumnValue::Number(9))];
        let row = edit.update(num, &change).await.unwrap().unwrap();
        assert_eq!((row.text("Note"), row.text("PollingSeconds")), (Some("x"), Some("9")), "{kind:?}");
        assert_eq!(row.text("EndPointUrl"), Some("https://myserver/apievents/?a='b'&c=\\"), "{kind:?}");
        let nothing = practice.database.edit_subscriptions().await.unwrap().update(num, &[]).await.unwrap();
        assert_eq!(nothing, Some(row), "{kind:?}");
        let missing = practice.database.edit_subscriptions().await.unwrap().update(num + 1, &change).await.unwrap();
        assert_eq!(missing, None, "{kind:?}");

        assert!(!practice.database.edit_subscriptions().await.unwrap().delete(num + 1).await.unwrap(), "{kind:?}");
        assert!(practice.database.edit_subscriptions().await.unwrap().delete(num).await.unwrap(), "{kind:?}");
        assert!(practice.database.subscription_rows().await.unwrap().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn columns_that_later_releases_added_are_filled_and_read() {
    for kind in Kind::all() {
        let practice = open(kind).await;
        practice
            .exec(
                "ALTER TABLE opendental.apisubscription ADD DateTimeLastFailure datetime NOT NULL, \
                 ADD FailureReason varchar(255) NOT NULL, ADD SubsequentFailures int NOT NULL, \
                 ADD DateTimeNextRetry datetime NOT NULL, ADD Other text NULL, ADD Stamp timestamp NOT NULL, \
                 ADD Defaulted int NOT NULL DEFAULT 7",
            )
            .await;
        let row = practice.database.edit_subscriptions().await.unwrap().insert(&values("")).await.unwrap();
        assert_eq!(row.text("DateTimeLastFailure"), Some("0001-01-01 00:00:00"), "{kind:?}");
        assert_eq!((row.text("FailureReason"), row.text("SubsequentFailures")), (Some(""), Some("0")), "{kind:?}");
        assert_eq!((row.field("Other"), row.text("Defaulted")), (Field::Null, Some("7")), "{kind:?}");
    }
}

#[tokio::test]
async fn texts_that_the_server_would_cut_or_change_are_named() {
    for kind in Kind::all() {
        let practice = open(kind).await;
        practice
            .exec("ALTER TABLE opendental.apisubscription MODIFY Workstation varchar(5) CHARACTER SET latin1 NOT NULL")
            .await;
        let mut edit = practice.database.edit_subscriptions().await.unwrap();
        let good = [("Workstation", text("\u{fc}\u{20ac}abc")), ("Note", text(&"\u{20ac}".repeat(255)))];
        assert_eq!(edit.misfits(&good).await.unwrap(), [], "{kind:?}");
        let bad =
            [("Workstation", text("\u{4e00}")), ("EndPointUrl", text(&"x".repeat(256))), ("Note", text("\u{1f9b7}"))];
        let charset = practice
            .value("SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME='apisubscription' AND COLUMN_NAME='Note'")
            .await;
        let expected = [
            Misfit::TooLong { column: "EndPointUrl", most: 255 },
            Misfit::Unencodable { column: "Workstation", charset: "latin1".to_owned() },
            Misfit::Unencodable { column: "Note", charset },
        ];
        assert_eq!(edit.misfits(&bad).await.unwrap(), expected, "{kind:?}");
        edit.give_up().await.unwrap();
    }
}

#[tokio::test]
async fn edits_come_one_after_the_other() {
    for kind in Kind::all() {
        let practice = open(kind).await;
        let add = || async {
            let edit = practice.database.edit_subscriptions().await.unwrap();
            if edit.rows().is_empty() {
                edit.insert(&values("")).await.unwrap();
            }
        };
        futures_util::future::join_all((0..8).map(|_| add())).await;
        assert_eq!(practice.database.subscription_rows().await.unwrap().len(), 1, "{kind:?}");
        // One that was dropped half-way keeps nobody waiting for long.
        drop(practice.database.edit_subscriptions().await.unwrap());
        practice.database.edit_subscriptions().await.unwrap().give_up().await.unwrap();
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_with_its_grant() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let grant = |error: DatabaseError| match error {
            DatabaseError::AccessDenied { grant, .. } => grant,
            other => panic!("{kind:?}: {other}"),
        };
        let edit = || async { practice.database.edit_subscriptions().await.unwrap() };
        let on = |right| format!("GRANT {right} ON `<database>`.`apisubscription` TO the account");
        assert_eq!(grant(edit().await.insert(&values("")).await.unwrap_err()), on("INSERT"));
        assert_eq!(grant(edit().await.delete(1).await.unwrap_err()), on("DELETE"));
        practice.exec("REVOKE UPDATE ON opendental.apisubscription FROM cdc@'127.0.0.1'").await;
        assert_eq!(grant(edit().await.update(1, &[("Note", text(""))]).await.unwrap_err()), on("UPDATE"));
    }
}
