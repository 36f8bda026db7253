//! What keeps the server from listening.

use std::io;

/// Why the HTTP server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// `http.listen` is taken, not ours, or no address.
    #[error("http.listen = \"{listen}\": cannot listen there: {source}; {advice}")]
    Bind {
        /// The configured address.
        listen: String,
        /// What the operating system says.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// Nothing that nobody can guess is to be had.
    #[error("the operating system gives no random bytes, without which the status page cannot tell who may see it")]
    Random,
}

impl HttpError {
    pub(super) fn bind(listen: &str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program, perhaps another opendental-cdc, has that port: choose another one, or \"\" to turn \
                 this off"
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address: 127.0.0.1 always exists",
            io::ErrorKind::PermissionDenied => "ports below 1024 need privileges: choose a higher one",
            _ => "it must look like 127.0.0.1:30224",
        };
        Self::Bind { listen: listen.to_owned(), source, advice }
    }
}
