//! How a command fails: what is printed, and the exit code.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use super::{receive::ReceiveError, subscriptions::SubscriptionsError};
use crate::{
    bridge::BridgeError, config::ConfigError, delivery::DeliveryError, polling::PollingError, source::SourceError,
};

/// Why a command ended with an exit code other than 0. Every error becomes one by `?`.
#[derive(Debug)]
pub(super) struct Failure {
    error: Box<dyn Error + Send + Sync>,
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: Box::new(error) }
    }
}

impl Failure {
    /// Prints the error to standard error; returns the exit code.
    pub(super) fn report(&self) -> ExitCode {
        // Where standard error is closed, the exit code still tells.
        let _ = io::stderr().write_all(self.text().as_bytes());
        ExitCode::from(self.code())
    }

    /// 2 if it is the configuration's or the command line's fault, else 1.
    fn code(&self) -> u8 {
        if chain(&*self.error).any(is_configuration) { 2 } else { 1 }
    }

    /// `error: ` and what, then where and what to do, each line indented, then the causes that were not named yet.
    fn text(&self) -> String {
        let said = describe(&*self.error);
        let mut text = String::new();
        for (index, line) in said.lines().enumerate() {
            let lead = if index == 0 { "error: " } else { "  " };
            // Writing to a String does not fail.
            let _ = writeln!(text, "{lead}{line}");
        }
        for cause in chain(&*self.error).skip(1).map(describe) {
            if !text.contains(&cause) {
                let _ = writeln!(text, "  because: {}", cause.replace('\n', " "));
            }
        }
        text
    }
}

/// An error and all its sources.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_configuration(error: &(dyn Error + 'static)) -> bool {
    error.is::<ConfigError>()
        || error.downcast_ref().is_some_and(BridgeError::is_configuration)
        || error.downcast_ref().is_some_and(PollingError::is_configuration)
        || error.downcast_ref().is_some_and(SubscriptionsError::is_usage)
        || matches!(error.downcast_ref(), Some(SourceError::Configuration { .. }))
        || matches!(error.downcast_ref(), Some(DeliveryError::Secret { .. } | DeliveryError::Workstation))
        || matches!(error.downcast_ref(), Some(ReceiveError::Secret { .. }))
}

/// An error's text. Those of foreign crates that quote rows, statements or URLs are cut to what is safe (rule D4).
fn describe(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<mysql_async::Error>() {
        return match error {
            mysql_async::Error::Server(said) => server_error(Some(&said.code.to_string()), &said.state),
            other => other.to_string(),
        };
    }
    if let Some(sqlx::Error::Database(said)) = error.downcast_ref() {
        return server_error(said.code().as_deref(), "");
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        // Its own text holds the URL. Its sources, which follow, say what happened.
        return if error.is_timeout() { "the request timed out" } else { "the request failed" }.to_owned();
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        return format!("JSON, line {}, column {}: {:?} error", error.line(), error.column(), error.classify());
    }
    error.to_string()
}

/// A database server's messages may quote row values and statements.
fn server_error(code: Option<&str>, state: &str) -> String {
    let state = if state.is_empty() { String::new() } else { format!(" ({state})") };
    format!("the database answered with error {}{state}", code.unwrap_or("without a number"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[derive(Debug, thiserror::Error)]
    #[error("the bridge stopped\nat mysql-bin.000001\nStart it again.")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the row could not be read: {0}")]
    struct Middle(#[source] serde_json::Error);

    #[test]
    fn d4_errors_are_printed_with_their_causes_but_without_values() {
        let json = serde_json::from_str::<i64>("\"Smith\"").unwrap_err();
        assert!(json.to_string().contains("Smith"), "the crate's own text quotes the value");
        #[derive(Debug, thiserror::Error)]
        #[error("the window could not be written")]
        struct Careful(#[source] serde_json::Error);
        let failure = Failure::from(Careful(json));
        assert_eq!(
            failure.text(),
            "error: the window could not be written\n  because: JSON, line 1, column 7: Data error\n"
        );
        assert_eq!(failure.code(), 1);
    }

    #[test]
    fn what_where_and_what_to_do_stand_below_each_other() {
        let json = serde_json::from_str::<i64>("x").unwrap_err();
        let text = Failure::from(Outer(Middle(json))).text();
        assert!(text.starts_with("error: the bridge stopped\n  at mysql-bin.000001\n  Start it again.\n  because: "));
    }

    #[test]
    fn a_refused_configuration_is_exit_code_2_wherever_it_is_in_the_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot start")]
        struct Wrapped(#[source] ConfigError);
        assert_eq!(Failure::from(Wrapped(Config::from_toml("x = 1").unwrap_err())).code(), 2);
        let configuration = SourceError::Configuration { key: "mysql.tls_ca", reason: "no such file".to_owned() };
        assert_eq!(Failure::from(configuration).code(), 2);
        let bridge = BridgeError::from(Config::from_toml("x = 1").unwrap_err());
        assert_eq!(Failure::from(bridge).code(), 2);
        let bridge = BridgeError::LogLost { reason: "purged".to_owned() };
        assert_eq!(Failure::from(bridge).code(), 1);
    }
}
