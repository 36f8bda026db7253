//! TLS and HTTP/2, against a rustls server with a certificate of its own.

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
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

/// Answers every request with 200, as `localhost`.
pub(super) async fn tls_peer(protocols: &[&[u8]]) -> TlsPeer {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()).into())
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
                async { Ok::<_, hyper::Error>(hyper::Response::new(String::new())) }
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
    Sender::with(config, "CDC-BRIDGE", tls_trusting(roots).unwrap(), Limits::new(Duration::from_secs(60))).unwrap()
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
async fn nothing_is_sent_to_an_endpoint_whose_certificate_is_not_trusted() {
    let mut peer = tls_peer(&[b"h2"]).await;
    let url = format!("https://localhost:{}/", peer.port);
    let reason = reason(outcome_of(&sender(), &url).await);
    assert_eq!(reason, "cannot connect: TLS: invalid peer certificate: UnknownIssuer");
    assert!(peer.versions.try_recv().is_err());
}

#[tokio::test]
async fn a_machine_without_authorities_is_told_what_to_install() {
    let tls = Tls { has_authorities: false, ..tls_trusting(RootCertStore::empty()).unwrap() };
    let sender = Sender::with(&config(), "CDC-BRIDGE", tls, Limits::new(Duration::from_secs(60))).unwrap();
    let reason = reason(outcome_of(&sender, "https://localhost/").await);
    assert!(reason.contains("ca-certificates"), "{reason}");
    let receiver = Receiver::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(outcome_of(&sender, &receiver.url("/")).await, Outcome::Accepted { status: 200 });
}
