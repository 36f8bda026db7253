//! `subscriptions remove`.

use clap::Args;

use super::{Common, SubscriptionsError, ask, connect, described, find, say};
use crate::subscription_edits;

/// Removes a subscription. What it has not been sent by then is not sent any more.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Its number, as `subscriptions list` shows it.
    #[arg(value_name = "NUM")]
    num: i64,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), SubscriptionsError> {
    let Arguments { common, num, yes } = arguments;
    let config = common.config.load()?;
    let database = connect(&config).await?;
    let subscription = find(&database, num).await?;
    let what = described(&subscription);
    ask(&format!("Remove {what}?"), yes)?;
    let removed = subscription_edits::remove(&database, num, None).await;
    removed.map_err(|error| SubscriptionsError::of_edit(error, num))?;
    match common.json {
        true => say("{}"),
        false => say(&format!("Removed {what}.")),
    }
}
