//! `opendental-cdc subscriptions …`: the rows of `apisubscription`, from the command line.

mod add;
mod list;
mod remove;
mod rewind;
mod running;
mod table;
mod target;

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand};

use self::{running::RunningError, target::TargetError};
use super::{config_argument::ConfigArgument, failure::Failure};
use crate::{
    bridge::BridgeError,
    config::Config,
    configured_tables::TablesError,
    opendental::{FieldRefused, RenderError, Subscription, SubscriptionError, mask_url, subscription_json},
    row::Row,
    source::{Database, DatabaseError},
    state::StateError,
    subscription_edits::EditError,
};

/// Lists, adds, removes and rewinds subscriptions, in the practice's database. What is changed takes effect at once.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Add(add::Arguments),
    Remove(remove::Arguments),
    Rewind(rewind::Arguments),
}

/// What all of them take.
#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    config: ConfigArgument,
    /// Print JSON as Open Dental's API has it, with customer keys and whole URLs, for programs to read.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let done = match arguments.command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Add(arguments) => add::run(arguments).await,
        Command::Remove(arguments) => remove::run(arguments).await,
        Command::Rewind(arguments) => rewind::run(arguments).await,
    };
    match done {
        // Whoever read our output has read enough.
        Err(SubscriptionsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubscriptionsError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The server, or the account there.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The fields that were given.
    #[error("the subscription is refused\n{}", lines(.0))]
    Refused(Vec<FieldRefused>),
    /// There is one already.
    #[error(
        "the subscription is not added: number {0} sends the same already\n\
         Remove that one first, or give another endpoint or workstation."
    )]
    Repeated(i64),
    /// No such number.
    #[error("there is no subscription {0}\n`opendental-cdc subscriptions list` shows all.")]
    NotFound(i64),
    /// It has no windows.
    #[error(
        "subscription {0} is for UI events, which are sent as they happen: there is nothing to send again or to skip"
    )]
    UiEvents(i64),
    /// The row.
    #[error(transparent)]
    Row(#[from] SubscriptionError),
    /// The row.
    #[error(transparent)]
    Json(#[from] RenderError),
    /// The time.
    #[error("--to {0}")]
    Target(#[from] TargetError),
    /// `--key-file`.
    #[error("--key-file: {0}")]
    KeyFile(String),
    /// Nobody can be asked.
    #[error("nothing is done without a yes, and nobody can be asked here\nAdd --yes.")]
    NobodyToAsk,
    /// They said no.
    #[error("nothing was done")]
    SaidNo,
    /// The bridge of this configuration.
    #[error(transparent)]
    Running(#[from] RunningError),
    /// It runs, and nothing answers at `http.listen`.
    #[error(
        "the bridge runs, since it holds its state file, but cannot be asked: nothing answers at http.listen\n\
         Set http.listen and start it again, or stop it for as long as this takes."
    )]
    CannotBeAsked,
    /// Its state file.
    #[error(transparent)]
    Bridge(BridgeError),
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl SubscriptionsError {
    /// Whether the command line or the configuration is to be changed.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            Self::Config(_) | Self::Refused(_) | Self::Target(_) | Self::KeyFile(_) | Self::NobodyToAsk => true,
            Self::Database(error) => matches!(error, DatabaseError::Configuration { .. }),
            Self::Bridge(error) => error.is_configuration(),
            _ => false,
        }
    }

    /// What became of an edit of subscription `num`.
    fn of_edit(error: EditError, num: i64) -> Self {
        match error {
            EditError::Refused(refused) => Self::Refused(refused),
            EditError::Repeated(other) => Self::Repeated(other),
            EditError::NotFound => Self::NotFound(num),
            EditError::Database(error) => Self::Database(error),
        }
    }
}

impl From<BridgeError> for SubscriptionsError {
    fn from(error: BridgeError) -> Self {
        match error {
            BridgeError::State(StateError::InUse(_)) => Self::CannotBeAsked,
            error => Self::Bridge(error),
        }
    }
}

impl From<TablesError> for SubscriptionsError {
    fn from(error: TablesError) -> Self {
        match error {
            TablesError::Config(error) => Self::Config(error),
            TablesError::Database(error) => Self::Database(error),
        }
    }
}

fn lines(refused: &[FieldRefused]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The practice's database; the account needs no right to the log for it.
async fn connect(config: &Config) -> Result<Database, DatabaseError> {
    Database::connect_without_log(&config.mysql).await
}

/// The subscription of this number.
async fn find(database: &Database, num: i64) -> Result<Subscription, SubscriptionsError> {
    for row in database.subscription_rows().await? {
        match Subscription::from_row(&row) {
            Ok(found) if found.num == num => return Ok(found),
            Err(error) if row.text(Subscription::KEY_COLUMN) == Some(num.to_string().as_str()) => {
                return Err(error.into());
            }
            _ => {}
        }
    }
    Err(SubscriptionsError::NotFound(num))
}

/// Prints the row for programs.
fn print_json(row: &dyn Row) -> Result<(), SubscriptionsError> {
    let mut json = Vec::with_capacity(512);
    subscription_json(row, &mut json)?;
    json.push(b'\n');
    Ok(io::stdout().lock().write_all(&json)?)
}

/// Prints lines for people.
fn say(text: &str) -> Result<(), SubscriptionsError> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// The subscription in one line, without anything secret.
fn described(subscription: &Subscription) -> String {
    let what = match subscription.is_ui() {
        true => table::printable(&subscription.ui_event_type),
        false => format!(
            "{} every {} s",
            table::printable(&subscription.watch_table),
            subscription.polling_interval().as_secs()
        ),
    };
    let workstation = match subscription.workstation.trim() {
        "" => "all workstations".to_owned(),
        name => format!("workstation {}", table::printable(name)),
    };
    format!("subscription {}: {what} to {}, {workstation}", subscription.num, mask_url(&subscription.end_point_url))
}

/// Goes on if `yes` was said on the command line, or now by whoever sits there.
fn ask(question: &str, yes: bool) -> Result<(), SubscriptionsError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(SubscriptionsError::NobodyToAsk);
    }
    // To where the answer is typed, also if the output goes to a file.
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(SubscriptionsError::SaidNo),
    }
}
