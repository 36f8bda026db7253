//! Keys of deleted rows.

use super::*;
use crate::state::{DeletedKey, ForgetDeleted, FoundKeys, StoredKeys, WantedKeys, find_deleted};

const TABLE: &str = "LabCaseDeleted";

fn point(offset: u64) -> LogPoint {
    LogPoint { file: 3, offset }
}

/// The row was deleted at this time, and at or before this place.
fn deleted(key: i64, committed: i64, offset: u64) -> DeletedKey {
    DeletedKey { key: RowKey::Int(key), committed, point: point(offset) }
}

fn wanted(from: u64, to: u64) -> WantedKeys {
    let (watch_table, from, to) = (TABLE.to_owned(), point(from), point(to));
    WantedKeys { watch_table, from, to, since: None, behind: None, at_least: None, most: 100 }
}

fn keys(found: &FoundKeys) -> Vec<i64> {
    let int = |(_, key)| if let RowKey::Int(key) = key { key } else { panic!("{key:?}") };
    found.marks.iter().map(int).collect()
}

#[tokio::test]
async fn r6_keys_of_deletions_are_found_by_place_and_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut state = State::open(&path).await.unwrap();
    let store = |keys: Vec<DeletedKey>| Changes { deleted: vec![(TABLE.to_owned(), keys)], ..Changes::default() };
    state.commit(&store((1..=250).map(|key| deleted(key, 1000 - key, 10 * (key as u64 % 5))).collect())).await.unwrap();
    state.commit(&store(vec![deleted(-7, 1, 20), deleted(3, 5000, 70)])).await.unwrap();
    let of_other = vec![("PatFieldDeleted".to_owned(), vec![deleted(9, 1, 20)])];
    state.commit(&Changes { deleted: of_other, ..Changes::default() }).await.unwrap();

    let found = find_deleted(&path, &WantedKeys { most: 2, ..wanted(0, 60) }).await.unwrap();
    assert_eq!(keys(&found), [-7, 249], "by time; 3 was deleted once more, 250 stands at 0");
    assert_eq!(found.more_behind, Some((751, RowKey::Int(249))));
    let next = WantedKeys { most: 2, behind: found.more_behind, ..wanted(0, 60) };
    assert_eq!(keys(&find_deleted(&path, &next).await.unwrap()), [248, 247]);
    let all =
        find_deleted(&path, &WantedKeys { at_least: Some((996, RowKey::Int(4))), ..wanted(10, 20) }).await.unwrap();
    assert_eq!((all.marks.len(), all.more_behind), (51, None), "as many as stand there");
    let at_least = WantedKeys { most: 1, at_least: Some((751, RowKey::Int(249))), ..wanted(0, 60) };
    assert_eq!(keys(&find_deleted(&path, &at_least).await.unwrap()), [-7, 249]);
    let since = WantedKeys { since: Some(998), ..wanted(70, 80) };
    assert_eq!(keys(&find_deleted(&path, &since).await.unwrap()), [2, 1, 3], "wherever they stand");

    let forget = |which| Changes { forget_deleted: vec![(TABLE.to_owned(), which)], ..Changes::default() };
    state.commit(&forget(ForgetDeleted::Keys((4..=250).map(RowKey::Int).collect()))).await.unwrap();
    let known = state.load().await.unwrap().deleted;
    let stored = |watch_table: &str, last, least, greatest| StoredKeys {
        watch_table: watch_table.to_owned(),
        last: point(last),
        least: RowKey::Int(least),
        greatest: RowKey::Int(greatest),
    };
    assert_eq!(known, [stored(TABLE, 70, -7, 3), stored("PatFieldDeleted", 20, 9, 9)]);
    state.commit(&forget(ForgetDeleted::Behind(point(20)))).await.unwrap();
    assert_eq!(keys(&find_deleted(&path, &wanted(0, 80)).await.unwrap()), [-7, 2, 1]);
    state.commit(&Changes { forget_deleted_places: true, ..Changes::default() }).await.unwrap();
    assert!(keys(&find_deleted(&path, &wanted(0, 80)).await.unwrap()).is_empty());
    let since = WantedKeys { since: Some(0), ..wanted(0, 80) };
    assert_eq!(keys(&find_deleted(&path, &since).await.unwrap()), [-7, 2, 1]);
    state.commit(&forget(ForgetDeleted::All)).await.unwrap();
    assert!(keys(&find_deleted(&path, &since).await.unwrap()).is_empty());
    assert_eq!(state.load().await.unwrap().deleted.len(), 1);
}
