//! Whether a bridge of this configuration runs beside us.

use std::net::SocketAddr;

use crate::{
    config::{Config, Engine},
    http,
    state::StateSight,
};

/// What tells that one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// Nothing does, and it would be seen.
    No,
    /// Nothing does, but polling that does not listen would not be seen.
    NotSeen,
    /// It has the state file, or answers at `http.listen`.
    Yes,
}

/// Looks for one: the bridge locks its state file; polling has none, and is asked.
pub(super) async fn look(config: &Config, state: Option<&StateSight>) -> Running {
    if config.engine == Engine::Binlog {
        return if state.is_some_and(|state| state.in_use) { Running::Yes } else { Running::No };
    }
    match config.http.listen.parse::<SocketAddr>() {
        Ok(listen) if listen.port() != 0 => match http::ask(listen).await {
            Ok(asked) if asked.is_bridge => Running::Yes,
            _ => Running::No,
        },
        _ => Running::NotSeen,
    }
}
