//! What we and the HTTP libraries write to the log.

use std::io;
use std::sync::Mutex;

use tracing::Level;

use super::tls::{sender_trusting, tls_peer};
use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// At every level, also below those at which the log shows what libraries say.
#[tokio::test]
async fn d4_no_level_of_the_log_shows_a_key_a_row_or_a_url_beyond_its_host() {
    // For crates that log by `log`; it hands on to the subscriber of the thread, so that other tests are not touched.
    let _ = tracing_log::LogTracer::init();
    let written = Written::default();
    let writer = written.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let peer = tls_peer(&[b"h2", b"http/1.1"]).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(peer.certificate.clone()).unwrap();
    let secrets = vec![SecretString::from(SECRET)];
    let sender = sender_trusting(roots, &DeliveryConfig { secrets, ..config() });
    let plain = Receiver::bind("127.0.0.1:0").await.unwrap();
    let untrusted = tls_peer(&[b"h2"]).await;
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for origin in [
        format!("https://USERINFO:PASSWORD@localhost:{}", peer.port),
        format!("https://USERINFO:PASSWORD@localhost:{}", untrusted.port),
        format!("http://USERINFO:PASSWORD@{}", plain.local_addr()),
        format!("http://USERINFO:PASSWORD@{refused}"),
    ] {
        for status in [200, 302, 500] {
            let headers = vec![("Location".to_owned(), "/elsewhere?QUERY".to_owned())];
            plain.behave(Behavior::Answer { status, headers, delay: Duration::ZERO });
            outcome_of(&sender, &format!("{origin}/PATH?QUERY=1#FRAGMENT")).await;
        }
    }

    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("DEBUG"), "the libraries do log: {log}");
    for secret in ["USERINFO", "PASSWORD", "PATH", "QUERY", "FRAGMENT", KEY, "whsec_", "Zähne", "AptNum"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
