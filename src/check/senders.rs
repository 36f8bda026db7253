//! Whether somebody else serves our subscriptions: then their DateTimeStart moves while no bridge runs.

use std::{collections::BTreeMap, time::Duration};

use chrono::NaiveDateTime;
use tokio::time::{Instant, sleep};

use super::{Finding, running::Running, subscriptions::ours_alone};
use crate::{
    config::Config,
    opendental::Subscription,
    source::{Database, DatabaseError},
};

const LOOK: &str = "second sender";

/// The longest look at moving times.
const PATIENCE: Duration = Duration::from_secs(8);

/// A sender is as late as its rounds are long, and so is our look at it.
const LATE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// A DateTimeStart that lies further back than the interval and this is moved by nobody.
const GRACE: Duration = Duration::from_secs(10);

/// Watches DateTimeStart for a few seconds, if it looks as if somebody moved it. A bridge of ours that runs does so
/// itself.
pub(super) async fn look(config: &Config, database: &Database, ours: &[Subscription], bridge: Running) -> Finding {
    if bridge == Running::Yes {
        let found = "a bridge is running, which moves DateTimeStart itself; its log tells of others who do";
        return Finding::not_seen(LOOK, found);
    }
    match moving(database, ours).await {
        Ok(moved) if moved.is_empty() => {
            Finding::ok(LOOK, "none seen: DateTimeStart stands still while no bridge runs")
        }
        Ok(moved) if bridge == Running::NotSeen => {
            let nums = moved.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let found = format!(
                "DateTimeStart of subscriptions {nums} moves; whether our own polling does it cannot be seen, since \
                 http.listen is off: look again while it does not run"
            );
            Finding::not_seen(LOOK, found)
        }
        Ok(moved) => {
            let nums = moved.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let found =
                format!("DateTimeStart of subscriptions {nums} moves, though no bridge runs: somebody else sends them");
            Finding::warning(LOOK, found).mend(ours_alone(config, &nums))
        }
        Err(error) => Finding::unanswered(LOOK, &error),
    }
}

/// The subscriptions whose DateTimeStart moves.
async fn moving(database: &Database, ours: &[Subscription]) -> Result<Vec<i64>, DatabaseError> {
    let now = database.clock().await?.local;
    let candidates: Vec<&Subscription> = ours.iter().filter(|one| may_be_served(one, &now)).collect();
    let Some(longest) = candidates.iter().map(|one| one.polling_interval()).max() else { return Ok(Vec::new()) };
    let until = Instant::now() + longest.saturating_add(LATE).min(PATIENCE);
    let before: BTreeMap<i64, &str> = candidates.iter().map(|one| (one.num, one.date_time_start.as_str())).collect();
    loop {
        let rows = database.all_rows(Subscription::TABLE, &[Subscription::KEY_COLUMN, "DateTimeStart"]).await?;
        let moved = rows.iter().filter_map(|row| {
            let num = row.text_at(0)?.parse().ok()?;
            let known = before.get(&num)?;
            (row.text_at(1)? != *known).then_some(num)
        });
        let moved: Vec<i64> = moved.collect();
        if moved.len() == before.len() || Instant::now() >= until {
            return Ok(moved);
        }
        sleep(PAUSE).await;
    }
}

/// Whether somebody may have moved its DateTimeStart in its last interval. One that was just made looks so too.
fn may_be_served(subscription: &Subscription, now: &str) -> bool {
    let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
    let (Some(start), Some(now)) = (time(&subscription.date_time_start), time(now)) else { return false };
    let age = (now - start).to_std().unwrap_or_default();
    age <= subscription.polling_interval().saturating_add(GRACE)
}
