//! Takes events off a connection, as many together as are at hand.

use std::future::poll_fn;

use futures_util::FutureExt;

use super::{
    batch::Batch,
    connection::{BinlogConnection, ConnectionError},
};

/// A connection, and the events that were last taken off it.
pub(super) struct Batches {
    connection: Box<dyn BinlogConnection>,
    batch: Batch,
    /// Came behind the batch.
    error: Option<ConnectionError>,
}

impl Batches {
    pub(super) fn new(connection: Box<dyn BinlogConnection>) -> Self {
        Self { connection, batch: Batch::default(), error: None }
    }

    /// Takes the next batch, if there is one by now.
    pub(super) fn at_hand(&mut self) -> Option<Result<(), ConnectionError>> {
        self.next().now_or_never()
    }

    /// Waits for the next batch and takes it. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> Result<(), ConnectionError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.batch.clear();
        self.append().await?;
        // From here on nothing is waited for.
        while !self.batch.is_full() {
            match self.append().now_or_never() {
                Some(Ok(())) => {}
                Some(Err(error)) => self.error = Some(error),
                None => break,
            }
            if self.error.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of each event of the last batch.
    pub(super) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.batch.events()
    }

    /// Waits for the next event and appends it, and others that are at hand.
    async fn append(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|context| self.connection.poll_append(context, &mut self.batch)).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;
    use crate::source::{Identity, batch::BATCH_BYTES};

    /// So many events of one size, then an error.
    struct Events {
        size: usize,
        left: usize,
        identity: Identity,
    }

    impl BinlogConnection for Events {
        fn identity(&self) -> &Identity {
            &self.identity
        }

        fn poll_append(&mut self, _: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
            if self.left == 0 {
                return Poll::Ready(Err(ConnectionError::Lost("the end".to_owned())));
            }
            self.left -= 1;
            batch.append(|bytes| bytes.resize(bytes.len() + self.size, 7));
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn large_events_come_alone_and_small_ones_together_and_all_before_an_error() {
        for (size, expected) in [
            (5 * BATCH_BYTES, [1, 1, 1, 1, 1, 1, 1].as_slice()),
            (BATCH_BYTES, &[1, 1, 1, 1, 1, 1, 1]),
            (BATCH_BYTES / 4 + 1, &[4, 3]),
            (10, &[7]),
        ] {
            let identity = Identity { server_id: 1, uuid: None, host: String::new() };
            let mut batches = Batches::new(Box::new(Events { size, left: 7, identity }));
            for count in expected {
                batches.next().await.unwrap();
                assert_eq!(batches.events().map(<[u8]>::len).collect::<Vec<_>>(), vec![size; *count]);
            }
            assert!(matches!(batches.at_hand(), Some(Err(ConnectionError::Lost(reason))) if reason == "the end"));
        }
    }
}
