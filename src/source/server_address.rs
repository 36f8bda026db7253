//! `mysql.url`: which server, which account, which database.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::database_error::DatabaseError;

/// The parts of `mysql.url`: `mysql://user:password@host:port/database`, with `?socket=/path` for a Unix socket.
///
/// Holds a password: there is no `Debug`, and `Display` shows only the server.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Host name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Unix socket, used instead of host and port.
    pub socket: Option<PathBuf>,
    /// The account.
    pub user: String,
    /// Its password; empty if it has none.
    pub password: String,
    /// The practice's database.
    pub database: String,
}

impl ServerAddress {
    /// Takes `mysql.url` apart. User, password, database and socket may be percent-encoded.
    pub fn parse(url: &str) -> Result<Self, DatabaseError> {
        let refuse = |reason: &str| DatabaseError::Configuration { key: "mysql.url", reason: reason.to_owned() };
        // The parser's own message may quote the URL, and so the password.
        let url =
            Url::parse(url).map_err(|_| refuse("is no URL; expected mysql://user:password@host:3306/database"))?;
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return Err(refuse("must begin with mysql://"));
        }
        let decode = |text: &str, what: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(refuse(&format!("the {what} is not UTF-8 once percent-decoded"))),
        };
        let mut socket = None;
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "socket" => socket = Some(PathBuf::from(value.into_owned())),
                _ => return Err(refuse("takes only the parameter `socket`; TLS is set by `mysql.tls`")),
            }
        }
        let host = match url.host_str().unwrap_or_default() {
            "" if socket.is_some() => "localhost",
            "" => return Err(refuse("names no host")),
            host => host.trim_start_matches('[').trim_end_matches(']'),
        };
        let user = decode(url.username(), "user")?;
        if user.is_empty() {
            return Err(refuse("names no user"));
        }
        let database = decode(url.path().trim_matches('/'), "database")?;
        if database.is_empty() || database.contains('/') {
            return Err(refuse("must end with the name of the practice's database: …/opendental"));
        }
        if cfg!(not(unix)) && socket.is_some() {
            return Err(refuse("`socket` needs a Unix system; name host and port"));
        }
        Ok(Self {
            host: decode(host, "host")?,
            port: url.port().unwrap_or(3306),
            socket,
            user,
            password: decode(url.password().unwrap_or_default(), "password")?,
            database,
        })
    }
}

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.socket {
            Some(socket) => write!(formatter, "{}", socket.display()),
            None if self.host.contains(':') => write!(formatter, "[{}]:{}", self.host, self.port),
            None => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        ServerAddress::parse(url).err().unwrap().to_string()
    }

    #[test]
    fn takes_a_url_apart() {
        let address = ServerAddress::parse("mysql://c%40c:p%2Fw%3A@db.local/opendental").unwrap();
        assert_eq!(
            (address.user.as_str(), address.password.as_str(), address.port, address.to_string().as_str()),
            ("c@c", "p/w:", 3306, "db.local:3306")
        );
        assert_eq!(ServerAddress::parse("mysql://c@[::1]:3307/od").unwrap().to_string(), "[::1]:3307");
    }

    #[cfg(unix)]
    #[test]
    fn takes_a_socket() {
        let address = ServerAddress::parse("mysql://c@localhost/od?socket=/run/my%20sql.sock").unwrap();
        assert_eq!(address.to_string(), "/run/my sql.sock");
        assert_eq!(address.database, "od");
    }

    #[test]
    fn d4_a_refusal_never_shows_the_password() {
        for url in [
            "mysql://cdc:secret@host:port/od",
            "postgres://cdc:secret@host/od",
            "mysql://cdc:secret@host",
            "mysql://:secret@host/od",
            "mysql://cdc:secret@host/od?ssl-mode=secret",
            "mysql://cdc:%FFsecret@host/od",
        ] {
            assert!(!refusal(url).contains("secret"), "{}", refusal(url));
            assert!(refusal(url).starts_with("mysql.url: "));
        }
    }
}
