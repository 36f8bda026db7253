//! Tests of the delivery log.

use super::*;

pub(super) fn delivery(ended: i64, subscription: i64) -> Delivery {
    Delivery {
        ended,
        subscription,
        watch_table: "Appointment".to_owned(),
        window: 7,
        webhook_id: format!("msg_{ended}"),
        elements: 1000,
        bytes: 2_000_000_000_000,
        status: Some(204),
        failure: None,
        took: 12,
    }
}

fn failed(ended: i64, subscription: i64) -> Delivery {
    let failure = DeliveryFailure { kind: "connect".to_owned(), reason: "cannot connect: refused".to_owned() };
    Delivery { status: None, failure: Some(failure), ..delivery(ended, subscription) }
}

async fn kept(path: &Path, subscription: i64) -> Vec<i64> {
    let mut log = DeliveryLog::open(path).await.unwrap();
    log.last(subscription, 1000).await.unwrap().into_iter().map(|delivery| delivery.ended).collect()
}

#[tokio::test]
async fn the_last_attempts_of_a_subscription_can_be_read_while_the_bridge_runs() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let mut log = DeliveryLog::open(&path).await.unwrap();
    assert_eq!(log.last(1, 10).await.unwrap(), []);
    for deliveries in [vec![failed(1, 1), delivery(2, 2)], vec![delivery(3, 1), failed(4, 1)]] {
        state.commit(&Changes { deliveries, ..Changes::default() }).await.unwrap();
    }
    assert_eq!(log.last(1, 2).await.unwrap(), [failed(4, 1), delivery(3, 1)]);
    assert_eq!(log.last(1, 10).await.unwrap().len(), 3);
    assert_eq!(log.last(3, 10).await.unwrap(), []);
    assert_eq!(log.last_of_all(3).await.unwrap(), [failed(4, 1), delivery(3, 1), delivery(2, 2)]);
    assert_eq!(log.last_accepted().await.unwrap(), [delivery(3, 1), delivery(2, 2)]);
    drop(state);
    State::open(&path).await.unwrap();
    assert_eq!(kept(&path, 2).await, [2], "a restart keeps it");
}

#[tokio::test]
async fn any_number_of_attempts_is_written_in_order() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let mut next = 0;
    for count in [1, 31, 32, 33, 100] {
        let deliveries = (next..next + count).map(|ended| delivery(ended, 1)).collect();
        state.commit(&Changes { deliveries, ..Changes::default() }).await.unwrap();
        next += count;
    }
    assert_eq!(kept(&path, 1).await, (0..next).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_oldest_attempts_are_removed_by_age_and_by_number() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let forget =
        |before, keep| Changes { forget_deliveries: Some(ForgetDeliveries { before, keep }), ..Changes::default() };
    state.commit(&forget(5, 5)).await.unwrap();
    let deliveries = (1..=10).map(|ended| delivery(ended, ended % 2)).collect();
    state.commit(&Changes { deliveries, ..Changes::default() }).await.unwrap();
    for (before, keep, first) in [(1, 10, 1), (3, 10, 3), (3, 4, 7), (10, 4, 10), (11, 4, 11)] {
        state.commit(&forget(before, keep)).await.unwrap();
        let mut all = [kept(&path, 0).await, kept(&path, 1).await].concat();
        all.sort_unstable();
        assert_eq!(all, (first..=10).collect::<Vec<_>>(), "before {before}, all but {keep}");
    }
    let deliveries = vec![delivery(12, 1)];
    state.commit(&Changes { deliveries, ..forget(12, 1) }).await.unwrap();
    assert_eq!(kept(&path, 1).await, [12], "what a commit brings is there before the oldest are removed");
}

#[tokio::test]
async fn a_file_of_the_first_version_gets_a_delivery_log_and_keeps_its_places() {
    let (_folder, path) = place();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut first = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(super::super::schema::STEPS[0]).execute(&mut first).await.unwrap();
    let row = "INSERT INTO subscription (num, fingerprint, last_seen, window_number) VALUES (5, 'f', 's', 3)";
    sqlx::raw_sql(row).execute(&mut first).await.unwrap();
    first.close().await.unwrap();
    let mut state = State::open(&path).await.unwrap();
    assert_eq!(state.load().await.unwrap().subscriptions[0].num, 5);
    state.commit(&Changes { deliveries: vec![delivery(1, 5)], ..Changes::default() }).await.unwrap();
    assert_eq!(kept(&path, 5).await, [1]);
}

#[tokio::test]
async fn what_the_documentation_tells_people_to_ask_is_answered() {
    let (_folder, path) = place();
    let mut state = State::open(&path).await.unwrap();
    let now = chrono::Utc::now().timestamp_millis();
    let deliveries = vec![delivery(now, 14), failed(now, 14), failed(now, 15)];
    state.commit(&Changes { deliveries, ..Changes::default() }).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut person = SqliteConnection::connect_with(&options).await.unwrap();
    let page = include_str!("../../../docs/delivery.md");
    let questions: Vec<&str> = page.split('"').filter(|text| text.starts_with("SELECT ")).collect();
    assert_eq!(questions.len(), 2);
    for question in questions {
        let answers = sqlx::raw_sql(question).fetch_all(&mut person).await.unwrap();
        assert_eq!(answers.len(), 2, "{question}");
    }
}
