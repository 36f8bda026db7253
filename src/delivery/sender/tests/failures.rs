//! What is no success, and what its reason may say.

use tokio_util::sync::CancellationToken;

use super::peer::Then;
use super::*;

/// A port of this machine where nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[tokio::test]
async fn d2_every_other_status_is_a_failure() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = sender();
    for status in [300, 304, 400, 401, 403, 404, 410, 413, 429, 499, 500, 502, 503, 504, 599] {
        receiver.behave(Behavior::status(status));
        let failure = failure(outcome_of(&sender, &receiver.url("/")).await);
        assert_eq!(failure.kind, FailureKind::Status(status));
        assert!(failure.reason.starts_with(&format!("answered {status}")), "{}", failure.reason);
    }
}

#[tokio::test]
async fn d2_an_endpoint_that_wants_to_speak_another_protocol_has_not_taken_the_event() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let peer = Peer::answering(answer).await;
    assert_eq!(failure(outcome_of(&sender(), &peer.url("/")).await).kind, FailureKind::Status(101));
}

#[tokio::test]
async fn d2_redirects_are_failures_and_are_not_followed() {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = sender();
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("location".to_owned(), receiver.url("/elsewhere"))];
        receiver.behave(Behavior::Answer { status, headers, delay: Duration::ZERO });
        let reason = reason(outcome_of(&sender, &receiver.url("/here")).await);
        assert!(reason.contains("a redirect, which is not followed"), "{reason}");
        assert_eq!(receiver.next().await.unwrap().path, "/here");
        assert!(receiver.try_next().is_none());
    }
}

#[tokio::test]
async fn d2_retry_after_is_handed_on_in_both_forms() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = sender();
    let asked = async |status, value: &str| {
        let headers = vec![("Retry-After".to_owned(), value.to_owned())];
        receiver.behave(Behavior::Answer { status, headers, delay: Duration::ZERO });
        failure(outcome_of(&sender, &receiver.url("/")).await).retry_after
    };
    assert_eq!(asked(503, "120").await, Some(Duration::from_secs(120)));
    assert_eq!(asked(429, "soon").await, None);
    // A minute after `noon`, less the instant that the request took.
    let minute = asked(503, "Tue, 14 Nov 2023 22:14:20 GMT").await.unwrap();
    assert!(minute <= Duration::from_secs(60) && minute > Duration::ZERO, "{minute:?}");
}

#[tokio::test]
async fn d2_no_answer_in_time_is_a_failure() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave(Behavior::Hang);
    let failure = failure(outcome_of(&impatient(), &receiver.url("/")).await);
    assert_eq!((failure.kind, &*failure.reason), (FailureKind::TimeOut, "no answer within 0.2 s"));
    let mut under_way = receiver.under_way();
    under_way.wait_for(|count| *count == 0).await.unwrap();
}

#[tokio::test]
async fn d2_a_hasty_sender_waits_less_and_never_longer() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave(Behavior::Hang);
    let hasty = sender().hasty(Duration::from_millis(100));
    assert_eq!(reason(outcome_of(&hasty, &receiver.url("/")).await), "no answer within 0.1 s");
    let impatient = impatient().hasty(Duration::from_secs(60));
    assert_eq!(reason(outcome_of(&impatient, &receiver.url("/")).await), "no answer within 0.2 s");
}

#[tokio::test]
async fn d2_a_head_or_interim_answers_that_drip_do_not_outlast_the_time_out() {
    for (begin, drip) in [("HTTP/1.1 200 OK\r\nX: ", "x"), ("", "HTTP/1.1 103 Early Hints\r\n\r\n")] {
        let closed = CancellationToken::new();
        let drip = Then::Drip(drip.as_bytes(), closed.clone());
        let peer = Peer::with(begin, drip).await;
        assert_eq!(failure(outcome_of(&impatient(), &peer.url("/")).await).kind, FailureKind::TimeOut);
        closed.cancelled().await;
    }
}

#[tokio::test]
async fn d2_a_head_without_end_is_given_up_for_its_size() {
    let closed = CancellationToken::new();
    let repeat = Then::Repeat(&[b'x'; 1024], closed.clone());
    let peer = Peer::with("HTTP/1.1 200 OK\r\nX: ", repeat).await;
    assert_eq!(failure(outcome_of(&sender(), &peer.url("/")).await).kind, FailureKind::Protocol);
    closed.cancelled().await;
}

#[tokio::test]
async fn d2_the_status_decides_while_the_body_still_drips() {
    let closed = CancellationToken::new();
    let drip = Then::Drip(b"x", closed.clone());
    let peer = Peer::with("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", drip).await;
    assert_eq!(outcome_of(&impatient(), &peer.url("/")).await, Outcome::Accepted { status: 200 });
    closed.cancelled().await;
    let peer = Peer::with("HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n", Then::KeepOn).await;
    assert_eq!(failure(outcome_of(&impatient(), &peer.url("/")).await).kind, FailureKind::Status(503));
}

#[tokio::test]
async fn d2_a_body_without_end_costs_its_connection_and_nothing_else() {
    let closed = CancellationToken::new();
    let repeat = Then::Repeat(&[b'x'; 1024], closed.clone());
    let peer = Peer::with("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", repeat).await;
    // Time alone does not end it.
    let limits = Limits { drain: Duration::from_secs(600), ..Limits::new(Duration::from_secs(600)) };
    let tls = super::super::super::tls::tls_trusting(rustls::RootCertStore::empty()).unwrap();
    let sender = Sender::with(&config(), "CDC-BRIDGE", no_guard(), tls, limits).unwrap();
    assert_eq!(outcome_of(&sender, &peer.url("/")).await, Outcome::Accepted { status: 200 });
    closed.cancelled().await;
}

#[tokio::test]
async fn d2_a_body_that_never_comes_holds_no_slot() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await;
    let one = sender_with(&DeliveryConfig { concurrency: 1, ..config() }, Duration::from_millis(200));
    for _ in 0..3 {
        assert_eq!(outcome_of(&one, &peer.url("/")).await, Outcome::Accepted { status: 200 });
    }
    assert_eq!(peer.connections(), 3, "a body that was not read to its end costs the connection");
}

#[tokio::test]
async fn d2_connections_that_break_are_failures_until_the_status_is_there() {
    let sender = sender();
    let kind_of = async |url: &str| failure(outcome_of(&sender, url).await).kind;
    assert_eq!(kind_of(&closed_port()).await, FailureKind::Connect);
    for then in [Then::Close, Then::Reset] {
        for half in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"] {
            let peer = Peer::with(half, then.clone()).await;
            assert_eq!(kind_of(&peer.url("/")).await, FailureKind::Broken, "{half}");
        }
    }
    for banner in ["SSH-2.0-OpenSSH_9.2\r\n", "220 mail ready\r\n", "HTTP/1.1 2OO OK\r\n\r\n", "\0\0\0\x04\r\n\r\n"] {
        let peer = Peer::with(banner, Then::KeepOn).await;
        assert_eq!(kind_of(&peer.url("/")).await, FailureKind::Protocol, "{banner}");
    }
    let peer = Peer::with("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", Then::Close).await;
    assert_eq!(outcome_of(&sender, &peer.url("/")).await, Outcome::Accepted { status: 200 });
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave(Behavior::Disconnect);
    reason(outcome_of(&sender, &receiver.url("/")).await);
}

/// With keep-alive promised, and yet closed when the next event comes.
#[tokio::test]
async fn d2_a_kept_connection_that_is_closed_as_it_is_used_is_no_failure() {
    let peer = Peer::with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::CloseAtNext).await;
    let sender = sender();
    for _ in 0..3 {
        assert_eq!(outcome_of(&sender, &peer.url("/")).await, Outcome::Accepted { status: 200 });
    }
    assert_eq!(peer.connections(), 3);
    let ids = peer.requests().iter().filter(|request| request.contains("Webhook-Id: msg_0123456789abcdef")).count();
    assert_eq!(ids, 3, "the repeats have the same id");
}

#[tokio::test]
async fn d2_a_connection_that_breaks_is_tried_once_more_at_once_unless_the_last_attempt_failed_too() {
    let peer = Peer::with("", Then::Close).await;
    let sender = sender();
    assert_eq!(failure(outcome_of(&sender, &peer.url("/")).await).kind, FailureKind::Broken);
    assert_eq!(peer.connections(), 2);
    let troubled = Event { troubled: true, ..event(&peer.url("/")) };
    assert_eq!(failure(sender.attempt(&troubled, noon()).await.outcome).kind, FailureKind::Broken);
    assert_eq!(peer.connections(), 3);
}

#[tokio::test]
async fn d2_a_host_without_an_address_is_a_failure_of_its_own_kind() {
    let failure = failure(outcome_of(&sender(), "http://no.such.host.invalid/").await);
    assert_eq!(failure.kind, FailureKind::Name);
    assert!(failure.reason.starts_with("cannot find the host: "), "{}", failure.reason);
}

#[tokio::test]
async fn d1_what_is_not_http_fails_with_a_reason() {
    let sender = sender();
    for url in ["", "hook", "/hook", "https://", "http://[::1", "http://host:99999/"] {
        let reason = reason(outcome_of(&sender, url).await);
        assert!(reason.starts_with("EndPointUrl is not a URL"), "{url}: {reason}");
    }
    for url in ["ftp://127.0.0.1/", "file:///etc/passwd", "unix:/run/x", "javascript:alert(1)", "httpx://h/"] {
        assert_eq!(reason(outcome_of(&sender, url).await), "EndPointUrl is neither http:// nor https://", "{url}");
    }
}

#[tokio::test]
async fn d1_what_no_header_can_carry_fails_that_event() {
    let mut receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    let sender = sender();
    let mut split = event(&receiver.url("/"));
    split.customer_key = "key\r\nX-Evil: 1".to_owned();
    let failure = failure(sender.attempt(&split, noon()).await.outcome);
    assert_eq!(failure.kind, FailureKind::Request);
    assert!(failure.reason.starts_with("CustomerKey has a character"), "{}", failure.reason);
    assert!(receiver.try_next().is_none());

    let mut foreign = event(&receiver.url("/"));
    foreign.customer_key = "schlüssel".to_owned();
    assert_eq!(sender.attempt(&foreign, noon()).await.outcome, Outcome::Accepted { status: 200 });
    let received = receiver.next().await.unwrap();
    assert_eq!(received.headers["authorization"].as_bytes(), "schlüssel".as_bytes());

    let mut blank = event(&receiver.url("/"));
    blank.customer_key = String::new();
    assert_eq!(sender.attempt(&blank, noon()).await.outcome, Outcome::Accepted { status: 200 });
}

#[tokio::test]
async fn d4_no_reason_holds_a_key_a_row_or_a_url_beyond_its_host() {
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    receiver.behave_by(|event| match event.path.as_bytes().get(1) {
        Some(b'h') => Behavior::Hang,
        Some(b'd') => Behavior::Disconnect,
        _ => Behavior::status(500),
    });
    let host = receiver.local_addr().to_string();
    let garbage = Peer::with("no http at all\r\n\r\n", Then::Close).await;
    let refused = closed_port().replace("http://", "").replace('/', "");
    let hosts = [
        format!("http://USERINFO:PASSWORD@{host}/error"),
        format!("http://USERINFO:PASSWORD@{host}/hang"),
        format!("http://USERINFO:PASSWORD@{host}/disconnect"),
        format!("https://USERINFO:PASSWORD@{host}/tls"),
        format!("http://USERINFO:PASSWORD@{}/garbage", garbage.address()),
        format!("http://USERINFO:PASSWORD@{refused}/refused"),
        "http://USERINFO:PASSWORD@no.such.host.invalid/dns".to_owned(),
        "ftp://USERINFO:PASSWORD@host/".to_owned(),
        "http://USERINFO:PASSWORD@host:bad/".to_owned(),
        "http://USERINFO:PASSWORD@[bad/".to_owned(),
    ];
    let sender = impatient();
    for url in hosts {
        for key in [KEY.to_owned(), format!("{KEY}\n")] {
            let mut event = event(&format!("{url}?QUERY=1#FRAGMENT"));
            event.customer_key = key;
            let attempt = sender.attempt(&event, noon()).await;
            let shown = format!("{attempt:?} {event:?}");
            for secret in ["USERINFO", "PASSWORD", "QUERY", "FRAGMENT", KEY, "Zähne"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(!reason(attempt.outcome).is_empty());
        }
    }
}
