//! How many at once, and that no endpoint delays another.

use tokio::task::JoinSet;

use super::*;

fn narrow(concurrency: usize, concurrency_per_host: usize) -> Sender {
    let config = DeliveryConfig { concurrency, concurrency_per_host, ..config() };
    sender_with(&config, Duration::from_secs(600))
}

/// Sends `count` events at once; the set holds them, and aborts them when dropped.
fn send(sender: &Sender, event: &Event, count: usize) -> JoinSet<Outcome> {
    let mut attempts = JoinSet::new();
    for _ in 0..count {
        let (sender, event) = (sender.clone(), event.clone());
        attempts.spawn(async move { sender.attempt(&event, noon()).await.outcome });
    }
    attempts
}

fn troubled(url: &str) -> Event {
    Event { troubled: true, ..event(url) }
}

async fn until(receiver: &Receiver, count: usize) {
    receiver.under_way().wait_for(|under_way| *under_way == count).await.unwrap();
}

#[tokio::test]
async fn w9_endpoints_that_hang_delay_no_healthy_one() {
    let dead = Receiver::bind("127.0.0.1:0").await.unwrap();
    dead.behave(Behavior::Hang);
    let alive = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = narrow(2, 2);
    // All slots that troubled events have are taken, and more of them wait.
    let _hanging = send(&sender, &troubled(&dead.url("/")), 20);
    until(&dead, 2).await;
    for outcome in send(&sender, &event(&alive.url("/")), 20).join_all().await {
        assert_eq!(outcome, Outcome::Accepted { status: 200 });
    }
}

#[tokio::test]
async fn w9_nor_do_hanging_endpoints_on_the_same_host() {
    let host = Receiver::bind("127.0.0.1:0").await.unwrap();
    host.behave_by(|event| if event.path == "/dead" { Behavior::Hang } else { Behavior::status(200) });
    let sender = narrow(5, 1);
    let _hanging = send(&sender, &troubled(&host.url("/dead")), 5);
    until(&host, 1).await;
    assert_eq!(outcome_of(&sender, &host.url("/alive")).await, Outcome::Accepted { status: 200 });
}

#[tokio::test]
async fn w9_a_host_that_begins_to_hang_takes_no_more_than_its_share() {
    let dead = Receiver::bind("127.0.0.1:0").await.unwrap();
    dead.behave(Behavior::Hang);
    let alive = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = narrow(3, 2);
    let _hanging = send(&sender, &event(&dead.url("/")), 20);
    until(&dead, 2).await;
    assert_eq!(outcome_of(&sender, &alive.url("/")).await, Outcome::Accepted { status: 200 });
    assert_eq!(dead.most_under_way(), 2);
}

/// A thousand subscriptions begin to hang at the same moment, and hundreds of hosts have been dead for long.
#[tokio::test]
async fn w9_neither_one_host_with_many_subscriptions_nor_many_dead_hosts_delay_others() {
    let begins_to_hang = Receiver::bind("127.0.0.1:0").await.unwrap();
    begins_to_hang.behave(Behavior::Hang);
    let dead = Receiver::bind("0.0.0.0:0").await.unwrap();
    dead.behave(Behavior::Hang);
    let alive = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = narrow(17, 16);
    let _hanging = send(&sender, &event(&begins_to_hang.url("/")), 1000);
    let mut long_dead = JoinSet::new();
    for host in 1..=200 {
        let url = format!("http://127.1.0.{host}:{}/", dead.local_addr().port());
        let (sender, event) = (sender.clone(), troubled(&url));
        long_dead.spawn(async move { sender.attempt(&event, noon()).await });
    }
    until(&begins_to_hang, 16).await;
    // Elsewhere such addresses are not this machine's, and refused.
    #[cfg(target_os = "linux")]
    until(&dead, 17).await;
    for outcome in send(&sender, &event(&alive.url("/")), 50).join_all().await {
        assert_eq!(outcome, Outcome::Accepted { status: 200 });
    }
    assert_eq!(begins_to_hang.most_under_way(), 16);
}

/// The receiver counts an event down before its answer leaves, so what it counts is never more than was sent at once.
#[tokio::test]
async fn as_many_at_once_as_configured_and_no_more() {
    for (sender, most) in [(narrow(3, 100), 3), (narrow(100, 2), 2), (narrow(1, 1), 1)] {
        let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
        let mut attempts = send(&sender, &event(&receiver.url("/")), 200);
        while let Some(outcome) = attempts.join_next().await {
            assert_eq!(outcome.unwrap(), Outcome::Accepted { status: 200 });
        }
        assert!(receiver.most_under_way() <= most, "{} > {most}", receiver.most_under_way());
        receiver.behave(Behavior::Hang);
        let _hanging = send(&sender, &event(&receiver.url("/")), 20);
        until(&receiver, most).await;
    }
}

#[tokio::test]
async fn a_dropped_attempt_is_aborted_and_gives_its_slot_back() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave(Behavior::Hang);
    let sender = narrow(1, 1);
    let hanging = send(&sender, &event(&receiver.url("/")), 1);
    until(&receiver, 1).await;
    drop(hanging);
    until(&receiver, 0).await;
    receiver.behave(Behavior::status(204));
    assert_eq!(outcome_of(&sender, &receiver.url("/")).await, Outcome::Accepted { status: 204 });
}

/// Otherwise a receiver would refuse what waited longer than its tolerance.
#[tokio::test]
async fn d3_events_that_waited_for_a_slot_are_signed_with_the_time_of_sending() {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave(Behavior::Hang);
    let secrets = vec![SecretString::from(SECRET)];
    let config = DeliveryConfig { concurrency: 1, secrets, ..config() };
    let sender = sender_with(&config, Duration::from_millis(200));
    // Shortly before the second is over, so that one time-out later it is.
    let now = noon() + TimeDelta::milliseconds(900);
    let event = event(&receiver.url("/"));
    let (first, second) = tokio::join!(sender.attempt(&event, now), sender.attempt(&event, now));
    assert_eq!(
        (reason(first.outcome), reason(second.outcome)),
        ("no answer within 0.2 s".to_owned(), "no answer within 0.2 s".to_owned())
    );
    let timestamps = [receiver.next().await.unwrap(), receiver.next().await.unwrap()]
        .map(|received| received.header("webhook-timestamp").to_owned());
    assert_eq!(timestamps, ["1700000000", "1700000001"]);
}
