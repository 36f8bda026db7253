//! Why a login failed, in the words that both kinds of connection use.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

/// What the TLS library's error means, and what to do.
pub(super) fn tls(error: &Error) -> String {
    match error {
        // MySQL up to 5.6, and 5.7 as others built it, know TLS 1.0 and 1.1 only.
        Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)
        | Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "the server's TLS is older than version 1.2, and no longer safe. A connection through a tunnel, or with \
              `mysql.tls = \"disabled\"` on the server's own machine, can be used instead"
            .to_owned(),
        Error::InvalidCertificate(_) => format!(
            "{error}. The certificate must be of version 3, signed by an authority in `mysql.tls_ca` and name the host \
             as subjectAltName; `required` encrypts without looking at it"
        ),
        error => error.to_string(),
    }
}

/// That an account logs in with a plugin that cannot be used, and what to do.
pub(super) fn plugin(name: &str) -> String {
    format!(
        "the account logs in with the authentication plugin {name}, which this program cannot use; give it one of its \
         own: on MariaDB and MySQL 5 `mysql_native_password`, on MySQL 8 and later `caching_sha2_password` \
         (MariaDB: `CREATE USER … IDENTIFIED VIA mysql_native_password USING PASSWORD('…')`, \
         MySQL: `CREATE USER … IDENTIFIED WITH caching_sha2_password BY '…'`)"
    )
}
