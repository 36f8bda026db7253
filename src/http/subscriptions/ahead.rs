//! DateTimeStart moved forwards on purpose (rule W7): what changed before it is left out.
//!
//! In the row alone, such a move is another sender's work, which the bridge's own place does not follow. So the engine is
//! asked, and writes DateTimeStart itself.

use crate::{
    http::{api_keys::Caller, practice::Connected, refusal::Refusal, services::Services},
    opendental::{Subscription, SubscriptionFields},
    row::{Field, Kind, Row},
    source::{Database, TextRow},
    status::{EngineKind, Refused},
    subscription_edits::EditError,
};

/// The instant to which `fields` skip the caller's subscription `num`, in seconds since 1970 UTC. `None`: they do not, or
/// nobody need be asked: while polling, DateTimeStart is all the place that there is.
///
/// # Errors
/// The fields are refused, or the caller has no such subscription.
pub(super) async fn target(
    services: &Services,
    Connected { database, .. }: &Connected,
    caller: &Caller,
    num: i64,
    fields: &SubscriptionFields,
) -> Result<Option<i64>, Refusal> {
    if fields.date_time_start.is_none() || services.board.latest().engine != EngineKind::Binlog {
        return Ok(None);
    }
    let present = present(database, caller, num).await?;
    let changed = fields.change(&present).map_err(EditError::Refused)?;
    let (zone, clock) = (database.time_zone().await?, database.barrier().await?);
    let instant = |text: &str| zone.instant(text);
    Ok(match (instant(&present.date_time_start), instant(&changed.date_time_start)) {
        // Beyond now it is a pause, which the row tells.
        (Some(present), Some(to)) if present < to && to <= clock.now.timestamp() => Some(to),
        _ => None,
    })
}

/// Skips to `to`; returns DateTimeStart as it is about to be. `None`: the bridge does not send this subscription's events,
/// or has come further already, so that the row is all that need be changed.
pub(super) async fn skip(services: &Services, num: i64, to: i64) -> Result<Option<String>, Refusal> {
    match services.board.skip(num, Some(to)).await {
        Ok(skipped) => Ok(Some(skipped.date_time_start)),
        Err(Refused::NotServed | Refused::NotAhead | Refused::NotByThisEngine(_) | Refused::NothingToRetry) => Ok(None),
        Err(Refused::Busy) => {
            Err(Refusal::Later("The bridge is busy, starting or stopping; DateTimeStart was not changed."))
        }
    }
}

async fn present(database: &Database, caller: &Caller, num: i64) -> Result<Subscription, Refusal> {
    let rows = database.subscription_rows().await?;
    let mut all = rows.iter().filter_map(|row| Subscription::from_row(row).ok());
    let found = all.find(|found| found.num == num && found.customer_key == caller.customer_key);
    found.ok_or(Refusal::NotFound("Subscription not found."))
}

/// A row whose DateTimeStart is about to be another.
pub(super) struct Skipped {
    pub(super) row: TextRow,
    pub(super) date_time_start: String,
}

impl Row for Skipped {
    fn columns(&self) -> &[Box<str>] {
        self.row.columns()
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        match self.columns().get(index) {
            Some(name) if name.eq_ignore_ascii_case("DateTimeStart") => Field::Text((&*self.date_time_start).into()),
            _ => self.row.field_at(index),
        }
    }

    fn kind_at(&self, index: usize) -> Kind {
        self.row.kind_at(index)
    }
}
