//! How a connection is encrypted, as `mysql.tls` says.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::config::TlsMode;

/// The server's name where nobody looks at it and the host's cannot be one.
const ANY_NAME: &str = "mysql.invalid";

/// Encrypts connections.
pub(super) struct Encryption {
    config: Arc<ClientConfig>,
    looks_at_name: bool,
}

/// Why it cannot.
#[derive(Debug)]
pub(super) enum EncryptionError {
    Tls(Error),
    /// The connection was lost.
    Io(std::io::Error),
    /// The file of certificate authorities cannot be read, or holds none.
    Authorities(String),
}

impl Encryption {
    /// `ca`: a PEM file with the authorities to trust instead of the public ones. `None`: not encrypted.
    pub(super) fn new(mode: TlsMode, ca: Option<&Path>) -> Result<Option<Self>, EncryptionError> {
        let looks = match mode {
            TlsMode::Disabled => return Ok(None),
            TlsMode::Preferred | TlsMode::Required => LooksAt::Nothing,
            TlsMode::VerifyCa => LooksAt::Authority,
            TlsMode::VerifyIdentity => LooksAt::AuthorityAndName,
        };
        let mut roots = RootCertStore::empty();
        match ca.filter(|_| looks != LooksAt::Nothing) {
            Some(file) => add_authorities(&mut roots, file)?,
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let verifier = verifier.map_err(|error| EncryptionError::Authorities(error.to_string()))?;
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(EncryptionError::Tls)?.dangerous();
        let config = config.with_custom_certificate_verifier(Arc::new(Verifier { looks, verifier }));
        let looks_at_name = looks == LooksAt::AuthorityAndName;
        Ok(Some(Self { config: Arc::new(config.with_no_client_auth()), looks_at_name }))
    }

    pub(super) async fn encrypt(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<Box<TlsStream<TcpStream>>, EncryptionError> {
        let name = ServerName::try_from(host.to_owned())
            .or_else(|error| if self.looks_at_name { Err(error) } else { ServerName::try_from(ANY_NAME.to_owned()) });
        let name = name.map_err(|error| EncryptionError::Tls(Error::General(error.to_string())))?;
        let connected = TlsConnector::from(self.config.clone()).connect(name, stream).await;
        connected.map(Box::new).map_err(|error| {
            let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>()).cloned();
            tls.map_or(EncryptionError::Io(error), EncryptionError::Tls)
        })
    }
}

fn add_authorities(roots: &mut RootCertStore, file: &Path) -> Result<(), EncryptionError> {
    let told = |error: String| EncryptionError::Authorities(format!("{}: {error}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| told(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| told(error.to_string()))?;
        roots.add(certificate).map_err(|error| told(error.to_string()))?;
    }
    if roots.is_empty() { Err(told("no certificate is in it".to_owned())) } else { Ok(()) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LooksAt {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// Looks at as much of a server's certificate as is asked for. That the server holds the certificate's key is always
/// verified.
#[derive(Debug)]
struct Verifier {
    looks: LooksAt,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.looks == LooksAt::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        // The name is what is looked at last.
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.looks == LooksAt::Authority => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
