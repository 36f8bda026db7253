//! Whether our own HTTP server can have its port.

use tokio::net::TcpListener;

use super::{Finding, Mend, running::Running};

const LOOK: &str = "http.listen";

/// Tries it, unless a bridge is running, which has it.
pub(super) async fn look(listen: &str, bridge: Running) -> Finding {
    if listen.is_empty() {
        return Finding::ok(LOOK, "off: no status page, no health, no metrics");
    }
    if bridge == Running::Yes {
        return Finding::ok(LOOK, format!("{listen}: the running bridge has it"));
    }
    match TcpListener::bind(listen).await {
        Ok(_) => Finding::ok(LOOK, format!("{listen} is free")),
        Err(error) => Finding::wrong(LOOK, format!("{listen} cannot be listened on: {error}"))
            .mend(Mend::Do("stop the program that has it, if there is one".to_owned()))
            .mend(Mend::Config("http.listen = \"<another address and port>\"".to_owned())),
    }
}
