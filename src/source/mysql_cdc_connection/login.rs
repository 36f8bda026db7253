//! What it means that `mysql_cdc` could not log in. It tells the server's errors only as text.

use mysql_cdc::errors::Error;

use super::{
    super::{connection::ConnectionError, dump_error, error::SourceError},
    packets,
};

/// ER_ACCESS_DENIED_ERROR.
const ACCESS_DENIED: u16 = 1045;

/// What the error means; it quotes nothing of the server's bytes but its message.
pub(super) fn refusal(error: &Error, server: &str) -> ConnectionError {
    match error {
        Error::IoError(error) => packets::lost(error),
        Error::String(text) => told(text, server),
        // It takes every plugin's challenge for a text, which ed25519's is not.
        Error::FromUtf8Error(_) => plugin("another plugin"),
        Error::ErrorStack(_) => configuration("the password is too long for mysql_cdc to encrypt it".to_owned()),
        Error::Utf8Error(_) | Error::FromHexError(_) | Error::ParseIntError(_) => {
            ConnectionError::Lost("mysql_cdc cannot read the server's greeting".to_owned())
        }
    }
}

fn told(text: &str, server: &str) -> ConnectionError {
    if let Some(name) = text.strip_suffix(" auth plugin is not supported.") {
        return plugin(name);
    }
    match server_error(text) {
        Some((ACCESS_DENIED, message)) => {
            // A server says no more to an account that must encrypt.
            let message = format!("{message} (an account with REQUIRE SSL needs `mysql.client` = \"direct\")");
            dump_error::of_server(ACCESS_DENIED, &message, server, "", "")
        }
        Some((code, message)) => dump_error::of_server(code, &message, server, "", ""),
        None => ConnectionError::Lost("mysql_cdc failed while it logged in".to_owned()),
    }
}

/// Code and message in the text of the crate's error, which shows a server's error in Rust's Debug form.
fn server_error(text: &str) -> Option<(u16, String)> {
    let (_, shown) = text.split_once("ErrorPacket { error_code: ")?;
    let (code, shown) = shown.split_once(", error_message: \"")?;
    let (message, _) = shown.rsplit_once("\", sql_state: ")?;
    Some((code.parse().ok()?, message.replace("\\\"", "\"").replace("\\\\", "\\")))
}

fn plugin(name: &str) -> ConnectionError {
    configuration(format!(
        "the account logs in by {name}; \"mysql_cdc\" knows only mysql_native_password and caching_sha2_password, \
         \"direct\" more"
    ))
}

fn configuration(reason: String) -> ConnectionError {
    ConnectionError::Final(SourceError::Configuration { key: "mysql.client", reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_come_as_text_are_told_apart() {
        let denied = "Authentication error. ErrorPacket { error_code: 1045, error_message: \"Access denied for user \
                      'a\\\"b'@'localhost' (using password: YES)\", sql_state: Some(\"28000\") }";
        let ConnectionError::Final(error @ SourceError::Access { .. }) = told(denied, "db:3306") else {
            panic!("{denied}");
        };
        assert!(error.to_string().contains("Access denied for user 'a\"b'@'localhost' (using password: YES)"));
        let many = "Initial handshake error. ErrorPacket { error_code: 1040, error_message: \"Too many connections\", \
                    sql_state: None }";
        assert!(matches!(told(many, "db:3306"), ConnectionError::Lost(_)));
        for plugin in ["client_ed25519 auth plugin is not supported.", "sha256_password auth plugin is not supported."]
        {
            let ConnectionError::Final(error @ SourceError::Configuration { .. }) = told(plugin, "") else {
                panic!("{plugin}");
            };
            assert!(error.to_string().contains(plugin.split(' ').next().unwrap_or_default()), "{error}");
        }
        assert!(matches!(told("something else", ""), ConnectionError::Lost(_)));
    }
}
