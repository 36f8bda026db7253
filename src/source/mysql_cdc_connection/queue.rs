//! Events on their way from the thread that reads them to the task that takes them.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::super::{batch::Batch, connection::ConnectionError};

/// Bytes that wait before the thread does. The task takes all at once, so that there may be twice as many, and one
/// event beyond that.
const LIMIT: usize = 4 << 20;

/// A queue for one thread and one task.
pub(super) fn bounded() -> (EventSender, EventReceiver) {
    let queue = Arc::new(Queue::default());
    (EventSender { queue: queue.clone() }, EventReceiver { queue, taken: VecDeque::new() })
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when there is room, or no use any more.
    room: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Why no more events come.
    end: Option<ConnectionError>,
    /// The task that waits for an event.
    task: Option<Waker>,
    /// There is no receiver.
    abandoned: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(mut waiting: MutexGuard<'_, Waiting>) {
        let task = waiting.task.take();
        drop(waiting);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// The thread's end.
pub(super) struct EventSender {
    queue: Arc<Queue>,
}

impl EventSender {
    /// Waits for room and puts an event into the queue; `false` if nobody will take it.
    pub(super) fn send(&self, event: Vec<u8>) -> bool {
        let full = |waiting: &mut Waiting| waiting.bytes >= LIMIT && !waiting.abandoned;
        let waiting = self.queue.room.wait_while(self.queue.lock(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.abandoned {
            return false;
        }
        waiting.bytes += event.len();
        waiting.events.push_back(event);
        Queue::wake(waiting);
        true
    }

    /// Says why no more events come; told once those before it are taken.
    pub(super) fn end(self, error: ConnectionError) {
        let mut waiting = self.queue.lock();
        waiting.end = Some(error);
        Queue::wake(waiting);
    }
}

/// The task's end.
pub(super) struct EventReceiver {
    queue: Arc<Queue>,
    /// Taken out of the queue together, and not handed out yet.
    taken: VecDeque<Vec<u8>>,
}

impl EventReceiver {
    /// Waits for the next event and appends its bytes. Not to be used again after an error.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), ConnectionError>> {
        if self.taken.is_empty() {
            let mut waiting = self.queue.lock();
            std::mem::swap(&mut self.taken, &mut waiting.events);
            waiting.bytes = 0;
            if self.taken.is_empty() {
                if let Some(error) = waiting.end.take() {
                    return Poll::Ready(Err(error));
                }
                waiting.task = Some(context.waker().clone());
                return Poll::Pending;
            }
            drop(waiting);
            self.queue.room.notify_one();
        }
        if let Some(event) = self.taken.pop_front() {
            batch.append(|bytes| bytes.extend_from_slice(&event));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        self.queue.lock().abandoned = true;
        self.queue.room.notify_one();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn next(receiver: &mut EventReceiver) -> Result<Vec<u8>, ConnectionError> {
        let mut batch = Batch::default();
        batch.append(|bytes| bytes.extend(b"before"));
        poll_fn(|context| receiver.poll(context, &mut batch)).await?;
        let events: Vec<&[u8]> = batch.events().collect();
        let [b"before", event] = events[..] else { panic!("{} events", events.len()) };
        Ok(event.to_vec())
    }

    #[tokio::test]
    async fn events_come_whole_and_in_order_and_before_the_end() {
        let (sender, mut receiver) = bounded();
        let lengths = [0, 1, LIMIT, LIMIT + 1, 3, LIMIT / 2, LIMIT / 2, LIMIT / 2];
        let thread = std::thread::spawn(move || {
            for length in lengths {
                assert!(sender.send(vec![7; length]));
            }
            sender.end(ConnectionError::Lost("the end".to_owned()));
        });
        for length in lengths {
            assert_eq!(next(&mut receiver).await.unwrap(), vec![7; length]);
        }
        assert!(matches!(next(&mut receiver).await, Err(ConnectionError::Lost(reason)) if reason == "the end"));
        thread.join().unwrap();
    }

    #[test]
    fn a_thread_that_waits_for_room_ends_when_nobody_takes_any_more() {
        let (sender, receiver) = bounded();
        let queue = receiver.queue.clone();
        let thread = std::thread::spawn(move || while sender.send(vec![0; 1000]) {});
        while queue.lock().bytes < LIMIT {
            std::thread::yield_now();
        }
        drop(receiver);
        thread.join().unwrap();
        assert!(queue.lock().bytes < LIMIT + 1000, "no more than the limit and one event wait");
    }
}
