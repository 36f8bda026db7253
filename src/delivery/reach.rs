//! Whether an endpoint can be reached, without sending it anything.

use std::{io, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{
    failure::{Failure, FailureKind},
    guard::Guard,
    request::target,
    tls::platform_tls,
};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to endpoints as the sender would, under the same rules, and leaves again: no request is sent. Cheap to clone.
#[derive(Clone)]
pub struct Reach {
    guard: Guard,
    tls: TlsConnector,
    has_authorities: bool,
}

impl Reach {
    /// Trusts what this machine trusts.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(guard: Guard) -> Result<Self, rustls::Error> {
        let tls = platform_tls()?;
        Ok(Self { guard, tls: TlsConnector::from(Arc::new(tls.config)), has_authorities: tls.has_authorities })
    }

    /// Connects to the endpoint; with `https` the connection is encrypted, too.
    ///
    /// # Errors
    /// Why an attempt to send an event would fail before anything was sent.
    pub async fn look(&self, endpoint: &str) -> Result<(), Failure> {
        let url = target(endpoint).map_err(|error| Failure::new(FailureKind::Request, error.to_string()))?.url;
        let addresses = within("looking the host up", self.guard.addresses(endpoint)).await??;
        let connecting = within("connecting", TcpStream::connect(addresses.as_slice())).await?;
        let stream = connecting.map_err(|error| failed(FailureKind::Connect, &format!("cannot connect: {error}")))?;
        if url.scheme() != "https" {
            return Ok(());
        }
        if !self.has_authorities {
            return Err(failed(
                FailureKind::Tls,
                "this machine has no certificate authorities, so https cannot be used",
            ));
        }
        let name = server_name(&url).map_err(|error| failed(FailureKind::Tls, &format!("TLS: {error}")))?;
        let encrypting: io::Result<_> = within("encrypting", self.tls.connect(name, stream)).await?;
        encrypting.map(drop).map_err(|error| failed(FailureKind::Tls, &format!("TLS: {error}")))
    }
}

/// The name that the endpoint's certificate must have.
fn server_name(url: &Url) -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    let host = url.host_str().unwrap_or_default();
    ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
}

fn failed(kind: FailureKind, reason: &str) -> Failure {
    Failure::new(kind, reason)
}

async fn within<T>(doing: &str, step: impl Future<Output = T>) -> Result<T, Failure> {
    let waited = timeout(PATIENCE, step).await;
    waited.map_err(|_| failed(FailureKind::TimeOut, &format!("{doing} took more than {} s", PATIENCE.as_secs())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::config::Config;

    fn reach(delivery: &str) -> Reach {
        let toml = format!("[mysql]\nurl = \"mysql://u:p@127.0.0.1:1/d\"\n[delivery]\n{delivery}");
        Reach::new(Guard::new(&Config::from_toml(&toml).unwrap())).unwrap()
    }

    #[tokio::test]
    async fn an_endpoint_is_connected_to_and_gets_no_byte() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user@{}/hook?token=secret", listener.local_addr().unwrap());
        let reach = reach("");
        let (looked, accepted) = tokio::join!(reach.look(&url), listener.accept());
        looked.unwrap();
        let mut received = Vec::new();
        accepted.unwrap().0.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"");
        drop(listener);
        assert_eq!(reach.look(&url).await.unwrap_err().kind, FailureKind::Connect);
    }

    #[tokio::test]
    async fn d4_what_cannot_be_reached_is_told_without_its_url() {
        let reach = reach("deny = [\"internal.example\"]");
        for (url, kind) in [
            ("secret", FailureKind::Request),
            ("ftp://host/secret", FailureKind::Request),
            ("http://no-such-host.invalid/secret", FailureKind::Name),
            ("http://internal.example/secret", FailureKind::Denied),
            ("http://169.254.169.254/secret", FailureKind::Denied),
        ] {
            let failure = reach.look(url).await.unwrap_err();
            assert_eq!(failure.kind, kind, "{url}");
            assert!(!failure.reason.contains("secret"), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_tls_is_no_https_endpoint() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        let plain = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        };
        let reach = reach("");
        let (looked, ()) = tokio::join!(reach.look(&url), plain);
        assert_eq!(looked.unwrap_err().kind, FailureKind::Tls);
    }

    #[test]
    fn certificates_name_addresses_too() {
        for (url, name) in
            [("https://[::1]/", "::1"), ("https://10.0.0.7/", "10.0.0.7"), ("https://a.example/", "a.example")]
        {
            assert_eq!(server_name(&Url::parse(url).unwrap()).unwrap().to_str(), name);
        }
    }
}
