//! `opendental-cdc tail`: follows the log and prints its changes.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::sync::mpsc;

use super::{
    change_line::{CommitLine, TableLine},
    config_argument::ConfigArgument,
    failure::Failure,
    logging, signals,
};
use crate::{
    binlog::{DecodeError, Image, LogPoint},
    config::Config,
    opendental::WatchTables,
    source::{Change, Database, Doubt, Layout, Message, Reader, ReaderConfig, Step, TimeZone, Transaction},
};

/// Messages that may wait to be printed.
const MESSAGES: usize = 16;

/// Longest pause between attempts to reach the server again.
const RECONNECT_MAX: Duration = Duration::from_secs(10);

/// Follows the log from now on and prints each change as one JSON line; sends nothing. The lines hold patients' data.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only the changes of this table of the practice's database, whichever it is; may be given several times.
    /// Without it: the tables behind all watch tables, those of `opendental.tables` too.
    #[arg(long = "table", value_name = "T")]
    tables: Vec<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    logging::start(&config.log)?;
    let stop = signals::stop_token()?;
    let database = Database::connect(&config.mysql).await?;
    let start = database.current_position().await?;
    let zone = time_zone(&config, &database).await?;
    let mut tables = arguments.tables;
    if tables.is_empty() {
        tables = WatchTables::api().tables();
        tables.extend_from_slice(&config.opendental.tables);
    }
    tables.sort();
    tables.dedup();
    for table in &tables {
        if database.table_layout(table).await?.is_none() {
            tracing::warn!(%table, database = database.name(), "there is no such table yet");
        }
    }
    let reader = ReaderConfig {
        mysql: config.mysql.clone(),
        tables,
        keep_before: |_| true,
        // Nothing else is kept, and what is printed is to be whole.
        transaction_bytes: usize::MAX,
        seed: format!("tail {} {}", config.workstation, std::process::id()),
        reconnect_max: RECONNECT_MAX,
    };
    let (sender, mut messages) = mpsc::channel(MESSAGES);
    let reader = tokio::spawn(Reader::new(reader, start, database, sender, stop.clone()).run());
    let mut printer = Printer { zone, lines: HashMap::new(), out: Vec::new(), doubts: 0 };
    while let Some(message) = messages.recv().await {
        let Message::Transactions { transactions, boundary } = message else { continue };
        for transaction in &transactions {
            printer.transaction(transaction, &boundary.position.file)?;
        }
        match printer.print() {
            Ok(()) => {}
            // Whoever read our output has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => stop.cancel(),
            Err(error) => return Err(error.into()),
        }
    }
    reader.await??;
    match printer.doubts {
        0 => Ok(()),
        doubts => Err(Doubted { doubts }.into()),
    }
}

async fn time_zone(config: &Config, database: &Database) -> Result<TimeZone, Failure> {
    match TimeZone::named(&config.mysql.time_zone) {
        Some(zone) => Ok(zone),
        None => Ok(database.time_zone().await?),
    }
}

/// Not all could be printed.
#[derive(Debug, thiserror::Error)]
#[error("the log was in doubt at {doubts} places, named above: changes are missing from the output")]
struct Doubted {
    doubts: u64,
}

/// A row that cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("a row of {table} cannot be read: {error}")]
struct Unreadable {
    table: String,
    error: DecodeError,
}

struct Printer {
    zone: TimeZone,
    /// By the layout's address, which it keeps for as long as we keep the layout.
    lines: HashMap<*const Layout, (Arc<Layout>, TableLine)>,
    out: Vec<u8>,
    doubts: u64,
}

impl Printer {
    fn transaction(&mut self, transaction: &Transaction, last_file: &str) -> Result<(), Failure> {
        let file = file_name(last_file, transaction.point);
        let gtid = transaction.gtid.map(|gtid| gtid.to_string());
        let commit = CommitLine::new(&file, transaction.point.offset, gtid.as_deref(), transaction.committed);
        for step in &transaction.steps {
            match step {
                Step::Keys(keys) => keys.clone().into_iter().try_for_each(|change| self.change(&commit, &change))?,
                Step::Changes(changes) => changes.iter().try_for_each(|change| self.change(&commit, &change))?,
                Step::Doubt(doubt) => self.doubted(doubt),
                Step::Cleared(_) => tracing::info!(position = ?transaction.point, "a table was emptied or dropped"),
            }
        }
        Ok(())
    }

    /// What is not printed is named.
    fn doubted(&mut self, doubt: &Doubt) {
        tracing::error!("the log cannot be read with certainty, {doubt}");
        self.doubts += 1;
    }

    fn change(&mut self, commit: &CommitLine, change: &Change) -> Result<(), Failure> {
        use crate::source::ChangeKind::{Delete, Insert, Update};
        let layout = &change.layout;
        let (_, line) = self.lines.entry(Arc::as_ptr(layout)).or_insert_with(|| {
            let table = format!("{}.{}", layout.schema, layout.table);
            (layout.clone(), TableLine::new(&table, &layout.columns, Some(&layout.names)))
        });
        let whole = |image| Image::whole(image, &layout.columns);
        let (image, before) = (change.image.as_deref().map(whole), change.before.as_deref().map(whole));
        let images = match change.kind {
            Insert => [None, image],
            Update => [before, image],
            Delete => [image, None],
        };
        let written = line.write(commit, change.kind, images, &layout.columns, &self.zone, &mut self.out);
        Ok(written.map_err(|error| Unreadable { table: layout.table.clone(), error })?)
    }

    fn print(&mut self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&self.out)?;
        self.out.clear();
        stdout.flush()
    }
}

/// The name of the file that a point is in, made from that of a file of the same log.
fn file_name(other: &str, point: LogPoint) -> String {
    match other.rsplit_once('.') {
        Some((base, number)) => format!("{base}.{:0width$}", point.file, width = number.len()),
        None => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_as_the_server_does() {
        let name = |file| file_name("mysql-bin.000010", LogPoint { file, offset: 4 });
        assert_eq!([name(9), name(1_000_000)], ["mysql-bin.000009", "mysql-bin.1000000"]);
    }
}
