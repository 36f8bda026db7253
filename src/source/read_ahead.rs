//! Takes events off a connection while the ones before them are dealt with.

use std::future::poll_fn;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{BinlogConnection, ConnectionError};

/// A batch is handed over when it has this many bytes, or when the server has no more at hand.
const BATCH_BYTES: usize = 256 << 10;

/// Batches that may wait: enough to keep both sides busy.
const BATCHES: usize = 4;

/// A batch's memory is used again, unless a large event made it this many times as large as others.
const LARGE: usize = 4;

/// Events as they came, one behind the other.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each event ends.
    ends: Vec<usize>,
}

impl Batch {
    /// The bytes of each event.
    pub(super) fn events(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let event = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            event
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(LARGE * BATCH_BYTES);
        self.ends.clear();
    }
}

/// A connection that is read by a task of its own.
pub(super) struct ReadAhead {
    batches: mpsc::Receiver<Result<Batch, ConnectionError>>,
    spent: mpsc::Sender<Batch>,
    _task: AbortOnDropHandle<()>,
}

impl ReadAhead {
    /// Reads until the connection fails, or this is dropped.
    pub(super) fn start(connection: Box<dyn BinlogConnection>) -> Self {
        let (sender, batches) = mpsc::channel(BATCHES);
        let (spent, returned) = mpsc::channel(BATCHES);
        let task = AbortOnDropHandle::new(tokio::spawn(read(connection, sender, returned)));
        Self { batches, spent, _task: task }
    }

    /// The next batch, if there is one by now.
    pub(super) fn at_hand(&mut self) -> Option<Result<Batch, ConnectionError>> {
        self.next().now_or_never()
    }

    /// Waits for the next batch. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> Result<Batch, ConnectionError> {
        match self.batches.recv().await {
            Some(batch) => batch,
            None => Err(ConnectionError::Lost("the task that reads the connection has ended".to_owned())),
        }
    }

    /// Takes back a batch's memory.
    pub(super) fn give_back(&self, mut batch: Batch) {
        batch.clear();
        // One too many is dropped.
        let _ = self.spent.try_send(batch);
    }
}

async fn read(
    mut connection: Box<dyn BinlogConnection>,
    sender: mpsc::Sender<Result<Batch, ConnectionError>>,
    mut returned: mpsc::Receiver<Batch>,
) {
    loop {
        let mut batch = returned.try_recv().unwrap_or_default();
        let mut read = event(connection.as_mut(), &mut batch).await;
        while read.is_ok() && batch.bytes.len() < BATCH_BYTES {
            match event(connection.as_mut(), &mut batch).now_or_never() {
                Some(next) => read = next,
                None => break,
            }
        }
        // Nobody takes them any more where this fails.
        if !batch.ends.is_empty() && sender.send(Ok(batch)).await.is_err() {
            return;
        }
        if let Err(error) = read {
            let _ = sender.send(Err(error)).await;
            return;
        }
    }
}

/// Appends the next event.
async fn event(connection: &mut dyn BinlogConnection, batch: &mut Batch) -> Result<(), ConnectionError> {
    let before = batch.bytes.len();
    let read = poll_fn(|context| connection.poll_append(context, &mut batch.bytes)).await;
    match read {
        Ok(()) => batch.ends.push(batch.bytes.len()),
        Err(_) => batch.bytes.truncate(before),
    }
    read
}
