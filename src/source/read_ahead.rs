//! Takes events off a connection while the ones before them are dealt with.

use std::future::poll_fn;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{
    batch::Batch,
    connection::{BinlogConnection, ConnectionError},
};

/// Batches that may wait: enough to keep both sides busy.
const BATCHES: usize = 4;

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
        let mut read = append(connection.as_mut(), &mut batch).await;
        while read.is_ok() && !batch.is_full() {
            match append(connection.as_mut(), &mut batch).now_or_never() {
                Some(next) => read = next,
                None => break,
            }
        }
        if !batch.is_empty() {
            // A large event waits until no other batch does, so that only a few of them are in memory at once.
            let places = if batch.is_large() { BATCHES } else { 1 };
            // Nobody takes them any more where this fails.
            let Ok(mut places) = sender.reserve_many(places).await else { return };
            if let Some(place) = places.next() {
                place.send(Ok(batch));
            }
        }
        if let Err(error) = read {
            let _ = sender.send(Err(error)).await;
            return;
        }
    }
}

/// Appends the next event, and others that are at hand.
async fn append(connection: &mut dyn BinlogConnection, batch: &mut Batch) -> Result<(), ConnectionError> {
    poll_fn(|context| connection.poll_append(context, batch)).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Poll},
    };

    use super::*;
    use crate::source::{Identity, batch::BATCH_BYTES};

    /// Events without end, of one size, counted.
    struct Endless {
        size: usize,
        read: Arc<AtomicUsize>,
        identity: Identity,
    }

    impl BinlogConnection for Endless {
        fn identity(&self) -> &Identity {
            &self.identity
        }

        fn poll_append(&mut self, _: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
            batch.append(|bytes| bytes.resize(bytes.len() + self.size, 7));
            self.read.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn large_events_are_read_one_ahead_and_small_ones_some_batches() {
        for (size, ahead) in [(4 * BATCH_BYTES + 1, 2), (BATCH_BYTES, BATCHES + 1)] {
            let read = Arc::new(AtomicUsize::new(0));
            let identity = Identity { server_id: 1, uuid: None, host: String::new() };
            let mut events = ReadAhead::start(Box::new(Endless { size, read: read.clone(), identity }));
            for taken in 0..10 {
                // The reading task goes on until it must wait.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(read.load(Ordering::Relaxed), taken + ahead, "of {size} bytes");
                let batch = events.next().await.unwrap();
                assert_eq!(batch.events().map(<[u8]>::len).collect::<Vec<_>>(), [size]);
                events.give_back(batch);
            }
        }
    }
}
