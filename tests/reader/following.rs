//! A reader that follows a private server, for tests.

use std::time::Duration;

use opendental_cdc::{
    binlog::{LogPoint, Position},
    config::{Config, MysqlConfig},
    row::{Field, KeyPart, Row, RowKey},
    sandbox::{MariaDb, Options, Server},
    source::{
        Boundary, Change, ChangeKind, Database, Doubt, ImageRow, Message, Reader, ReaderConfig, SourceError, Step,
        TimeZone, Transaction,
    },
};
use tokio::{
    sync::{OnceCell, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::client;

/// How long anything may take before a test fails; nothing waits this long otherwise.
pub const LONG: Duration = Duration::from_secs(60);

/// The server that all tests share which do not stop it; each test has a database of its own.
pub async fn shared() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| async { MariaDb::start(Options::default().zone("America/New_York")).await.unwrap() }).await
}

/// An empty database on the shared server.
pub async fn database(name: &str) -> &'static Server {
    let server = shared().await;
    server.exec(&format!("CREATE DATABASE `{name}`")).await.unwrap();
    server
}

/// The configuration for a server's URL, with more lines for `[mysql]`.
pub fn config(url: &str, more: &str) -> MysqlConfig {
    let text = format!("workstation = \"TEST\"\n[mysql]\nurl = \"{url}\"\nheartbeat_seconds = 1\n{more}\n");
    Config::from_toml(&text).unwrap().mysql
}

pub struct Following {
    pub config: ReaderConfig,
    pub database: Database,
    pub messages: mpsc::Receiver<Message>,
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), SourceError>>,
    pub boundary: Boundary,
    /// Every `LayoutUnsure` so far.
    pub unsure: Vec<LogPoint>,
    pub connections: usize,
}

impl Following {
    /// Follows `tables` of a database from now on.
    pub async fn now(server: &Server, database: &str, tables: &[&str]) -> Self {
        let mut following = Self::with(config(&server.url(database), ""), tables, None).await;
        following.connected().await;
        following
    }

    /// Follows from a position on; `None`: from now on.
    pub async fn with(mysql: MysqlConfig, tables: &[&str], start: Option<Position>) -> Self {
        let database = Database::connect(&mysql).await.unwrap();
        Self::over(mysql, database, tables, start).await
    }

    /// Follows over one connection and asks questions over another.
    pub async fn over(mysql: MysqlConfig, database: Database, tables: &[&str], start: Option<Position>) -> Self {
        let mysql = client::chosen(mysql).await;
        let start = match start {
            Some(start) => start,
            None => database.current_position().await.unwrap(),
        };
        let config = ReaderConfig {
            seed: format!("{} {tables:?}", database.name()),
            mysql,
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
            keep_before: |_| true,
            transaction_bytes: usize::MAX,
            reconnect_max: Duration::from_millis(500),
        };
        let (sender, messages) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let reader = Reader::new(config.clone(), start.clone(), database.clone(), sender, stop.clone());
        let task = tokio::spawn(reader.run());
        let boundary = Boundary { position: start.clone(), resume: start };
        Self { config, database, messages, stop, task, boundary, unsure: Vec::new(), connections: 0 }
    }

    /// Waits until the reader is connected, and so has read the layouts.
    pub async fn connected(&mut self) {
        while !matches!(self.next().await, Some(Message::Connected { .. })) {}
    }

    /// The next message; takes note of what it says about the log.
    pub async fn next(&mut self) -> Option<Message> {
        let message = tokio::time::timeout(LONG, self.messages.recv()).await.expect("the reader is silent")?;
        match &message {
            Message::Transactions { boundary, .. } => {
                assert!(boundary.position.point() >= self.boundary.position.point(), "R1: a boundary went back");
                self.boundary = boundary.clone();
            }
            Message::LayoutUnsure { until, .. } => self.unsure.push(*until),
            Message::Connected { .. } => self.connections += 1,
            _ => {}
        }
        Some(message)
    }

    /// All transactions up to where the log ends now.
    pub async fn transactions(&mut self) -> Vec<Transaction> {
        let end = self.database.current_position().await.unwrap().point();
        let mut all = Vec::new();
        while self.boundary.position.point() < end {
            match self.next().await {
                Some(Message::Transactions { transactions, .. }) => all.extend(transactions),
                Some(_) => {}
                None => panic!("the reader ended: {:?}", (&mut self.task).await),
            }
        }
        all
    }

    /// What they did, one text for each transaction.
    pub async fn steps(&mut self) -> Vec<String> {
        self.transactions().await.iter().map(|transaction| show(transaction, &self.config)).collect()
    }

    /// What a transaction did.
    pub fn show(&self, transaction: &Transaction) -> String {
        show(transaction, &self.config)
    }

    /// Reads on until something is in doubt; what was handed out before, and that the reader is past it then.
    pub async fn doubt(mut self) -> (Doubt, Vec<String>) {
        let end = self.database.current_position().await.unwrap().point();
        let mut before = Vec::new();
        loop {
            assert!(self.boundary.position.point() < end, "R4: all was read, and nothing was in doubt");
            let Some(Message::Transactions { transactions, boundary }) = self.next().await else { continue };
            for transaction in &transactions {
                let doubt = transaction.steps.iter().find_map(|step| match step {
                    Step::Doubt(doubt) => Some(doubt.as_ref().clone()),
                    _ => None,
                });
                let Some(doubt) = doubt else {
                    before.push(show(transaction, &self.config));
                    continue;
                };
                assert!(doubt.to <= transaction.point && transaction.point <= boundary.position.point());
                self.end().await;
                return (doubt, before);
            }
        }
    }

    /// Reads on until the reader ends with a doubt that it cannot pass over.
    pub async fn end_of_certainty(self) -> Doubt {
        match self.error().await {
            SourceError::Doubt(doubt) => doubt,
            other => panic!("R4: {other}"),
        }
    }

    /// The error with which the reader ends.
    pub async fn error(mut self) -> SourceError {
        let ended = async { while self.next().await.is_some() {} };
        tokio::time::timeout(LONG, ended).await.expect("the reader goes on");
        self.task.await.unwrap().unwrap_err()
    }

    /// Stops the reader.
    pub async fn end(self) {
        self.stop.cancel();
        drop(self.messages);
        self.task.await.unwrap().unwrap();
    }
}

fn show(transaction: &Transaction, config: &ReaderConfig) -> String {
    let step = |step: &Step| match step {
        Step::Cleared(table) => format!("clear {}", config.tables[usize::from(*table)]),
        Step::Keys(keys) => keys.clone().into_iter().map(change).collect::<Vec<_>>().join(" "),
        Step::Changes(changes) => changes.iter().map(change).collect::<Vec<_>>().join(" "),
        Step::Doubt(doubt) => format!("doubt {}", doubt.table_name),
    };
    transaction.steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

fn change(change: Change) -> String {
    let kind = match change.kind {
        ChangeKind::Insert => "+",
        ChangeKind::Update => "~",
        ChangeKind::Delete => "-",
    };
    let old = change.old_key.as_ref().map(|old| format!("{}>", key(old))).unwrap_or_default();
    format!("{kind}{old}{}", key(&change.key))
}

fn key(key: &RowKey) -> String {
    match key {
        RowKey::Int(number) => number.to_string(),
        RowKey::UInt(number) => format!("{number}u"),
        RowKey::Columns(parts) => parts
            .iter()
            .map(|part| match part {
                KeyPart::Int(number) => number.to_string(),
                KeyPart::UInt(number) => format!("{number}u"),
                KeyPart::Text(text) => text.to_string(),
                KeyPart::Bytes(bytes) => format!("{bytes:?}"),
            })
            .collect::<Vec<_>>()
            .join("/"),
    }
}

/// A change's row by the columns' names, as text.
pub fn row(change: &Change, zone: &TimeZone) -> Vec<(String, Option<String>)> {
    let image = change.image.as_ref().expect("a whole image");
    let row = ImageRow::new(image, &change.layout, zone).unwrap();
    let text = |field| match field {
        Field::Absent => panic!("a column is missing"),
        Field::Null => None,
        Field::Int(number) => Some(number.to_string()),
        Field::UInt(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        Field::Text(text) => Some(text.into_owned()),
        Field::Bytes(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02X}")).collect()),
    };
    let names = row.columns().iter().map(|name| name.to_string());
    names.enumerate().map(|(index, name)| (name, text(row.field_at(index)))).collect()
}

/// The changes of transactions.
pub fn changes(transactions: Vec<Transaction>) -> Vec<Change> {
    let steps = transactions.into_iter().flat_map(|transaction| transaction.steps);
    steps.filter_map(|step| if let Step::Changes(changes) = step { Some(changes) } else { None }).flatten().collect()
}
