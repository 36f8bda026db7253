//! `subscriptions list`.

use std::io::{self, Write};

use clap::Args;

use super::{
    Common, SubscriptionsError, connect, say,
    table::{aligned, printable},
};
use crate::{
    configured_tables,
    opendental::{Subscription, WatchTables, mask_key, mask_url, subscription_json},
    source::TextRow,
};

/// Lists all subscriptions of the practice, and whether this bridge serves them.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), SubscriptionsError> {
    let config = arguments.common.config.load()?;
    let database = connect(&config).await?;
    let rows = database.subscription_rows().await?;
    if arguments.common.json {
        return print_json(&rows);
    }
    let tables = configured_tables::find(&database, &config.opendental.tables).await?;
    let now = database.local_now().await?.format("%Y-%m-%d %H:%M:%S").to_string();
    if rows.is_empty() {
        return say("There are no subscriptions. `opendental-cdc subscriptions add` makes one.");
    }
    let lines: Vec<_> = rows.iter().map(|row| line(row, &config.workstation, &tables, &now)).collect();
    let heads = ["NUM", "WATCHES", "EVERY", "WORKSTATION", "ENDPOINT", "KEY", "DATETIMESTART", "STATE", "NOTE"];
    let right = [true, false, true, false, false, false, false, false, false];
    io::stdout().lock().write_all(aligned(heads, right, &lines).as_bytes())?;
    Ok(())
}

/// One array, as the API answers.
fn print_json(rows: &[TextRow]) -> Result<(), SubscriptionsError> {
    let mut json = b"[".to_vec();
    for row in rows {
        if json.len() > 1 {
            json.push(b',');
        }
        subscription_json(row, &mut json)?;
    }
    json.extend(b"]\n");
    Ok(io::stdout().lock().write_all(&json)?)
}

fn line(row: &TextRow, workstation: &str, tables: &WatchTables, now: &str) -> [String; 9] {
    let subscription = match Subscription::from_row(row) {
        Ok(subscription) => subscription,
        Err(error) => {
            let num = row.text(Subscription::KEY_COLUMN).unwrap_or_default().to_owned();
            let [watches, every, machine, endpoint, key, start] = std::array::from_fn(|_| String::new());
            return [num, watches, every, machine, endpoint, key, start, error.to_string(), String::new()];
        }
    };
    let (watches, every) = match subscription.is_ui() {
        true => (subscription.ui_event_type.as_str(), String::new()),
        false => (subscription.watch_table.as_str(), format!("{} s", subscription.polling_interval().as_secs())),
    };
    let machine = match subscription.workstation.trim() {
        "" => "(all)",
        name => name,
    };
    [
        subscription.num.to_string(),
        printable(watches),
        every,
        printable(machine),
        mask_url(&subscription.end_point_url),
        mask_key(&subscription.customer_key),
        printable(&subscription.date_time_start),
        state(&subscription, Subscription::failures_in(row), workstation, tables, now),
        printable(&subscription.note),
    ]
}

/// What the bridge of this configuration makes of it, as far as its row tells.
fn state(subscription: &Subscription, failures: u64, workstation: &str, tables: &WatchTables, now: &str) -> String {
    let is_known = || tables.find(subscription.watch_table.trim()).is_some();
    // Such texts sort as the times they stand for.
    let is_ahead = subscription.date_time_start.as_str() > now;
    let state = match subscription {
        _ if subscription.is_expired(now) => "expired",
        // Its Workstation tells where patients are selected, not who sends.
        _ if subscription.is_ui() => "UI events",
        _ if !subscription.belongs_to(workstation) => "another workstation's",
        _ if !is_known() => "unknown watch table",
        _ if is_ahead => "pauses until DateTimeStart",
        _ if failures == 1 => "1 failure",
        _ if failures > 1 => return format!("{failures} failures"),
        _ => "ours",
    };
    state.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_tells_whether_this_bridge_serves_it() {
        let now = "2026-11-25 12:00:00";
        let tables = WatchTables::api();
        let subscription = |watch_table: &str, workstation: &str, start: &str, stop: &str| Subscription {
            watch_table: watch_table.to_owned(),
            workstation: workstation.to_owned(),
            date_time_start: start.to_owned(),
            date_time_stop: stop.to_owned(),
            ..Subscription::blank(1)
        };
        let (never, past, ahead) = ("0001-01-01 00:00:00", "2026-11-25 11:59:59", "2026-11-25 12:00:01");
        for (subscription, failures, expected) in [
            (subscription("Patient", "", past, never), 0, "ours"),
            (subscription("Patient", "bridge", past, ahead), 3, "3 failures"),
            (subscription("Patient", "Other", past, never), 3, "another workstation's"),
            (subscription("Patient", "Other", past, past), 0, "expired"),
            (subscription("patients", "", past, never), 0, "unknown watch table"),
            (subscription("Patient", "", ahead, never), 0, "pauses until DateTimeStart"),
        ] {
            assert_eq!(state(&subscription, failures, "BRIDGE", &tables, now), expected);
        }
    }
}
