//! What systemd is told of a service with `Type=notify`: that the server's log is being read (`READY=1`), in one line
//! what it does (`STATUS=`), and as long as the engine answers that it lives (`WATCHDOG=1`).
//!
//! A server that is not there yet, or that is gone for a while, is waited for and no reason to be started again.

mod watch;

use std::{env, time::Duration};

use chrono::Utc;
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::watch::Watch;
use crate::status::Board;

/// How often systemd is told something, if it does not want to know more often.
const PACE: Duration = Duration::from_secs(5);

/// How long systemd is asked to go on waiting for `READY=1`, each time: several times [`PACE`].
const MORE_TIME: Duration = Duration::from_secs(60);

/// Tells systemd about the bridge of `board` until `stop`; returns at once where systemd has not started us.
pub(super) async fn tell(board: Board, stop: CancellationToken) {
    if env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    // Four times within what systemd allows, so that one that comes late is no harm.
    let pace = sd_notify::watchdog_enabled().map_or(PACE, |limit| (limit / 4).min(PACE));
    let (mut watch, mut socket) = (Watch::default(), Socket::default());
    loop {
        let status = tokio::select! {
            status = board.status() => status,
            () = stop.cancelled() => break,
        };
        let heard = watch.look(&status, board.health().ready(Utc::now()));
        let mut said = Vec::new();
        if heard.begins_to_read {
            said.push(NotifyState::Ready);
        } else if heard.waits {
            said.push(NotifyState::ExtendTimeoutUsec(u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX)));
        }
        if heard.lives {
            said.push(NotifyState::Watchdog);
        }
        said.extend(heard.news.as_deref().map(NotifyState::Status));
        socket.say(&said);
        tokio::select! {
            () = tokio::time::sleep(pace) => {}
            () = stop.cancelled() => break,
        }
    }
    socket.say(&[NotifyState::Stopping, NotifyState::Status("finishing the requests under way")]);
}

/// Where systemd listens.
#[derive(Default)]
struct Socket {
    /// Nobody listened the last time.
    deaf: bool,
}

impl Socket {
    /// Says so to systemd. Whether it hears is told in the log when that changes.
    fn say(&mut self, said: &[NotifyState<'_>]) {
        if said.is_empty() {
            return;
        }
        let told = sd_notify::notify(said);
        let was_deaf = std::mem::replace(&mut self.deaf, told.is_err());
        match told {
            Err(error) if !was_deaf => warn!(%error, "systemd cannot be told"),
            Ok(()) if was_deaf => info!("systemd can be told again"),
            _ => {}
        }
    }
}
