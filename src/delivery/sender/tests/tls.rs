//! TLS and HTTP/2, against a rustls server with a certificate of its own.

use std::io;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::super::super::tls::tls_trusting;
use super::*;

pub(super) struct TlsPeer {
    pub(super) port: u16,
    pub(super) certificate: rustls::pki_types::CertificateDer<'static>,
    /// The HTTP version of each request.
    versions: mpsc::UnboundedReceiver<hyper::Version>,
}

/// Answers every request with 200, as `localhost`; one to `/reset` is broken off.
pub(super) async fn tls_peer(protocols: &[&[u8]]) -> TlsPeer {
    tls_peer_with(protocols, CertificateParams::new(["localhost".to_owned()]).unwrap()).await
}

async fn tls_peer_with(protocols: &[&[u8]], certificate: CertificateParams) -> TlsPeer {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, versions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let sender = sender.clone();
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                sender.send(request.version()).unwrap();
                let reset = request.uri().path() == "/reset";
                async move { if reset { Err(io::Error::other("reset")) } else { Ok(hyper::Response::new(String::new())) } }
            });
            tokio::spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    TlsPeer { port, certificate, versions }
}

pub(super) fn sender_trusting(roots: RootCertStore, config: &DeliveryConfig) -> Sender {
    Sender::with(config, "CDC-BRIDGE", no_guard(), tls_trusting(roots).unwrap(), Limits::new(Duration::from_secs(60)))
        .unwrap()
}

#[tokio::test]
async fn speaks_http2_where_the_endpoint_does_and_http1_elsewhere() {
    for (protocols, version) in
        [(&[&b"h2"[..], b"http/1.1"][..], hyper::Version::HTTP_2), (&[b"http/1.1"], hyper::Version::HTTP_11)]
    {
        let mut peer = tls_peer(protocols).await;
        let mut roots = RootCertStore::empty();
        roots.add(peer.certificate.clone()).unwrap();
        let sender = sender_trusting(roots, &config());
        let url = format!("https://localhost:{}/", peer.port);
        assert_eq!(outcome_of(&sender, &url).await, Outcome::Accepted { status: 200 });
        assert_eq!(peer.versions.recv().await, Some(version));
        let other_name = format!("https://127.0.0.1:{}/", peer.port);
        let reason = reason(outcome_of(&sender, &other_name).await);
        assert!(reason.contains("not valid for name"), "{reason}");
    }
}

#[tokio::test]
async fn d2_a_stream_of_http2_that_is_reset_fails_one_event_and_not_its_connection() {
    let mut peer = tls_peer(&[b"h2"]).await;
    let mut roots = RootCertStore::empty();
    roots.add(peer.certificate.clone()).unwrap();
    let sender = sender_trusting(roots, &config());
    let url = |path| format!("https://localhost:{}{path}", peer.port);
    let troubled = Event { troubled: true, ..event(&url("/reset")) };
    assert_eq!(failure(sender.attempt(&troubled, noon()).await.outcome).kind, FailureKind::Broken);
    assert_eq!(outcome_of(&sender, &url("/")).await, Outcome::Accepted { status: 200 });
    assert_eq!(peer.versions.recv().await, Some(hyper::Version::HTTP_2));
}

#[tokio::test]
async fn nothing_is_sent_to_an_endpoint_whose_certificate_is_not_trusted() {
    let mut peer = tls_peer(&[b"h2"]).await;
    let url = format!("https://localhost:{}/", peer.port);
    let failure = failure(outcome_of(&sender(), &url).await);
    assert_eq!(failure.kind, FailureKind::Tls);
    assert_eq!(failure.reason, "cannot connect: TLS: invalid peer certificate: UnknownIssuer");
    assert!(peer.versions.try_recv().is_err());
}

#[tokio::test]
async fn nothing_is_sent_to_an_endpoint_whose_certificate_has_expired() {
    let mut certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    certificate.not_before = rcgen::date_time_ymd(2019, 1, 1);
    certificate.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut peer = tls_peer_with(&[b"h2"], certificate).await;
    let mut roots = RootCertStore::empty();
    roots.add(peer.certificate.clone()).unwrap();
    let sender = sender_trusting(roots, &config());
    let failure = failure(outcome_of(&sender, &format!("https://localhost:{}/", peer.port)).await);
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.reason.contains("certificate expired"), "{}", failure.reason);
    assert!(peer.versions.try_recv().is_err());
}

#[tokio::test]
async fn d2_a_handshake_that_hangs_or_is_none_does_not_outlast_the_time_out() {
    // Accepted by the system, and then nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", silent.local_addr().unwrap().port());
    let failed = failure(outcome_of(&impatient(), &url).await);
    assert!(matches!(failed.kind, FailureKind::Connect | FailureKind::TimeOut), "{failed:?}");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", plain.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    assert_eq!(failure(outcome_of(&sender(), &url).await).kind, FailureKind::Tls);
    answering.await.unwrap();
}

#[tokio::test]
async fn a_machine_without_authorities_is_told_what_to_install() {
    let tls = Tls { has_authorities: false, ..tls_trusting(RootCertStore::empty()).unwrap() };
    let sender = Sender::with(&config(), "CDC-BRIDGE", no_guard(), tls, Limits::new(Duration::from_secs(60))).unwrap();
    let reason = reason(outcome_of(&sender, "https://localhost/").await);
    assert!(reason.contains("ca-certificates"), "{reason}");
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(outcome_of(&sender, &receiver.url("/")).await, Outcome::Accepted { status: 200 });
}
