//! What is asked of a table before it is watched.

use crate::practice::{Kind, Practice};

#[tokio::test]
async fn r8_a_stamp_is_one_that_the_server_sets_with_every_write() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        practice
            .exec(
                "CREATE TABLE task (b INT, a CHAR(3), made TIMESTAMP DEFAULT CURRENT_TIMESTAMP, \
                 edited TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, \
                 moved TIMESTAMP NOT NULL DEFAULT '2020-01-01' ON UPDATE CURRENT_TIMESTAMP, \
                 set_always TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), \
                 PRIMARY KEY (a, b)); \
                 CREATE TABLE stampless (id INT, edited TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP)",
            )
            .await;
        let facts = practice.database.table_facts("TASK").await.unwrap().unwrap();
        assert_eq!((facts.name.as_str(), facts.stamp()), ("task", Some("set_always")), "{kind:?}");
        assert_eq!(facts.key.iter().map(|column| &*column.name).collect::<Vec<_>>(), ["a", "b"], "{kind:?}");
        let stampless = practice.database.table_facts("stampless").await.unwrap().unwrap();
        assert_eq!((stampless.stamp(), stampless.key.len()), (None, 0), "{kind:?}");
        assert!(practice.database.table_facts("nothing").await.unwrap().is_none(), "{kind:?}");
    }
}

#[tokio::test]
async fn r5_a_layout_is_read_over_a_broken_connection_and_keeps_nobody_from_altering() {
    for kind in Kind::all() {
        let practice = Practice::new(kind).await;
        let columns = async || {
            let (layout, _) = practice.database.table_layout("site").await.unwrap().unwrap();
            layout.columns.len()
        };
        let before = columns().await;
        assert_eq!(columns().await, before, "{kind:?}: over the same connection");
        let idle = "SELECT id FROM information_schema.processlist WHERE user = 'cdc'";
        let sessions = practice.server.query(idle).await.unwrap();
        assert_eq!(sessions.len(), 2, "{kind:?}: the clock's, and one for all layouts");
        // It waits for whoever holds the table.
        practice.exec("SET SESSION lock_wait_timeout = 2; ALTER TABLE site ADD COLUMN More INT").await;
        for session in sessions.into_iter().flatten().flatten() {
            practice.exec(&format!("KILL {session}")).await;
        }
        assert_eq!(columns().await, before + 1, "{kind:?}");
    }
}
