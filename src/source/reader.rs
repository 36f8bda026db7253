//! The reader: follows the server's log and hands out what happened to the watched tables.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    batches::Batches,
    change::Message,
    connection::{ConnectionError, ConnectionMaker},
    connection_maker::ConfiguredMaker,
    error::SourceError,
    follower::{Failure, Follower, Wanted},
    layout::{KnownLayout, LayoutReader},
    log_identity::{LogFileMade, LogIdentity},
    read_counts::ReadCounts,
    replica_id::ReplicaId,
};
use crate::{
    binlog::{Decoder, LogPoint, Position},
    config::MysqlConfig,
};

/// The first pause before a new connection; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How many server_ids are tried where `mysql.server_id` is 0 and another replica has the first.
const MAX_STEPS: u32 = 16;

/// What the reader needs to know.
#[derive(Clone)]
pub struct ReaderConfig {
    /// The server and the account. Its database is the practice's.
    pub mysql: MysqlConfig,
    /// The watched tables of that database; a [`super::TableId`] is an index into this list.
    pub tables: Vec<String>,
    /// Whether changes of this table carry the before image of updates.
    pub keep_before: fn(&str) -> bool,
    /// Beyond so many bytes the changes of a transaction are [`super::Step::Keys`]; beyond a few times as many in keys,
    /// what it inserted and updated in a table is a doubt.
    pub transaction_bytes: usize,
    /// Our id among the server's replicas where `mysql.server_id` is 0 is made from this text; it must be the same
    /// after a restart and differ between instances.
    pub seed: String,
    /// Longest pause between two attempts to reconnect.
    pub reconnect_max: Duration,
}

/// Follows the server's log from a position on; see [`Reader::run`].
pub struct Reader<L> {
    config: ReaderConfig,
    start: Position,
    layouts: L,
    known: Vec<KnownLayout>,
    files: Vec<LogFileMade>,
    counts: Arc<ReadCounts>,
    sender: mpsc::Sender<Message>,
    stop: CancellationToken,
}

/// How a connection ended.
enum End {
    Stopped,
    /// A new connection may mend it.
    Lost(String),
    /// Reading the same position again may mend it, once.
    Unreadable(String),
    Clash(String),
    Final(SourceError),
}

/// What is remembered from one connection to the next.
struct Attempts {
    /// Connections since the last one that brought something, that one included.
    fruitless: u32,
    /// How often another replica had our server_id.
    steps: u32,
    /// Where an event could not be read.
    unreadable: Option<LogPoint>,
}

impl<L: LayoutReader> Reader<L> {
    /// A reader that will begin at `start` and send to `sender` until `stop` is cancelled.
    pub fn new(
        config: ReaderConfig,
        start: Position,
        layouts: L,
        sender: mpsc::Sender<Message>,
        stop: CancellationToken,
    ) -> Self {
        let counts = Arc::default();
        Self { config, start, layouts, known: Vec::new(), files: Vec::new(), counts, sender, stop }
    }

    /// Gives it what earlier readers of the same log learned of layouts: see [`Message::Layouts`].
    #[must_use]
    pub fn knowing(mut self, known: Vec<KnownLayout>) -> Self {
        self.known = known;
        self
    }

    /// Gives it what earlier readers of the same log learned of its files: see [`Message::LogFile`].
    #[must_use]
    pub fn of_log(mut self, files: Vec<LogFileMade>) -> Self {
        self.files = files;
        self
    }

    /// Lets it count here what it reads; earlier readers may have counted there too.
    #[must_use]
    pub fn counting(mut self, counts: Arc<ReadCounts>) -> Self {
        self.counts = counts;
        self
    }

    /// Reads until cancelled (`Ok`), reconnecting by itself (rule R7).
    ///
    /// # Errors
    /// Only what a new connection cannot mend: the log is purged, an account or its rights are refused, another replica
    /// has our id, a setting cannot be used, or the log holds bytes that can be neither read nor passed over (rule R4).
    pub async fn run(self) -> Result<(), SourceError> {
        let Self { config, start, layouts, known, files, counts, sender, stop } = self;
        let maker = ConfiguredMaker::new(&config.mysql)?;
        let heartbeat = config.mysql.heartbeat();
        let database = config.mysql.address().map(|address| address.database).unwrap_or_default();
        let wanted = Wanted {
            schema: database,
            tables: config.tables,
            keep_before: config.keep_before,
            transaction_bytes: config.transaction_bytes,
        };
        let follower = Follower::new(wanted, start, (layouts, &known), sender, stop.clone());
        let mut follower = follower.of_log(LogIdentity::new(&files)).counting(counts.clone());
        let mut attempts = Attempts { fruitless: 0, steps: 0, unreadable: None };
        loop {
            let id = ReplicaId::new(config.mysql.server_id, &config.seed, attempts.steps);
            let end = tokio::select! {
                biased;
                () = stop.cancelled() => End::Stopped,
                read = read(&maker, &mut follower, &id, heartbeat, &mut attempts, &stop) => {
                    read.err().unwrap_or(End::Stopped)
                }
            };
            let reason = match end {
                End::Stopped => return Ok(()),
                End::Lost(reason) => reason,
                End::Unreadable(reason) => {
                    let point = follower.boundary_point();
                    if attempts.unreadable.replace(point) == Some(point) {
                        return Err(follower.doubt_ahead(reason));
                    }
                    reason
                }
                End::Clash(reason) => {
                    attempts.steps += 1;
                    if config.mysql.server_id != 0 || attempts.steps > MAX_STEPS {
                        return Err(SourceError::ServerIdClash { server_id: id.server_id, reason });
                    }
                    format!("another replica has our server_id {}: {reason}", id.server_id)
                }
                End::Final(error) => return Err(error),
            };
            counts.connection_lost();
            tracing::warn!(%reason, position = ?follower.boundary_point(), "the binary log's connection is lost");
            match follower.disconnected(reason).await {
                Ok(()) => {}
                Err(Failure::Stopped) => return Ok(()),
                Err(failure) => return Err(failure.into_error()),
            }
            let pause = FIRST_PAUSE.saturating_mul(1 << attempts.fruitless.min(20)).min(config.reconnect_max);
            attempts.fruitless = attempts.fruitless.saturating_add(1);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            }
        }
    }
}

/// Reads over one connection until it ends; `Ok` if that was wanted.
async fn read<L: LayoutReader>(
    maker: &impl ConnectionMaker,
    follower: &mut Follower<L>,
    id: &ReplicaId,
    heartbeat: Duration,
    attempts: &mut Attempts,
    stop: &CancellationToken,
) -> Result<(), End> {
    follower.prepare().await?;
    // A server may scan a huge file in silence before it sends anything (rule R7).
    let doublings = attempts.fruitless.saturating_sub(1).min(10);
    let patience = heartbeat.saturating_mul(3).saturating_mul(1 << doublings);
    if let Some(question) = follower.log().question(follower.position()) {
        let connection = maker.connect(&question, id, patience).await?;
        let answer = follower.log().check(&question, connection);
        let answer = tokio::time::timeout(patience, answer).await;
        answer.map_err(|_| End::Lost("the server was silent when it was asked for its log".to_owned()))??;
    }
    let connection = maker.connect(follower.position(), id, patience).await?;
    follower.connected(connection.identity().clone()).await?;
    let mut batches = Batches::new(connection);
    let mut decoder = Decoder::new();
    loop {
        match batches.at_hand() {
            Some(read) => read?,
            None => {
                follower.flush().await?;
                match tokio::time::timeout(patience, batches.next()).await {
                    Ok(read) => read?,
                    Err(_) => {
                        let silence = patience.as_secs();
                        return Err(End::Lost(format!("the server was silent for {silence} s, heartbeats included")));
                    }
                }
            }
        }
        for bytes in batches.events() {
            let mut event = match decoder.decode(bytes) {
                Ok(event) => event,
                Err(error) => {
                    follower.undecodable(&error, bytes.len()).await?;
                    continue;
                }
            };
            if !event.is_artificial() {
                attempts.fruitless = 0;
            }
            follower.take(&mut event).await?;
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    }
}

impl From<ConnectionError> for End {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Lost(reason) => Self::Lost(reason),
            ConnectionError::Unreadable(reason) => Self::Unreadable(reason),
            ConnectionError::Clash(reason) => Self::Clash(reason),
            ConnectionError::Final(error) => Self::Final(error),
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stopped => Self::Stopped,
            Failure::Unreadable(reason) => Self::Unreadable(reason),
            Failure::Source(error) if error.is_lost() => Self::Lost(error.to_string()),
            Failure::Source(error) => Self::Final(error),
        }
    }
}
