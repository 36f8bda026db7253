//! TLS of outgoing requests: rustls with ring, trusting what the machine trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// TLS for the HTTP client, and whether the machine has certificate authorities at all.
pub(super) struct Tls {
    pub(super) config: ClientConfig,
    /// `false`: no `https` endpoint can be reached (a container image without `ca-certificates`, for instance).
    /// `http` endpoints work all the same, so this is no reason not to start.
    pub(super) has_authorities: bool,
}

/// The machine's own trust: the operating system's verifier on Windows and macOS, its certificate store elsewhere
/// (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured). TLS 1.2 and 1.3.
pub(super) fn platform_tls() -> Result<Tls, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let (mut config, has_authorities) = match Verifier::new(provider) {
        Ok(verifier) => {
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            (builder.with_no_client_auth(), true)
        }
        Err(error) => {
            tracing::warn!(
                "no certificate authorities found on this machine ({error}): https endpoints cannot be reached; \
                 install them (Debian and Ubuntu: apt-get install ca-certificates) and start again"
            );
            (builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(), false)
        }
    };
    offer_protocols(&mut config);
    Ok(Tls { config, has_authorities })
}

/// reqwest leaves a ready-made configuration as it is, so HTTP/2 has to be offered here.
fn offer_protocols(config: &mut ClientConfig) {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
}

/// Trust in `roots` only.
#[cfg(test)]
pub(super) fn tls_trusting(roots: RootCertStore) -> Result<Tls, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    offer_protocols(&mut config);
    Ok(Tls { config, has_authorities: true })
}
