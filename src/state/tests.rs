//! Tests of the state file.

#![allow(clippy::unwrap_used)]

mod deleted_keys;
mod deliveries;
mod kill;

use std::{fs, path::Path, time::Instant};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::*;
use crate::{
    binlog::{LogPoint, Position},
    row::{KeyPart, RowKey},
};

fn point(file: u64, offset: u64) -> LogPoint {
    LogPoint { file, offset }
}

fn position(file: &str, offset: u64) -> Position {
    Position { file: file.to_owned(), offset, gtids: None }
}

fn plain(num: i64) -> SavedSubscription {
    SavedSubscription {
        num,
        fingerprint: "Appointment CDC-BRIDGE".to_owned(),
        cursor: None,
        last_instant: None,
        last_seen: "0001-01-01 00:00:00".to_owned(),
        pending: None,
        paused_until: Some(1_800_000_000),
        window_number: 0,
        window: None,
        catch_up: None,
    }
}

fn full(num: i64) -> SavedSubscription {
    SavedSubscription {
        cursor: Some(Cursor { point: point(12, 4711), resume: position("mysql-bin.000012", 4000) }),
        last_instant: Some(1_790_000_000),
        last_seen: "2026-09-21 10:13:20".to_owned(),
        pending: Some("2026-09-21 10:13:25".to_owned()),
        window_number: 99,
        window: Some(SavedWindow {
            from: point(12, 4711),
            to: point(1_000_000, 9_000_000_000),
            resume: position("mysql-bin.1000000", 8_999_999_999),
            instant: 1_790_000_005,
            local: "2026-09-21 10:13:25".to_owned(),
            progress: Some((-62_135_596_800_000_000, RowKey::Int(-5))),
            event_end: Some((1_790_000_004_123_456, RowKey::UInt(u64::MAX))),
            catch_up: Some(1_789_000_000_000_000),
        }),
        catch_up: Some(-1),
        ..plain(num)
    }
}

fn layout(table: &str, point: LogPoint) -> SavedLayout {
    SavedLayout { table: table.to_owned(), point, json: "{}".to_owned() }
}

/// A folder of its own, and the path of a state file in it.
fn place() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    (folder, path)
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let instance = state.instance_id().to_owned();
    assert_eq!(instance.len(), 32);
    assert_eq!(state.load().await.unwrap(), Saved::default());
    let mut window_only = full(3);
    window_only.window.as_mut().unwrap().event_end = Some((
        0,
        RowKey::Columns(Box::new([
            KeyPart::Int(-1),
            KeyPart::UInt(1),
            KeyPart::Text("Ä\"".into()),
            KeyPart::Bytes(Box::new([0, 255])),
        ])),
    ));
    window_only.window.as_mut().unwrap().progress = None;
    window_only.cursor = None;
    let changes = Changes {
        identity: Some("{\"server_id\":1}".to_owned()),
        upsert: vec![full(2), plain(-1), window_only.clone()],
        layouts: vec![layout("patient", point(2, 4)), layout("appointment", point(1, 4))],
        ..Changes::default()
    };
    state.commit(&changes).await.unwrap();
    state.close().await.unwrap();

    let mut state = State::open(&path).await.unwrap();
    assert_eq!(state.instance_id(), instance, "the instance id is made once");
    let saved = state.load().await.unwrap();
    assert_eq!(saved.identity.as_deref(), Some("{\"server_id\":1}"));
    assert_eq!(saved.subscriptions, [plain(-1), full(2), window_only]);
    assert_eq!(saved.layouts, [layout("appointment", point(1, 4)), layout("patient", point(2, 4))]);

    // A later commit takes the place of the earlier one, column by column; what it does not name stays.
    let changes = Changes { remove: vec![3, 77, -1], upsert: vec![plain(2), full(-1)], ..Changes::default() };
    state.commit(&changes).await.unwrap();
    let saved = state.load().await.unwrap();
    assert_eq!(saved.subscriptions, [full(-1), plain(2)]);
    assert_eq!(saved.layouts.len(), 2);
    assert!(saved.identity.is_some());
}

#[tokio::test]
async fn any_number_of_subscriptions_is_written_the_last_of_each_number_counting() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    for count in [1, 31, 32, 33, 100] {
        let later = |num| SavedSubscription { window_number: 7, ..plain(num) };
        let upsert: Vec<_> = (1..=count).map(full).chain([later(count)]).collect();
        let changes = Changes { remove: (1..=100).collect(), upsert, ..Changes::default() };
        state.commit(&changes).await.unwrap();
        let expected: Vec<_> = (1..count).map(full).chain([later(count)]).collect();
        assert_eq!(state.load().await.unwrap().subscriptions, expected);
    }
}

#[tokio::test]
async fn r5_layouts_are_kept_as_long_as_a_cursor_may_need_them() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let all = [
        layout("appointment", point(1, 4)),
        layout("appointment", point(2, 4)),
        layout("appointment", point(10, 4)),
        layout("patient", point(9, 4)),
    ];
    state.commit(&Changes { layouts: all.to_vec(), ..Changes::default() }).await.unwrap();
    let forget = |point| Changes { forget_layouts: Some(ForgetLayouts::Before(point)), ..Changes::default() };
    state.commit(&forget(point(2, 3))).await.unwrap();
    assert_eq!(state.load().await.unwrap().layouts, all);
    state.commit(&forget(point(9, 1))).await.unwrap();
    assert_eq!(state.load().await.unwrap().layouts, all[1..]);
    state.commit(&forget(point(10, 4))).await.unwrap();
    assert_eq!(state.load().await.unwrap().layouts, all[2..]);

    let other = layout("patient", point(1, 4));
    let changes =
        Changes { forget_layouts: Some(ForgetLayouts::All), layouts: vec![other.clone()], ..Changes::default() };
    state.commit(&changes).await.unwrap();
    assert_eq!(state.load().await.unwrap().layouts, [other]);
}

#[tokio::test]
async fn a_commit_that_fails_changes_nothing() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    state.commit(&Changes { upsert: vec![full(1)], ..Changes::default() }).await.unwrap();
    let too_large = SavedSubscription { window_number: u64::MAX, ..plain(2) };
    let changes = Changes { remove: vec![1], upsert: vec![plain(3), too_large], ..Changes::default() };
    let error = state.commit(&changes).await.unwrap_err();
    assert_eq!(error.to_string(), "a window number of 18446744073709551615 does not fit into the state file");
    assert_eq!(state.load().await.unwrap().subscriptions, [full(1)]);
}

#[tokio::test]
async fn a_second_bridge_on_the_file_is_refused() {
    let (_folder, path) = place();
    let first = State::open(&path).await.unwrap();
    let error = State::open(&path).await.unwrap_err();
    assert!(matches!(error, StateError::InUse(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "the state file is in use by another bridge\n{}\nStop the other bridge, or give this one a file of its \
             own in state.path.",
            path.display()
        )
    );
    #[cfg(unix)]
    {
        let link = path.with_file_name("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(State::open(&link).await.unwrap_err(), StateError::InUse(_)), "by another name, too");
    }
    drop(first);
    State::open(&path).await.unwrap();
}

#[tokio::test]
async fn people_can_look_into_the_file_while_the_bridge_runs() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    state.commit(&Changes { upsert: vec![full(7)], ..Changes::default() }).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut person = SqliteConnection::connect_with(&options).await.unwrap();
    let seen: (i64, i64, String) = sqlx::query_as("SELECT num, cursor_offset, event_end_key FROM subscription")
        .fetch_one(&mut person)
        .await
        .unwrap();
    assert_eq!(seen, (7, 4711, "{\"u_int\":18446744073709551615}".to_owned()));
    state.commit(&Changes { upsert: vec![full(8)], ..Changes::default() }).await.unwrap();
}

async fn refusal(path: &Path) -> StateError {
    State::open(path).await.unwrap_err()
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let (_folder, path) = place();
    fs::write(&path, "this is a text and not a database, and it is long enough to be looked at ".repeat(20)).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("the state file is damaged or is no state file\n"), "{text}");
    assert!(text.contains(&path.display().to_string()) && text.contains("Move it away"), "{text}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("this is a text"), "the file is left as it was");
}

#[tokio::test]
async fn r8_a_file_of_ours_that_is_damaged_is_moved_aside_and_made_anew() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    assert_eq!(*state.origin(), Origin::New);
    state.commit(&Changes { upsert: (0..500).map(full).collect(), ..Changes::default() }).await.unwrap();
    state.close().await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    let copy = path.with_file_name("elsewhere.db");
    for (path, damage) in [(&path, bytes.clone()), (&path, vec![0; 8192]), (&copy, bytes)] {
        fs::write(path, &damage).unwrap();
        fs::write(path.with_extension("db-wal"), "no frames").unwrap();
        let mut state = State::open(path).await.unwrap();
        let Origin::Damaged { aside: Some(aside), .. } = state.origin().clone() else { panic!("{:?}", state.origin()) };
        assert!(aside.to_string_lossy().starts_with(&format!("{}.damaged-", path.display())), "{aside:?}");
        assert_eq!(fs::read(&aside).unwrap(), damage, "what was there is kept");
        assert_eq!(state.load().await.unwrap(), Saved::default());
        state.commit(&Changes { upsert: vec![full(1)], ..Changes::default() }).await.unwrap();
        drop(state);
        let mut state = State::open(path).await.unwrap();
        assert_eq!((state.load().await.unwrap().subscriptions, state.origin()), (vec![full(1)], &Origin::Kept));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(*State::open(&path).await.unwrap().origin(), Origin::Missing, "its lock tells that there was one");
}

#[cfg(unix)]
#[tokio::test]
async fn w6_a_file_that_is_removed_or_replaced_while_it_is_open_is_made_anew_from_what_is_known() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let instance = state.instance_id().to_owned();
    let all = Changes { upsert: vec![full(1), full(2)], ..Changes::default() };
    state.commit(&all).await.unwrap();
    for replaced in [false, true] {
        fs::remove_file(&path).unwrap();
        if replaced {
            fs::write(&path, "").unwrap();
        }
        let error = state.commit(&Changes { upsert: vec![plain(2)], ..Changes::default() }).await.unwrap_err();
        assert!(matches!(error, StateError::Gone(_)) && error.is_loss(), "{error:?}");
        let aside = state.renew(&all).await.unwrap();
        assert_eq!(aside.is_some(), replaced);
        state.commit(&Changes { upsert: vec![full(3)], ..Changes::default() }).await.unwrap();
    }
    drop(state);
    let mut state = State::open(&path).await.unwrap();
    assert_eq!((state.instance_id(), state.origin()), (instance.as_str(), &Origin::Kept), "ids stay the same");
    assert_eq!(state.load().await.unwrap().subscriptions, [full(1), full(2), full(3)]);
}

#[tokio::test]
async fn a_value_that_we_cannot_have_written_is_damage_and_is_named_but_not_shown() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    state.commit(&Changes { upsert: vec![full(7)], ..Changes::default() }).await.unwrap();
    state.close().await.unwrap();
    for (change, column) in [
        ("UPDATE subscription SET progress_key = 'Smith'", "progress_key"),
        ("UPDATE subscription SET progress_key = NULL", "progress_key"),
        ("UPDATE subscription SET cursor_file = -1", "cursor_file"),
        ("UPDATE subscription SET fingerprint = x'ff'", "fingerprint"),
        ("ALTER TABLE subscription DROP COLUMN pending", "pending"),
    ] {
        let copy = path.with_file_name("copy.db");
        fs::copy(&path, &copy).unwrap();
        let mut person = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&copy)).await.unwrap();
        sqlx::raw_sql(change).execute(&mut person).await.unwrap();
        person.close().await.unwrap();
        let mut state = State::open(&copy).await.unwrap();
        assert_eq!(state.load().await.unwrap(), Saved::default());
        let Origin::Damaged { aside: Some(_), reason } = state.origin() else { panic!("{change}") };
        assert!(reason.contains(column) && !reason.contains("Smith"), "{change}: {reason}");
    }
}

#[tokio::test]
async fn other_programs_databases_and_later_versions_are_left_alone() {
    let (_folder, path) = place();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (a)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StateError::Foreign(_)), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before, "not a byte is changed");

    let later = path.with_file_name("later.db");
    State::open(&later).await.unwrap().close().await.unwrap();
    let mut person = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&later)).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 1000").execute(&mut person).await.unwrap();
    person.close().await.unwrap();
    let before = fs::read(&later).unwrap();
    let error = refusal(&later).await;
    assert!(matches!(error, StateError::Newer { found: 1000, .. }), "{error:?}");
    assert_eq!(fs::read(&later).unwrap(), before, "not a byte is changed");
}

/// A file as the version before this one left it, with one subscription.
async fn of_the_version_before(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut earlier = SqliteConnection::connect_with(&options).await.unwrap();
    for step in &schema::STEPS[..schema::STEPS.len() - 1] {
        sqlx::raw_sql(*step).execute(&mut earlier).await.unwrap();
    }
    let subscription = "INSERT INTO subscription (num, fingerprint, last_seen, window_number) VALUES (7, 'f', 's', 12)";
    sqlx::raw_sql(subscription).execute(&mut earlier).await.unwrap();
    earlier.close().await.unwrap();
}

async fn version_of(path: &Path) -> usize {
    let mut file = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    usize::try_from(version).unwrap()
}

#[tokio::test]
async fn an_upgrade_keeps_everything_and_a_copy_to_go_back_to() {
    let (_folder, path) = place();
    let newest = schema::STEPS.len();
    let copy = aside::with_ending(&path, &format!(".schema-{}", newest - 1));
    of_the_version_before(&path).await;
    // Twice: the second upgrade finds the first one's copy.
    for _ in 0..2 {
        let state = State::open(&path).await.unwrap();
        assert_eq!(*state.origin(), Origin::Kept);
        state.close().await.unwrap();
        assert_eq!((version_of(&path).await, version_of(&copy).await), (newest, newest - 1));
        // Going back.
        fs::copy(&copy, &path).unwrap();
    }
    let mut state = State::open(&path).await.unwrap();
    let saved = state.load().await.unwrap().subscriptions;
    assert_eq!((saved[0].num, saved[0].window_number), (7, 12));
    state.close().await.unwrap();
    fs::remove_file(&copy).unwrap();
    State::open(&path).await.unwrap().close().await.unwrap();
    assert!(!copy.exists(), "without an upgrade there is no copy");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let (folder, _) = place();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [folder.path().join("missing/state.db"), file.join("state.db"), folder.path().to_owned()] {
        let error = refusal(&path).await;
        assert!(matches!(error, StateError::Unwritable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("The folder must exist"), "{text}");
    }
}

/// Prints what a commit of 1000 subscriptions costs, without and with a delivery of each: `cargo test --release -- --ignored --nocapture commits_of_1000`.
#[tokio::test]
#[ignore = "a measurement"]
async fn commits_of_1000_subscriptions() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    for round in 0..10 {
        let upsert = (0..1000).map(|num| SavedSubscription { window_number: round, ..full(num) }).collect();
        let mut changes = Changes { upsert, ..Changes::default() };
        for count in [0, 1000] {
            changes.deliveries = (0..count).map(|num| deliveries::delivery(num, num)).collect();
            let started = Instant::now();
            state.commit(&changes).await.unwrap();
            println!("1000 subscriptions, {count} deliveries: {:?}", started.elapsed());
        }
        let one = Changes { upsert: vec![full(1)], ..Changes::default() };
        let started = Instant::now();
        state.commit(&one).await.unwrap();
        println!("1 subscription: {:?}", started.elapsed());
    }
}
