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
        assert_eq!((facts.name.as_str(), facts.stamp.as_deref()), ("task", Some("set_always")), "{kind:?}");
        assert_eq!(facts.key.iter().map(|column| &*column.name).collect::<Vec<_>>(), ["a", "b"], "{kind:?}");
        let stampless = practice.database.table_facts("stampless").await.unwrap().unwrap();
        assert_eq!((stampless.stamp, stampless.key.len()), (None, 0), "{kind:?}");
        assert!(practice.database.table_facts("nothing").await.unwrap().is_none(), "{kind:?}");
    }
}
