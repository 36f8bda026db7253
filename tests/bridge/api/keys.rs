//! Whose key is good for what.

use super::client::{KEY, PATH, grant, started};
use super::{Api, ours};
use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn each_key_sees_and_edits_its_own_subscriptions_only() {
    let office = Office::open().await;
    let (bridge, api) = started(&office).await;
    // To the column's collation it is the first one's key.
    office.exec("INSERT INTO apikey (CustApiKey, DevName) VALUES ('vzkmzeauwojnqx2z', 'A'), ('', 'B')").await;
    let other = api.as_key("any/vzkmzeauwojnqx2z");
    office.until("the key in the table is good", async || (other.get(PATH).await.status == 200).then_some(())).await;

    let num = api.post(&ours(&office, "")).await.num();
    let path = format!("{PATH}/{num}");
    assert_eq!(other.get(PATH).await.body, "[]");
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(other.put(num, r#"{"Note":"mine"}"#).await.status, 404);
    assert_eq!(other.delete(num).await.status, 404);
    assert_eq!(api.get(&path).await.json()["Note"], "");
    // The same subscription under another key is no repetition.
    let others = other.post(&ours(&office, "")).await;
    assert_eq!((others.status, &others.json()["CustomerKey"]), (201, &"vzkmzeauwojnqx2z".into()));
    let stolen = other.put(others.num(), r#"{"CustomerKey":"VzkmZEaUWOjnQX2z"}"#).await;
    assert_eq!(stolen.status, 400);
    assert_eq!(other.get(PATH).await.json().as_array().unwrap().len(), 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_key_nothing_is_told() {
    let office = Office::open().await;
    let (bridge, api) = started(&office).await;
    office.exec("INSERT INTO apikey (CustApiKey, DevName) VALUES ('VzkmZEaUWOjnQX2z', 'A'), ('', 'B')").await;
    let words = api.as_key("no/key").get(PATH).await.words();
    // The configuration lists this customer key with a developer key, so that another one is not good with it.
    for wrong in ["other/VzkmZEaUWOjnQX2z", "NFF6i0KrXrxDkZHt/other", "NFF6i0KrXrxDkZHt/", "/", "", "a' OR '1'='1/b"] {
        let wrong = api.as_key(wrong);
        for answer in [wrong.get(PATH).await, wrong.post("{").await, wrong.put(1, "{}").await, wrong.delete(1).await] {
            assert_eq!((answer.status, answer.words()), (401, words.clone()));
        }
    }
    assert_eq!(api.as_key(KEY).get(PATH).await.status, 200);
    // What the API is like is no secret.
    let described = api.as_key("no/key").get("/api/v1/openapi.json").await;
    assert_eq!((described.status, described.body.as_str()), (200, include_str!("../../../docs/openapi.json")));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_the_bridge_lacks_is_named_with_its_grant() {
    let office = Office::open().await;
    let (bridge, api) = started(&office).await;
    let num = api.post(&ours(&office, "")).await.num();
    let account = format!("'{}'@'127.0.0.1'", office.database);
    office.exec(&format!("REVOKE INSERT, DELETE ON {}.apisubscription FROM {account}", office.database)).await;
    let refused = api.post(&ours(&office, "").replace("/1/", "/2/")).await;
    assert!(refused.words().contains("GRANT INSERT ON `<database>`.`apisubscription`"), "{}", refused.words());
    assert_eq!(refused.status, 500);
    let refused = api.delete(num).await;
    assert!(refused.words().contains("GRANT DELETE"), "{}", refused.words());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_server_is_there_callers_are_asked_to_come_later() {
    let mut office = Office::open().await;
    grant(&office).await;
    // Nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    office.behind(closed);
    let api = Api::new();
    let bridge = office.bridge_with(|config| config.http = api.http());
    office.until("it listens", async || api.listening().then_some(())).await;
    for answer in [api.get(PATH).await, api.post(&ours(&office, "")).await, api.as_key("some/other").get(PATH).await] {
        assert_eq!((answer.status, answer.words().as_str()), (503, "The practice's database is not connected yet."));
        assert!(answer.head.contains("retry-after: 5"), "{}", answer.head);
    }
    bridge.stop().await;
}
