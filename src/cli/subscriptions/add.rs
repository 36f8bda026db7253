//! `subscriptions add`.

use std::{fs, io::Read, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{Common, SubscriptionsError, connect, described, print_json, say};
use crate::{
    configured_tables,
    delivery::Guard,
    opendental::{FieldRefused, PatientSelected, Subscription, SubscriptionFields},
    subscription_edits::{self, EditError},
};

/// Adds a subscription, by the rules of Open Dental's API.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["table", "ui"]))]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["key", "key_file"]))]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Where events are sent: http://host/path or https://host/path.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// The customer key, which events carry in their Authorization header. Others may see it in the list of processes:
    /// see --key-file.
    #[arg(long, value_name = "KEY")]
    key: Option<SecretString>,
    /// A file that holds the customer key; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The watch table: Appointment, Patient, …, or one of opendental.tables.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// For UI events instead: a patient is selected on a workstation.
    #[arg(long, value_name = "EVENT", num_args = 0..=1, default_missing_value = PatientSelected::NAME)]
    ui: Option<String>,
    /// PollingSeconds: what changed is sent together after so many seconds.
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "ui")]
    seconds: i64,
    /// The machine that is to send the events; of UI events, the one on which they happen. Without it: this bridge, and
    /// UI events of all machines.
    #[arg(long, value_name = "NAME")]
    workstation: Option<String>,
    /// DateTimeStart: what changed since is sent first. Without it: now.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// DateTimeStop: when it ends. Without it: never.
    #[arg(long, value_name = "TIME")]
    stop: Option<String>,
    /// A note for people.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").field("table", &self.table).field("ui", &self.ui).finish_non_exhaustive()
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<(), SubscriptionsError> {
    let config = arguments.common.config.load()?;
    let key = arguments.customer_key()?;
    let json = arguments.common.json;
    let fields = arguments.fields(&config.workstation);
    let database = connect(&config).await?;
    let tables = configured_tables::find(&database, &config.opendental.tables).await?;
    let added = subscription_edits::add(&database, &tables, &Guard::new(&config), key.expose_secret(), &fields).await;
    let row = added.map_err(|error: EditError| SubscriptionsError::of_edit(error, 0))?;
    if json {
        return print_json(&row);
    }
    let subscription = Subscription::from_row(&row)?;
    say(&format!("Added {}, from {} on.", described(&subscription), subscription.date_time_start))?;
    if !subscription.is_ui() && !subscription.belongs_to(&config.workstation) {
        say(&format!(
            "Its workstation is not this bridge's ({}), so another program must send it.",
            config.workstation
        ))?;
    }
    Ok(())
}

impl Arguments {
    fn customer_key(&self) -> Result<SecretString, SubscriptionsError> {
        let key = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => {
                let mut text = String::new();
                let read = match file.as_os_str() == "-" {
                    true => std::io::stdin().take(64 * 1024).read_to_string(&mut text).map(|_| text),
                    false => fs::read_to_string(file),
                };
                let text = read.map_err(|error| SubscriptionsError::KeyFile(error.to_string()))?;
                SecretString::from(text.trim())
            }
            // The command line asks for one of the two.
            (None, None) => SecretString::default(),
        };
        let is_key =
            !key.expose_secret().is_empty() && key.expose_secret().chars().all(|letter| letter.is_ascii_graphic());
        if is_key {
            return Ok(key);
        }
        let rule = "must be printable ASCII characters without spaces";
        Err(SubscriptionsError::Refused(vec![FieldRefused::new("CustomerKey", rule)]))
    }

    fn fields(self, own_workstation: &str) -> SubscriptionFields {
        let is_ui = self.ui.is_some();
        let own = (!is_ui).then(|| own_workstation.to_owned());
        SubscriptionFields {
            end_point_url: Some(self.endpoint),
            workstation: self.workstation.or(own),
            watch_table: self.table,
            polling_seconds: (!is_ui).then_some(self.seconds),
            ui_event_type: self.ui,
            date_time_start: self.start,
            date_time_stop: self.stop,
            note: self.note,
        }
    }
}
