//! The guard, with real connections: nothing may even connect to what is denied.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::super::super::guard::tests::{Answers, denying};
use super::*;

fn guarded(deny: &[&str], names: &Arc<Answers>) -> Sender {
    let tls = super::super::super::tls::tls_trusting(rustls::RootCertStore::empty()).unwrap();
    let guard = denying(deny, Arc::clone(names));
    Sender::with(&config(), "CDC-BRIDGE", guard, tls, Limits::new(Duration::from_secs(60))).unwrap()
}

/// Listens at two addresses of this machine under one port.
async fn neighbours() -> (Peer, TcpListener) {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    loop {
        let peer = Peer::answering(answer).await;
        // Another program may have that port there.
        if let Ok(other) = TcpListener::bind(SocketAddr::new([127, 0, 0, 2].into(), peer.address().port())).await {
            return (peer, other);
        }
    }
}

/// Whether somebody has connected.
fn visited(listener: TcpListener) -> bool {
    let listener = listener.into_std().unwrap();
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_ok()
}

// Other systems have no second loopback address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_whose_address_changes_between_two_looks_gains_nothing() {
    let (peer, forbidden) = neighbours().await;
    let url = format!("http://rebinding.example.com:{}/", peer.address().port());
    // A rule without and one with a port: their look-ups are two.
    for rule in ["127.0.0.2".to_owned(), format!("127.0.0.2/31:{}", peer.address().port())] {
        let names = Answers::new(&[&["127.0.0.1"], &["127.0.0.1"], &["127.0.0.2"]]);
        let sender = guarded(&[&rule], &names);
        for _ in 0..2 {
            assert_eq!(outcome_of(&sender, &url).await, Outcome::Accepted { status: 200 });
        }
        let failure = failure(outcome_of(&sender, &url).await);
        assert_eq!(failure.kind, FailureKind::Denied, "{failure:?}");
        assert_eq!(failure.reason, "not sent: rebinding.example.com (127.0.0.2) is in delivery.deny");
    }
    assert!(!visited(forbidden), "somebody connected");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_a_names_addresses_only_those_that_are_allowed_are_tried() {
    let (peer, forbidden) = neighbours().await;
    let names = Answers::new(&[&["127.0.0.2", "127.0.0.1"]]);
    let url = format!("http://both.example.com:{}/", peer.address().port());
    assert_eq!(outcome_of(&guarded(&["127.0.0.2"], &names), &url).await, Outcome::Accepted { status: 200 });
    assert!(!visited(forbidden), "somebody connected");
}

#[tokio::test]
async fn an_address_in_the_url_reaches_no_look_up_and_is_denied_all_the_same() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let names = Answers::new(&[&["192.0.2.1"]]);
    let sender = guarded(&[&format!("127.0.0.1:{}", peer.address().port())], &names);
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/", peer.address().port());
        assert_eq!(failure(outcome_of(&sender, &url).await).kind, FailureKind::Denied, "{host}");
    }
    assert_eq!(peer.connections(), 0);
    assert_eq!(names.asked.load(std::sync::atomic::Ordering::SeqCst), 0);
}
