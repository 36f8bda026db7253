//! `subscriptions rewind`: where a subscription goes on from (rule W7).

use clap::Args;

use super::{
    Common, SubscriptionsError, ask, connect, described, find, print_json, running, say,
    target::{Target, TargetError},
};
use crate::{
    bridge::{SkipTo, skip_while_stopped},
    config::{Config, Engine},
    delivery::Guard,
    opendental::{Subscription, SubscriptionFields},
    source::{Database, TimeZone},
    subscription_edits,
};

/// Lets a subscription go on from another time: what changed since is sent again, or what changed before is left out.
///
/// Back: all rows stamped since TIME are sent again as they are now, under new ids. Forward, up to now: what waits to be
/// sent and is older is not sent. It works whether the bridge runs or not, on the machine where it does.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Its number, as `subscriptions list` shows it.
    #[arg(value_name = "NUM")]
    num: i64,
    /// "now", a local time of the server ("2026-11-25", "2026-11-25 08:00:00"), or one with an offset
    /// ("2026-11-25T08:00:00-05:00").
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What a move means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Sends again from there.
    Back,
    /// Leaves out what is older: all that waits, or what was stamped before.
    Forward { search: bool },
}

pub(super) async fn run(arguments: Arguments) -> Result<(), SubscriptionsError> {
    let Arguments { common, num, to, yes } = arguments;
    let target: Target = to.parse()?;
    let config = common.config.load()?;
    let database = connect(&config).await?;
    let zone = database.time_zone().await?;
    let subscription = find(&database, num).await?;
    if subscription.is_ui() {
        return Err(SubscriptionsError::UiEvents(num));
    }
    let now = zone.utc(database.local_now().await?).timestamp();
    let instant = target.instant(&zone, now);
    if instant > now {
        return Err(TargetError.into());
    }
    let way = way(&subscription, target, instant, &zone);
    let local = zone.local_text(instant);
    ask(&explained(&subscription, way, &local), yes)?;
    let is_ours = subscription.belongs_to(&config.workstation) && !subscription.is_expired(&zone.local_text(now));
    let done = match way {
        Way::Back => back(&config, &database, num, &local).await?,
        // Polling, and whoever else serves it, has no other place than DateTimeStart.
        Way::Forward { .. } if config.engine == Engine::Polling || !is_ours => {
            move_date_time_start(&config, &database, num, &local).await?;
            format!("Subscription {num} goes on from {local}.")
        }
        Way::Forward { search } => {
            let last_seen = &subscription.date_time_start;
            let skip = SkipTo { num, last_seen, local: &local, instant, search };
            forward(&config, &database, skip).await?
        }
    };
    if common.json {
        let row = database
            .subscription_rows()
            .await?
            .into_iter()
            .find(|row| Subscription::from_row(row).is_ok_and(|subscription| subscription.num == num));
        return print_json(&row.ok_or(SubscriptionsError::NotFound(num))?);
    }
    say(&done)
}

fn way(subscription: &Subscription, target: Target, instant: i64, zone: &TimeZone) -> Way {
    let stands = zone.instant(&subscription.date_time_start).unwrap_or(i64::MIN);
    match target {
        Target::Now => Way::Forward { search: false },
        _ if instant < stands => Way::Back,
        _ => Way::Forward { search: true },
    }
}

fn explained(subscription: &Subscription, way: Way, local: &str) -> String {
    let what = described(subscription);
    match way {
        Way::Back => format!(
            "{what}\nAll rows of {} stamped since {local} (the server's local time) are sent again, as they are now and \
             under new ids; rows that were deleted cannot be told. Do it?",
            subscription.watch_table
        ),
        Way::Forward { search: false } => {
            format!(
                "{what}\nWhat it has not been sent so far is NOT sent any more; it goes on with what changes from now \
                     on. Do it?"
            )
        }
        Way::Forward { search: true } => format!(
            "{what}\nOf what it has not been sent so far only rows stamped since {local} (the server's local time) are \
             sent; older changes and all deletions are NOT sent any more. Do it?"
        ),
    }
}

async fn back(config: &Config, database: &Database, num: i64, local: &str) -> Result<String, SubscriptionsError> {
    move_date_time_start(config, database, num, local).await?;
    Ok(format!("Subscription {num} is sent again what changed since {local}."))
}

/// Through the bridge if it runs, else in its state file.
async fn forward(config: &Config, database: &Database, skip: SkipTo<'_>) -> Result<String, SubscriptionsError> {
    let SkipTo { num, local, .. } = skip;
    let to = skip.search.then_some(skip.instant);
    if let Some(skipped) = running::skip(config, database, num, to).await? {
        let count = match skipped.changes {
            Some(count) => format!("{count} changed rows"),
            None => "what it had not been sent".to_owned(),
        };
        return Ok(format!("Subscription {num} goes on from {}; left out: {count}.", skipped.date_time_start));
    }
    let stored = skip_while_stopped(config, skip).await?;
    move_date_time_start(config, database, num, local).await?;
    let when = format!("Subscription {num} goes on from {local} when the bridge is started");
    Ok(match stored {
        true => format!("{when}."),
        false => format!("{when}, as a new one would: {} holds no place of it.", config.state.path.display()),
    })
}

async fn move_date_time_start(
    config: &Config,
    database: &Database,
    num: i64,
    local: &str,
) -> Result<(), SubscriptionsError> {
    let fields = SubscriptionFields { date_time_start: Some(local.to_owned()), ..SubscriptionFields::default() };
    let changed = subscription_edits::change(database, &Guard::new(config), num, None, &fields).await;
    changed.map(drop).map_err(|error| SubscriptionsError::of_edit(error, num))
}
