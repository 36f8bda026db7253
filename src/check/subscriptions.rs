//! The subscriptions: which are ours, and what keeps one from being served.

use super::{Finding, Mend, Report, dialect};
use crate::{
    config::Config,
    opendental::{Subscription, WatchTables},
    source::{Computer, Database, DatabaseError},
};

const LOOK: &str = "subscriptions";
const WORKSTATION: &str = "workstation";

/// All columns: releases of Open Dental differ in which they have.
const ALL: [&str; 0] = [];

/// What is proposed where a computer has our name.
const OUR_NAMES: [&str; 2] = ["CDC-BRIDGE", "CDC-BRIDGE-2"];

/// Looks at them; returns those that the bridge serves.
pub(super) async fn look(
    config: &Config,
    database: &Database,
    watches: &WatchTables,
    report: &mut Report,
) -> Vec<Subscription> {
    let computers = match database.computers().await {
        Ok(computers) => {
            report.push(workstation(&config.workstation, &computers));
            computers
        }
        Err(error) => {
            report.push(Finding::unanswered(WORKSTATION, &error));
            Vec::new()
        }
    };
    match rows(database).await {
        Ok((rows, now)) => sorted(config, rows, &now, watches, &computers, report),
        Err(error) => {
            report.push(Finding::unanswered(LOOK, &error));
            Vec::new()
        }
    }
}

type Rows = Vec<Result<Subscription, String>>;

/// All rows, and the server's local time.
async fn rows(database: &Database) -> Result<(Rows, String), DatabaseError> {
    let rows = database.all_rows(Subscription::TABLE, &ALL).await?;
    let rows = rows.iter().map(|row| Subscription::from_row(row).map_err(|error| error.to_string())).collect();
    Ok((rows, database.clock().await?.local))
}

/// Whether a machine of the practice is called as we are.
fn workstation(ours: &str, computers: &[Computer]) -> Finding {
    let taken = |name: &str| computers.iter().any(|computer| computer.name.trim().eq_ignore_ascii_case(name.trim()));
    if !taken(ours) {
        return Finding::ok(WORKSTATION, format!("{ours}, which no computer of the practice is called"));
    }
    let found = format!("{ours} is a computer of the practice: Open Dental there sends the same subscriptions");
    let finding = Finding::warning(WORKSTATION, found);
    match OUR_NAMES.into_iter().find(|name| !taken(name)) {
        Some(free) => finding.mend(Mend::Config(format!("workstation = \"{free}\""))).mend(Mend::Sql(format!(
            "UPDATE apisubscription SET Workstation = {} WHERE Workstation = {};",
            dialect::literal(free),
            dialect::literal(ours)
        ))),
        None => finding.mend(Mend::Config("workstation = \"<a name that no computer has>\"".to_owned())),
    }
}

fn sorted(
    config: &Config,
    rows: Rows,
    now: &str,
    watches: &WatchTables,
    computers: &[Computer],
    report: &mut Report,
) -> Vec<Subscription> {
    let (count, mut ours) = (rows.len(), Vec::new());
    let mut problems = Vec::new();
    for row in rows {
        match row {
            Err(error) => problems.push(Finding::warning(LOOK, format!("a row cannot be read: {error}"))),
            Ok(subscription) if !is_served(config, &subscription, now) => {}
            Ok(subscription) if watches.find(subscription.watch_table.trim()).is_none() => {
                problems.push(unknown(config, &subscription));
            }
            Ok(subscription) => ours.push(subscription),
        }
    }
    report.push(Finding::ok(LOOK, format!("{} of {count} are ours to serve", ours.len())));
    report.extend(problems);
    report.extend(everybodys(config, &ours, computers));
    ours
}

fn is_served(config: &Config, subscription: &Subscription, now: &str) -> bool {
    !subscription.is_ui() && subscription.belongs_to(&config.workstation) && !subscription.is_expired(now)
}

fn unknown(config: &Config, subscription: &Subscription) -> Finding {
    let wanted = subscription.watch_table.trim();
    let found = format!("subscription {}: there is no watch table {wanted:?}", subscription.num);
    let table = wanted.strip_suffix("Deleted").unwrap_or(wanted);
    let tables = config.opendental.tables.iter().map(String::as_str).chain([table]);
    let tables: Vec<String> = tables.map(|table| format!("{table:?}")).collect();
    Finding::warning(LOOK, found).mend(Mend::Config(format!("opendental.tables = [{}]", tables.join(", "))))
}

/// Subscriptions that name no Workstation, while Open Dental runs somewhere.
fn everybodys(config: &Config, ours: &[Subscription], computers: &[Computer]) -> Option<Finding> {
    const LOOK: &str = "all workstations";
    let running = computers.iter().filter(|computer| computer.runs).count();
    let named = |subscription: &&Subscription| !subscription.names(&config.workstation);
    let nums: Vec<String> = ours.iter().filter(named).map(|subscription| subscription.num.to_string()).collect();
    if nums.is_empty() {
        return None;
    }
    let nums = nums.join(", ");
    if running == 0 {
        let found = format!("subscriptions {nums} are everybody's; no computer runs Open Dental at present");
        return Some(Finding::ok(LOOK, found));
    }
    let found = format!(
        "subscriptions {nums} are everybody's: each of the {running} computers that run Open Dental may send them too"
    );
    Some(Finding::warning(LOOK, found).mend(ours_alone(config, &nums)))
}

/// Makes subscriptions ours alone.
pub(super) fn ours_alone(config: &Config, nums: &str) -> Mend {
    let workstation = dialect::literal(&config.workstation);
    Mend::Sql(format!("UPDATE apisubscription SET Workstation = {workstation} WHERE ApiSubscriptionNum IN ({nums});"))
}
