//! Cuts what comes off the connection into events, where it was received.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::{
    super::{
        answer::{ERROR, OK, is_end},
        batch::{BATCH_BYTES, Batch, Place},
        connection::{ConnectionError, MAX_PACKET},
    },
    packets::{FULL, HEADER, lost, part_length, too_large},
};

/// Room for as many bytes at least is there for each read.
const LEAST_ROOM: usize = 32 << 10;

/// What is received, and how far it is understood.
pub(super) struct Events {
    bytes: Vec<u8>,
    /// The whole events in `bytes`.
    whole: Vec<Place>,
    /// Where the payload at hand begins.
    begin: usize,
    /// Where the packet at hand ends, or the next one's header begins.
    next: usize,
    state: State,
    /// The next packet's number.
    number: u8,
}

/// What is at [`Events::next`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first header of a payload.
    Before,
    /// The header of a payload's next part.
    Between,
    /// The end of a part.
    Inside { full: bool },
}

/// What is sent instead of an event.
pub(super) enum Unexpected {
    /// The server refuses; the packet.
    Refusal(Vec<u8>),
    Error(ConnectionError),
}

impl From<ConnectionError> for Unexpected {
    fn from(error: ConnectionError) -> Self {
        Self::Error(error)
    }
}

impl Default for Events {
    /// Behind the request, whose packet has number 0.
    fn default() -> Self {
        Self { bytes: Vec::new(), whole: Vec::new(), begin: 0, next: 0, state: State::Before, number: 1 }
    }
}

impl Events {
    /// Waits for an event and appends it, and those behind it that are at hand, to `batch`. Giving up waiting loses
    /// nothing.
    pub(super) fn poll(
        &mut self,
        mut stream: Pin<&mut impl AsyncRead>,
        context: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Poll<Result<(), Unexpected>> {
        loop {
            let cut = self.cut();
            let enough = self.bytes.len() >= BATCH_BYTES || cut.is_err();
            if enough && !self.whole.is_empty() {
                // An error is found again, and told next time.
                self.hand_over(batch);
                return Poll::Ready(Ok(()));
            }
            cut?;
            self.make_room();
            match poll_read_buf(stream.as_mut(), context, &mut self.bytes) {
                Poll::Ready(Ok(received)) if received > 0 => {}
                _ if !self.whole.is_empty() => {
                    self.hand_over(batch);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(_)) => return Poll::Ready(Err(lost(&io::ErrorKind::UnexpectedEof.into()).into())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(lost(&error).into())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Finds the events in what is received.
    fn cut(&mut self) -> Result<(), Unexpected> {
        loop {
            let State::Inside { full } = self.state else {
                let header = self.bytes.get(self.next..).and_then(<[u8]>::first_chunk::<HEADER>);
                let Some(header) = header.copied() else { return Ok(()) };
                let mut number = self.number;
                let length = part_length(header, &mut number)?;
                if self.state == State::Before {
                    self.next += HEADER;
                    self.begin = self.next;
                } else {
                    // The parts of a payload are joined. Little has been received beyond this header.
                    self.bytes.drain(self.next..self.next + HEADER);
                }
                self.number = number;
                self.next += length;
                self.state = State::Inside { full: length == FULL };
                continue;
            };
            if self.next - self.begin > MAX_PACKET {
                return Err(too_large().into());
            }
            if self.bytes.len() < self.next {
                return Ok(());
            }
            if !full {
                self.take_payload()?;
            }
            self.state = if full { State::Between } else { State::Before };
        }
    }

    fn take_payload(&mut self) -> Result<(), Unexpected> {
        let payload = self.bytes.get(self.begin..self.next).unwrap_or_default();
        match payload.first() {
            Some(&OK) => self.whole.push((self.begin + 1, self.next)),
            Some(&ERROR) => return Err(Unexpected::Refusal(payload.to_vec())),
            _ if is_end(payload) => {
                return Err(ConnectionError::Lost("the server closed the connection".to_owned()).into());
            }
            _ => return Err(ConnectionError::Unreadable("the server sent a packet that is no event".to_owned()).into()),
        }
        Ok(())
    }

    /// Sees to it that the packet at hand has room, or some packets.
    fn make_room(&mut self) {
        let missing = self.next.saturating_sub(self.bytes.len()) + HEADER;
        if self.bytes.capacity() == 0 {
            // A batch's last event may end a little beyond what is enough.
            self.bytes.reserve_exact(BATCH_BYTES + LEAST_ROOM);
        }
        if self.bytes.capacity() - self.bytes.len() < missing.max(LEAST_ROOM) {
            self.bytes.reserve_exact(missing.max(LEAST_ROOM));
        }
    }

    /// Moves the whole events to `batch`, and keeps what follows them.
    fn hand_over(&mut self, batch: &mut Batch) {
        let kept = if self.state == State::Before { self.next } else { self.begin };
        let rest = self.bytes.get(kept..).unwrap_or_default().to_vec();
        batch.take_over(&mut self.bytes, &mut self.whole);
        self.begin = self.begin.saturating_sub(kept);
        self.next -= kept;
        self.make_room();
        self.bytes.extend_from_slice(&rest);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::ReadBuf;

    use super::*;

    /// Hands out bytes in pieces of random sizes, and sometimes none.
    struct Pieces {
        bytes: Vec<u8>,
        at: usize,
        random: fastrand::Rng,
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.random.u8(0..4) == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let most = buffer.remaining().min(self.bytes.len() - self.at);
            let few = if self.random.bool() { most.min(10) } else { most };
            let taken = if few == 0 { 0 } else { self.random.usize(1..=few) };
            buffer.put_slice(&self.bytes[self.at..self.at + taken]);
            self.at += taken;
            Poll::Ready(Ok(()))
        }
    }

    /// The packets of payloads that begin with `first`.
    fn packets(first: u8, events: &[Vec<u8>]) -> Vec<u8> {
        let (mut bytes, mut number) = (Vec::new(), 1u8);
        for event in events {
            let payload = [&[first], event.as_slice()].concat();
            let last: &[u8] =
                if payload.len().is_multiple_of(FULL) { &[] } else { payload.chunks(FULL).next_back().unwrap() };
            for part in payload.chunks_exact(FULL).chain([last]) {
                let [a, b, c, _] = (part.len() as u32).to_le_bytes();
                bytes.extend([a, b, c, number]);
                bytes.extend(part);
                number = number.wrapping_add(1);
            }
        }
        bytes
    }

    /// All events, and what came behind them.
    async fn read(bytes: Vec<u8>, seed: u64) -> (Vec<Vec<u8>>, String) {
        let mut stream = Pieces { bytes, at: 0, random: fastrand::Rng::with_seed(seed) };
        let (mut events, mut batch, mut read) = (Events::default(), Batch::default(), Vec::new());
        loop {
            let polled = poll_fn(|context| events.poll(Pin::new(&mut stream), context, &mut batch)).await;
            if batch.is_full() || polled.is_err() || seed.is_multiple_of(2) {
                read.extend(batch.events().map(<[u8]>::to_vec));
                batch.clear();
            }
            match polled {
                Ok(()) => {}
                Err(Unexpected::Refusal(packet)) => return (read, format!("refusal of {} bytes", packet.len())),
                Err(Unexpected::Error(ConnectionError::Lost(reason) | ConnectionError::Unreadable(reason))) => {
                    return (read, reason);
                }
                Err(Unexpected::Error(error)) => panic!("{error:?}"),
            }
        }
    }

    #[tokio::test]
    async fn events_come_out_whole_however_they_travelled() {
        for seed in 0..8 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut lengths: Vec<usize> = (0..3000).map(|_| random.usize(0..300)).collect();
            let special = [FULL - 2, FULL - 1, FULL, 2 * FULL - 1, 2 * FULL + 100, BATCH_BYTES, 5 * BATCH_BYTES];
            lengths.extend(special.iter().filter(|_| seed < 2));
            random.shuffle(&mut lengths);
            let events: Vec<Vec<u8>> = lengths.iter().map(|length| vec![*length as u8; *length]).collect();
            let (read, end) = read(packets(0, &events), seed).await;
            assert!(read == events, "seed {seed}: {} of {} events", read.len(), events.len());
            assert_eq!(end, "the server closed the connection");
        }
    }

    #[tokio::test]
    async fn r4_what_is_no_event_is_told_behind_the_events_before_it() {
        let events = vec![vec![7; 100]; 3];
        let good = packets(0, &events);
        let others: [(&[u8], &str); 5] = [
            (b"\x05\0\0\x04\xff\x10\x04no", "refusal of 5 bytes"),
            (b"\x05\0\0\x04\xfe\0\0\0\0", "the server closed the connection"),
            (b"\x01\0\0\x04\x07", "the server sent a packet that is no event"),
            (b"\0\0\0\x04", "the server sent a packet that is no event"),
            (b"\x01\0\0\x05\0", "a packet of the server is missing"),
        ];
        for (seed, (other, said)) in (0..).zip(others) {
            assert_eq!(read([&good, other].concat(), seed).await, (events.clone(), said.to_owned()));
        }
        let endless = packets(0, &[vec![0; FULL * 2]]).iter().copied().take(FULL + 4).collect::<Vec<_>>();
        let (read, end) = read(endless, 0).await;
        assert_eq!((read.len(), end.as_str()), (0, "the server closed the connection"));
    }
}
