//! What became of events before this engine began: its predecessor told it, or before the start the state file.

use std::path::Path;

use chrono::DateTime;
use tracing::warn;

use crate::{
    state::{Delivery, DeliveryLog, StateError},
    status::{Attempted, History, Status},
};

/// Goes on from what was told before; at the start from the delivery log.
pub(super) async fn history(before: &Status, state: &Path) -> History {
    if !before.attempts.is_empty() {
        return History::of(before);
    }
    match from_log(state).await {
        Ok(history) => history,
        Err(error) => {
            warn!(%error, "what became of earlier events is not told");
            History::of(before)
        }
    }
}

async fn from_log(state: &Path) -> Result<History, StateError> {
    let mut log = DeliveryLog::open(state).await?;
    let attempts = log.last_of_all(History::ATTEMPTS).await?;
    let accepted = log.last_accepted().await?;
    Ok(History::after(attempts.into_iter().filter_map(attempted), accepted.into_iter().filter_map(attempted)))
}

fn attempted(delivery: Delivery) -> Option<Attempted> {
    Some(Attempted {
        at: DateTime::from_timestamp_millis(delivery.ended)?,
        subscription: delivery.subscription,
        event: delivery.watch_table,
        elements: usize::try_from(delivery.elements).unwrap_or(usize::MAX),
        status: delivery.status,
        failure: delivery.failure.map(|failure| failure.reason),
        millis: delivery.took,
        id: delivery.webhook_id,
    })
}
